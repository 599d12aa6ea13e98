/**
 * What `setup` is told: by flags, by variables, by a file of answers, and by the configuration that is there from before, in
 * this order. What came of it is what the configuration will say; defaults are not written down, so that they stay free.
 */
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { hasCode, type InstallLayout, installLayout, limits, UpdaterError } from '@remendo/core';
import type { SelfUpdateSettings } from '../agent/self-update/self-update-settings.js';
import { readSettings, type SettingSources } from '../config.js';
import { configFileName, readSecret } from '../config-files.js';
import { credentialsOf } from '../credentials.js';
import { type ServiceSettings, serviceSettingsOf } from '../service/service-settings.js';
import { type Setting, type SettingName, type Settings, settings as table } from '../settings.js';
import { problemsOfAnswers } from './check-answers.js';
import { type OnlySetup, type RegisterAnswers, splitAnswers, type TerminalAnswers } from './setup-answers.js';

export interface SetupAnswers {
  readonly layout: InstallLayout;
  /** The server and who asks it. */
  readonly asking: Settings<'server' | 'allowInsecure' | 'terminalSecret' | 'apiKey' | 'apiSecret'> & { readonly server: string };
  /** As they stand in the configuration file. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** A file; null: none was named. */
  readonly trustRoot: string | null;
  /** Whether trust may begin with what the server shows first. */
  readonly trustsFirstUse: boolean;
  readonly service: ServiceSettings;
  readonly selfUpdate: SelfUpdateSettings | null;
  /** A folder that the install is from; null: from the server. */
  readonly bundle: string | null;
  /** Null: nobody is to be registered. */
  readonly register: RegisterAnswers | null;
  readonly enrols: boolean;
  readonly terminal: TerminalAnswers & { readonly name: string; readonly branch: string };
  readonly installs: boolean;
}

export interface SetupGiven {
  readonly flags: SettingSources['flags'];
  readonly environment: NodeJS.ProcessEnv;
  /** A file; null: there is none. */
  readonly answers: string | null;
  /** By flags: goes before the file. */
  readonly own: OnlySetup;
  /** Of the service: goes before what is said of it elsewhere. */
  readonly ownService: Partial<ServiceSettings>;
}

/** Those of publishers and of one call; all others may stand in a terminal's configuration. */
const otherNames: readonly SettingName[] = ['config', 'token', 'trustFolder', 'keyPassphrase', 'signingKey'];

export const setupNames = (Object.keys(table) as SettingName[]).filter((name) => !otherNames.includes(name));

/** Where an install lies says where its configuration is looked for, and the root of trust is put beside it. */
const unwrittenNames: readonly SettingName[] = ['root', 'home', 'trustRoot'];

/** Names of files in the configuration: from any folder they have to lead to the same one. */
const fileNames: readonly string[] = [
  ...[table.trustRoot, table.openpgpKeys, table.bundle],
  ...[table.apiKey, table.apiSecret, table.terminalSecret],
].map(({ name }) => name);

/** Written down only where a file says so: a flag or a variable of `setup` is about this one call, and a stick is taken out again. */
const ofThisCall = (name: SettingName, { kind }: Setting): boolean => kind === 'secret' || name === 'bundle';

/** @throws UpdaterError CONFIG_INVALID with every problem. */
export async function readAnswers({ flags, environment, answers, own, ownService }: SetupGiven): Promise<SetupAnswers> {
  const problems: string[] = [];
  const all = answers === null ? {} : withWholePaths(await readObject(answers), dirname(answers));
  const split = splitAnswers(all, answers ?? '', problems);
  const layout = placeOf({ flags, environment, answered: split.settings });
  const before = layout === null ? {} : await configurationOf(layout.home);
  const file = { path: answers ?? configFileName, value: { ...before, ...split.settings } };
  const values = readAll({ flags, environment, file, readSecret }, problems);
  if (values !== null && layout !== null) problems.push(...(await problemsOfAnswers(values, { home: layout.home, environment })));
  if (values?.server === null || values === null || layout === null || problems.length > 0) throw invalid(problems);
  const configured = serviceSettingsOf(values.service);
  const service = { ...configured, ...ownService };
  const told = { ...split.own, ...own };
  const { name = hostname(), branch = name } = { ...split.own.terminal, ...own.terminal };
  return {
    layout,
    asking: { ...values, server: values.server },
    configuration: withWholePaths(
      configurationFrom({ ...values, service: writtenService({ ...service, mode: configured.mode }) }, file.value),
      '.',
    ),
    trustRoot: values.trustRoot,
    trustsFirstUse: values.trustFirstUse ?? true,
    service,
    selfUpdate: values.selfUpdate,
    bundle: values.bundle === null ? null : resolve(values.bundle),
    register: told.register ?? null,
    enrols: told.enrol ?? true,
    terminal: { ...split.own.terminal, ...own.terminal, name, branch },
    installs: told.install ?? answers !== null,
  };
}

/** Null when something is wrong, which is in `problems` then. */
function readAll(sources: SettingSources, problems: string[]): Settings<SettingName> | null {
  try {
    const values = readSettings(setupNames, sources, ['root', 'server']) as Settings<SettingName>;
    credentialsOf(values);
    return values;
  } catch (error) {
    if (!hasCode(error, 'CONFIG_INVALID') || !Array.isArray(error.details.problems)) throw error;
    problems.push(...(error.details.problems as readonly string[]));
    return null;
  }
}

/** What is as it would be anyway is left out; null when all of it is. */
function writtenService({ mode, scope, account }: ServiceSettings): object | null {
  const written = {
    ...(mode === 'daemon' ? {} : { mode }),
    ...(scope === 'system' ? {} : { scope }),
    ...(account === null ? {} : { account }),
  };
  return Object.keys(written).length === 0 ? null : written;
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

/** What is needed to take the agent away: whatever else the configuration says, or that it is gone, is no hindrance. */
export async function readPlace({ flags, environment, answers, ownService }: SetupGiven): Promise<SetupPlace> {
  const answered = answers === null ? {} : splitAnswers(await readObject(answers), answers, []).settings;
  const layout = placeOf({ flags, environment, answered });
  if (layout === null) throw invalid([`${table.root.flag} is missing (or ${table.root.variable} in the environment)`]);
  const before = await configurationOf(layout.home).catch(() => ({}));
  const said: Readonly<Record<string, unknown>> = { ...before, ...answered };
  const names = ['service', 'selfUpdate'] as const;
  const value = Object.fromEntries(names.flatMap((name) => (said[name] === undefined ? [] : [[name, said[name]]])));
  const file = { path: answers ?? configFileName, value };
  const { service, selfUpdate } = readSettings(names, { flags, environment, file, readSecret });
  // However it is to be run from now on: it may have been run otherwise before.
  return { layout, service: { ...serviceSettingsOf(service), ...ownService, mode: 'daemon' }, selfUpdate };
}

export type SetupPlace = Pick<SetupAnswers, 'layout' | 'service' | 'selfUpdate'>;

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
    throw invalid([`${path} can not be read: ${(cause as Error).message}`]);
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
    const value = ofThisCall(name, one) ? inFile[one.name] : values[name];
    if (value !== null && value !== undefined && !isDefault(one, value)) configuration[one.name] = value;
  }
  return configuration;
}

const isDefault = ({ kind, default: fallback }: Setting, value: unknown): boolean =>
  kind === 'switch' ? value === (fallback === 'on') : String(value) === fallback;

const invalid = (problems: readonly string[]): UpdaterError =>
  new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
