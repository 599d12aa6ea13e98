/**
 * What `setup` is told: by flags, by variables, by a file of answers, and by the configuration that is there from before, in
 * this order. What came of it is what the configuration will say; defaults are not written down, so that they stay free.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type InstallLayout, installLayout, limits, UpdaterError } from '@remendo/core';
import { readSettings, type Setting, type SettingName, type SettingSources, settings as table } from '../config.js';
import { configFileName, readSecret } from '../config-files.js';

export interface SetupAnswers {
  readonly layout: InstallLayout;
  readonly server: string;
  /** As they stand in the configuration file. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** A file; null: none was named. */
  readonly trustRoot: string | null;
  /** Whether trust may begin with what the server shows first. */
  readonly trustsFirstUse: boolean;
}

export interface SetupGiven {
  readonly flags: SettingSources['flags'];
  readonly environment: NodeJS.ProcessEnv;
  /** A file; null: there is none. */
  readonly answers: string | null;
}

/** Those of publishers and of one call; all others may stand in a terminal's configuration. */
const otherNames: readonly SettingName[] = ['config', 'token', 'trustFolder', 'keyPassphrase', 'signingKey'];

export const setupNames = (Object.keys(table) as SettingName[]).filter((name) => !otherNames.includes(name));

/** Where an install lies says where its configuration is looked for, and the root of trust is put beside it. */
const unwrittenNames: readonly SettingName[] = ['root', 'home', 'trustRoot'];

/** Names of files in the configuration: from any folder they have to lead to the same one. */
const fileNames: readonly string[] = [table.trustRoot, table.openpgpKeys, table.apiKey, table.apiSecret].map(({ name }) => name);

/** @throws UpdaterError CONFIG_INVALID with every problem. */
export async function readAnswers({ flags, environment, answers }: SetupGiven): Promise<SetupAnswers> {
  const answered = answers === null ? {} : withWholePaths(await readObject(answers), dirname(answers));
  const layout = placeOf({ flags, environment, answered });
  const before = layout === null ? {} : await configurationOf(layout.home);
  const file = { path: answers ?? configFileName, value: { ...before, ...answered } };
  const values = readSettings(setupNames, { flags, environment, file, readSecret }, ['root', 'server']);
  if (values.server === null || layout === null) throw new TypeError('settings were not checked');
  const configuration = withWholePaths(configurationFrom(values, file.value), '.');
  return {
    layout,
    server: values.server,
    configuration,
    trustRoot: values.trustRoot,
    trustsFirstUse: values.trustFirstUse ?? true,
  };
}

/** @param folder what relative paths are relative to. */
const withWholePaths = (values: Readonly<Record<string, unknown>>, folder: string): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      fileNames.includes(name) && typeof value === 'string' ? resolve(folder, value) : value,
    ]),
  );

interface PlaceSources {
  readonly flags: SettingSources['flags'];
  readonly environment: NodeJS.ProcessEnv;
  readonly answered: Readonly<Record<string, unknown>>;
}

/** Null when no root was named, which is told with everything else that is wrong. */
function placeOf({ flags, environment, answered }: PlaceSources): InstallLayout | null {
  const given = (name: 'root' | 'home'): string | null => {
    const value = flags[name] ?? (environment[table[name].variable] || undefined) ?? answered[name];
    return typeof value === 'string' && value.trim() !== '' ? resolve(value.trim()) : null;
  };
  const root = given('root');
  return root === null ? null : installLayout(root, given('home') ?? undefined);
}

const configurationOf = async (home: string): Promise<Readonly<Record<string, unknown>>> => {
  const path = join(home, configFileName);
  return (await stat(path).catch(() => null)) === null ? {} : readObject(path);
};

async function readObject(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    if ((await stat(path)).size > limits.answerBytesMax) throw new Error('it is too large');
    const value: unknown = JSON.parse((await readFile(path, 'utf8')).replace(/^\ufeff/, ''));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it does not hold a JSON object');
    return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw invalid(`${path} can not be read: ${(cause as Error).message}`);
  }
}

function configurationFrom(
  values: Readonly<Partial<Record<SettingName, unknown>>>,
  inFile: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const configuration: Record<string, unknown> = {};
  for (const name of setupNames) {
    const one: Setting = table[name];
    if (unwrittenNames.includes(name)) continue;
    // A secret stays in a file of its own, which the configuration names.
    const value = one.kind === 'secret' ? inFile[one.name] : values[name];
    if (value !== null && value !== undefined && !isDefault(one, value)) configuration[one.name] = value;
  }
  return configuration;
}

const isDefault = ({ kind, default: fallback }: Setting, value: unknown): boolean =>
  kind === 'switch' ? value === (fallback === 'on') : String(value) === fallback;

const invalid = (problem: string): UpdaterError =>
  new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems: [problem] } });
