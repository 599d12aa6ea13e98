/** The configuration file and files with secrets, read from this machine's disk. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits, UpdaterError } from '@remendo/core';
import { readSettings, type SettingSources } from './config.js';
import type { SettingName, Settings } from './settings.js';

export const configFileName = 'remendo.config.json';

type Flags = SettingSources['flags'];

/**
 * The named settings, with the configuration file among their sources: the one that was named, else the one in the
 * updater's folder.
 * @throws UpdaterError CONFIG_INVALID with every problem.
 */
export function loadSettings<Name extends SettingName>(
  names: readonly Name[],
  given: { readonly flags: Flags; readonly environment: NodeJS.ProcessEnv },
  required: readonly NoInfer<Name>[] = [],
): Settings<Name> {
  return readSettings(names, { ...given, file: readConfigFile(given), readSecret }, required);
}

/** What the file says of the language of messages. What is wrong with the file is told where settings are read. */
export function configuredLanguage(flags: Flags, environment: NodeJS.ProcessEnv): string | undefined {
  try {
    const value = readConfigFile({ flags, environment })?.value as { readonly language?: unknown } | null | undefined;
    return typeof value?.language === 'string' ? value.language : undefined;
  } catch {
    return undefined;
  }
}

function readConfigFile({
  flags,
  environment,
}: {
  readonly flags: Flags;
  readonly environment: NodeJS.ProcessEnv;
}): SettingSources['file'] {
  const given = (name: 'config' | 'home' | 'root', variable: string): string | undefined => {
    const value = flags[name] ?? environment[variable];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const named = given('config', 'REMENDO_CONFIG');
  const root = given('root', 'REMENDO_ROOT');
  const home = given('home', 'REMENDO_HOME') ?? (root === undefined ? undefined : join(root, '.remendo'));
  const path = named ?? (home === undefined ? undefined : join(home, configFileName));
  if (path === undefined) return null;
  const isThere = isFile(path);
  if (!isThere && named === undefined) return null;
  try {
    if (!isThere) throw new Error('there is no such file');
    return { path, value: JSON.parse(readSmall(path).replace(/^\ufeff/, '')) };
  } catch (cause) {
    const problems = [`${path} can not be read: ${(cause as Error).message}`];
    throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function readSmall(path: string): string {
  if (statSync(path).size > limits.answerBytesMax) throw new Error('it is too large');
  return readFileSync(path, 'utf8');
}

/** A file that others may read holds no secret. Windows has no such bits. */
export function readSecret(path: string): string {
  const { mode } = statSync(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new Error(`others may read ${path}; take that away from them (chmod 600)`);
  return readSmall(path);
}
