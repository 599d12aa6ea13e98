/**
 * Every setting of the command in one table: help, docs/cli.md and reading come from it. A flag goes before a variable of
 * the environment, that before the configuration file, that before the default. All problems are reported at once.
 */
import { limits, UpdaterError } from '@remendo/core';
import { channels } from '@remendo/core/protocol';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { AgentSettings, UpdateLogSettings } from './agent/agent-settings.js';
import { SelfUpdateSettings } from './agent/self-update/self-update-settings.js';
import { BackupSettings } from './backups/backup-settings.js';
import { languages } from './language.js';
import { componentsSchema, healthSchema, stepsSchema } from './pipeline/pipeline-settings.js';
import { RelayServerSettings } from './relay/relay-settings.js';
import { serviceSchema } from './service/service-settings.js';

export interface Setting {
  /** In the configuration file. */
  readonly name: string;
  /** Null for what may only come from elsewhere: secrets. */
  readonly flag: string | null;
  readonly argument: string | null;
  readonly variable: string;
  readonly kind: 'text' | 'list' | 'integer' | 'switch' | 'secret' | 'structure';
  /** As a person would write it; null: there is none. */
  readonly default: string | null;
  readonly unit: string | null;
  readonly sentence: string;
  /** All that a text may be; left out: anything. */
  readonly choices?: readonly string[];
  /** Bounds of an integer. */
  readonly range?: readonly [number, number];
  /** What a structure looks like: an object or a list in the file, the same as JSON in the flag and the variable. */
  readonly schema?: TSchema;
}

const setting = <const T extends Setting>(value: T): T => value;

export const settings = {
  root: setting({
    name: 'root',
    flag: '--root',
    argument: 'DIR',
    variable: 'REMENDO_ROOT',
    kind: 'text',
    default: null,
    unit: null,
    sentence: 'Folder the application is installed in.',
  }),
  home: setting({
    name: 'home',
    flag: '--home',
    argument: 'DIR',
    variable: 'REMENDO_HOME',
    kind: 'text',
    default: null,
    unit: null,
    sentence: "The updater's own folder, on the same volume as the root; .remendo below the root when left out.",
  }),
  config: setting({
    name: 'config',
    flag: '--config',
    argument: 'FILE',
    variable: 'REMENDO_CONFIG',
    kind: 'text',
    default: null,
    unit: null,
    sentence: "Configuration file; remendo.config.json in the updater's folder, where there is one, when left out.",
  }),
  server: setting({
    name: 'server',
    flag: '--server',
    argument: 'URL',
    variable: 'REMENDO_SERVER_URL',
    kind: 'text',
    default: null,
    unit: null,
    sentence: 'Address of the server.',
  }),
  bundle: setting({
    name: 'bundle',
    flag: '--from',
    argument: 'DIR',
    variable: 'REMENDO_BUNDLE',
    kind: 'text',
    default: null,
    unit: null,
    sentence:
      'Folder of an offline bundle, such as a USB stick: it is asked in the place of the server, which gives only what the bundle lacks.',
  }),
  application: setting({
    name: 'application',
    flag: '--application',
    argument: 'SLUG',
    variable: 'REMENDO_APPLICATION',
    kind: 'text',
    default: null,
    unit: null,
    sentence: 'Application; what is installed, or the default of the server, when left out; publish needs it.',
  }),
  platform: setting({
    name: 'platform',
    flag: '--platform',
    argument: 'NAME',
    variable: 'REMENDO_PLATFORM',
    kind: 'text',
    default: null,
    unit: null,
    sentence: 'Build to take, such as win-x64; what is installed, or the only one, when left out.',
  }),
  channel: setting({
    name: 'channel',
    flag: '--channel',
    argument: 'NAME',
    variable: 'REMENDO_CHANNEL',
    kind: 'text',
    default: 'stable',
    unit: null,
    sentence: 'Channel to follow: stable or development.',
    choices: channels,
  }),
  preserve: setting({
    name: 'preserve',
    flag: '--preserve',
    argument: 'GLOB',
    variable: 'REMENDO_PRESERVE',
    kind: 'list',
    default: null,
    unit: null,
    sentence:
      'Files that survive every update whatever a release holds, such as .env or storage/app/**; may be repeated, commas separate them in the variable.',
  }),
  language: setting({
    name: 'language',
    flag: '--lang',
    argument: 'LANGUAGE',
    variable: 'REMENDO_LANGUAGE',
    kind: 'text',
    default: null,
    unit: null,
    sentence: 'Language of messages: en, pt or it; that of the system when left out. JSON and logs are the same in each.',
    choices: languages,
  }),
  bandwidthBytesPerSecond: setting({
    name: 'bandwidthBytesPerSecond',
    flag: '--bandwidth',
    argument: 'BYTES',
    variable: 'REMENDO_BANDWIDTH_BYTES_PER_SECOND',
    kind: 'integer',
    default: null,
    unit: 'bytes per second',
    sentence: 'Limit of all downloads together.',
    range: [1_024, Number.MAX_SAFE_INTEGER],
  }),
  relay: setting({
    name: 'relay',
    flag: '--relay',
    argument: 'WHICH',
    variable: 'REMENDO_RELAY',
    kind: 'list',
    default: 'off',
    unit: null,
    sentence:
      'Relays of this branch to ask before the server: addresses such as http://192.168.1.10:8476, auto for those that make themselves known, or off.',
  }),
  relayServer: setting({
    name: 'relayServer',
    flag: '--relay-server',
    argument: 'JSON',
    variable: 'REMENDO_RELAY_SERVER',
    kind: 'structure',
    default: null,
    unit: null,
    sentence: 'How this machine is the relay of its branch (docs/operating/relay.md): host, port, folder, cacheBytes and others.',
    schema: RelayServerSettings,
  }),
  healthyAfterMs: setting({
    name: 'healthyAfterMs',
    flag: '--healthy-after',
    argument: 'MS',
    variable: 'REMENDO_HEALTHY_AFTER_MS',
    kind: 'integer',
    default: '10000',
    unit: 'milliseconds',
    sentence: 'How long the application has to keep running to count as healthy; ending before that with exit code 0 does too.',
    range: [0, 3_600_000],
  }),
  health: setting({
    name: 'health',
    flag: '--health',
    argument: 'JSON',
    variable: 'REMENDO_HEALTH',
    kind: 'structure',
    default: null,
    unit: null,
    sentence:
      'What else proves the application healthy: a port that it listens on, a file that it writes, a command that ends with 0, within withinMs.',
    schema: healthSchema,
  }),
  steps: setting({
    name: 'steps',
    flag: '--steps',
    argument: 'JSON',
    variable: 'REMENDO_STEPS',
    kind: 'structure',
    default: null,
    unit: null,
    sentence: 'Commands before and after the swap, and in the end: before, after and finally, each a list of steps.',
    schema: stepsSchema,
  }),
  components: setting({
    name: 'components',
    flag: '--components',
    argument: 'JSON',
    variable: 'REMENDO_COMPONENTS',
    kind: 'structure',
    default: null,
    unit: null,
    sentence:
      'How to ask components that releases require for their versions; php, mysql, java and other well-known ones are asked by themselves.',
    schema: componentsSchema,
  }),
  checkWaitMs: setting({
    name: 'checkWaitMs',
    flag: '--check-wait',
    argument: 'MS',
    variable: 'REMENDO_CHECK_WAIT_MS',
    kind: 'integer',
    default: '5000',
    unit: 'milliseconds',
    sentence: 'How long the application may be kept waiting for the server before it is started without a check.',
    range: [0, 600_000],
  }),
  mandatoryWaitMs: setting({
    name: 'mandatoryWaitMs',
    flag: '--mandatory-wait',
    argument: 'MS',
    variable: 'REMENDO_MANDATORY_WAIT_MS',
    kind: 'integer',
    default: '10000',
    unit: 'milliseconds',
    sentence: 'The same when what is installed is below a version that the server called mandatory.',
    range: [0, 600_000],
  }),
  downloadWaitMs: setting({
    name: 'downloadWaitMs',
    flag: '--download-wait',
    argument: 'MS',
    variable: 'REMENDO_DOWNLOAD_WAIT_MS',
    kind: 'integer',
    default: '300000',
    unit: 'milliseconds',
    sentence:
      'How long launch may keep the application waiting for what an update downloads; what has arrived by then is kept for the next start.',
    range: [0, 86_400_000],
  }),
  agent: setting({
    name: 'agent',
    flag: '--agent',
    argument: 'JSON',
    variable: 'REMENDO_AGENT',
    kind: 'structure',
    default: null,
    unit: null,
    sentence:
      'When the agent does what: cron expressions, jitter, maintenance windows, hold file; docs/operating/agent.md has the defaults.',
    schema: AgentSettings,
  }),
  updateLog: setting({
    name: 'updateLog',
    flag: null,
    argument: null,
    variable: 'REMENDO_UPDATE_LOG',
    kind: 'structure',
    default: null,
    unit: null,
    sentence: 'How much of update.log is kept: bytesMax of one file (5 MiB) and oldFilesMax beside it (2), when left out.',
    schema: UpdateLogSettings,
  }),
  allowInsecure: setting({
    name: 'allowInsecure',
    flag: '--allow-insecure',
    argument: null,
    variable: 'REMENDO_ALLOW_INSECURE',
    kind: 'switch',
    default: 'off',
    unit: null,
    sentence: 'Plain http to other machines too, in networks that are protected otherwise.',
  }),
  backups: setting({
    name: 'backups',
    flag: '--backups',
    argument: 'JSON',
    variable: 'REMENDO_BACKUPS',
    kind: 'structure',
    default: null,
    unit: null,
    sentence:
      'Backups to watch, whom to tell, and whether updates wait for them: jobs, targets, branch and backupMaxAgeHours (docs/operating/backups.md).',
    schema: BackupSettings,
  }),
  trustRoot: setting({
    name: 'trustRoot',
    flag: '--trust-root',
    argument: 'FILE',
    variable: 'REMENDO_TRUST_ROOT',
    kind: 'text',
    default: null,
    unit: null,
    sentence: "Root of trust that was shipped with this machine; trust/root.json in the updater's folder when left out.",
  }),
  trustFirstUse: setting({
    name: 'trustFirstUse',
    flag: '--trust-first-use',
    argument: 'on/off',
    variable: 'REMENDO_TRUST_FIRST_USE',
    kind: 'switch',
    default: 'on',
    unit: null,
    sentence: "Without any root of trust, take the server's at the first contact and keep it: as safe as that one connection.",
  }),
  trustFolder: setting({
    name: 'trustFolder',
    flag: '--trust-folder',
    argument: 'DIR',
    variable: 'REMENDO_TRUST_FOLDER',
    kind: 'text',
    default: null,
    unit: null,
    sentence: "What a publisher's machine remembers of signed metadata; .remendo/trust/HOST in the home folder when left out.",
  }),
  keyPassphrase: setting({
    name: 'keyPassphraseFile',
    flag: null,
    argument: null,
    variable: 'REMENDO_KEY_PASSPHRASE',
    kind: 'secret',
    default: null,
    unit: null,
    sentence: 'Passphrase of the keys that sign.',
  }),
  signingKey: setting({
    name: 'signingKeyFile',
    flag: null,
    argument: null,
    variable: 'REMENDO_SIGNING_KEY',
    kind: 'secret',
    default: null,
    unit: null,
    sentence: 'A key that signs, as the line that is in its key file; beside those that --key names.',
  }),
  openpgpKeys: setting({
    name: 'openpgpKeys',
    flag: '--openpgp-keys',
    argument: 'FILE',
    variable: 'REMENDO_OPENPGP_KEYS',
    kind: 'text',
    default: null,
    unit: null,
    sentence: 'OpenPGP public keys: only releases whose zip one of them signed are installed, each from its full zip.',
  }),
  token: setting({
    name: 'tokenFile',
    flag: null,
    argument: null,
    variable: 'REMENDO_TOKEN',
    kind: 'secret',
    default: null,
    unit: null,
    sentence: "The publisher's token.",
  }),
  terminalSecret: setting({
    name: 'terminalSecretFile',
    flag: null,
    argument: null,
    variable: 'REMENDO_TERMINAL_SECRET',
    kind: 'secret',
    default: null,
    unit: null,
    sentence:
      "The terminal's own id and secret, as ID:SECRET: setup enrols the terminal and keeps them; they go before the customer's key.",
  }),
  selfUpdate: setting({
    name: 'selfUpdate',
    flag: '--self-update',
    argument: 'JSON',
    variable: 'REMENDO_SELF_UPDATE',
    kind: 'structure',
    default: null,
    unit: null,
    sentence:
      'How the agent updates itself: enabled, its own install root and home, its program, application, platform and channel, startsMax and qualifySecondsMax.',
    schema: SelfUpdateSettings,
  }),
  service: setting({
    name: 'service',
    flag: '--service',
    argument: 'JSON',
    variable: 'REMENDO_SERVICE',
    kind: 'structure',
    default: null,
    unit: null,
    sentence:
      'How setup keeps the agent running: mode (daemon, timer or none), scope (system or user) and account; a daemon of the system when left out.',
    schema: serviceSchema,
  }),
  apiKey: setting({
    name: 'apiKeyFile',
    flag: null,
    argument: null,
    variable: 'REMENDO_API_KEY',
    kind: 'secret',
    default: null,
    unit: null,
    sentence: "The customer's API key.",
  }),
  apiSecret: setting({
    name: 'apiSecretFile',
    flag: null,
    argument: null,
    variable: 'REMENDO_API_SECRET',
    kind: 'secret',
    default: null,
    unit: null,
    sentence: 'The secret that belongs to the API key.',
  }),
} as const;

export type SettingName = keyof typeof settings;

type ValueOf<One extends Setting> = One extends { readonly schema: infer Schema extends TSchema }
  ? Static<Schema>
  : ValueOfKind<One['kind']>;

type ValueOfKind<Kind extends Setting['kind']> = Kind extends 'integer'
  ? number
  : Kind extends 'list'
    ? readonly string[]
    : Kind extends 'switch'
      ? boolean
      : string;

/** Values of the settings a command asked for; null where nothing was given and there is no default. */
export type Settings<Name extends SettingName> = { readonly [N in Name]: ValueOf<(typeof settings)[N]> | null };

/** Where the values come from, besides the table's defaults. */
export interface SettingSources {
  /** By name in the table. */
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly environment: NodeJS.ProcessEnv;
  /** Parsed, and nothing else known about it; null: there is no file. */
  readonly file: { readonly path: string; readonly value: unknown } | null;
  /** Reads a secret from a file of its own, or says in an Error what is wrong with it. */
  readonly readSecret: (path: string) => string;
}

/** The variable that names a file with a secret. */
const secretFileVariable = (variable: string): string => `${variable}_FILE`;

/**
 * Reads the named settings.
 * @param required must be given somewhere.
 * @throws UpdaterError CONFIG_INVALID with every problem in `details.problems`.
 */
export function readSettings<Name extends SettingName>(
  names: readonly Name[],
  sources: SettingSources,
  required: readonly NoInfer<Name>[] = [],
): Settings<Name> {
  const problems: string[] = [];
  const file = checkedFile(sources.file, problems);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of names) {
    const one: Setting = settings[name];
    try {
      values[name] = one.kind === 'secret' ? readSecret(one, sources, file) : readValue(one, name, sources, file);
    } catch (error) {
      problems.push(...(error instanceof StructureProblems ? error.problems : [(error as Error).message]));
      continue;
    }
    if (values[name] === null && required.includes(name))
      problems.push(`${one.flag ?? one.variable} is missing${one.flag === null ? '' : ` (or ${one.variable} in the environment)`}`);
  }
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  // Each value was parsed by its own setting's kind.
  return values as Settings<Name>;
}

type FileValues = Readonly<Record<string, unknown>>;

function checkedFile(file: SettingSources['file'], problems: string[]): FileValues {
  if (file === null) return {};
  const { value, path } = file;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${path} does not hold a JSON object`);
    return {};
  }
  const known = new Map(Object.values(settings).map((one) => [one.name, one] as const));
  const secretNames = new Set(
    Object.entries(settings)
      .filter(([, { kind }]) => kind === 'secret')
      .map(([name]) => name),
  );
  for (const name of Object.keys(value)) {
    if (secretNames.has(name)) problems.push(`${path}: ${name} does not belong there; name a file that holds it as ${name}File`);
    else if (!known.has(name as (typeof settings)[SettingName]['name']))
      problems.push(`${path}: ${JSON.stringify(name.slice(0, 60))} is not a setting`);
  }
  return value as FileValues;
}

function readValue(one: Setting, name: SettingName, { flags, environment, file }: SettingSources, fileValues: FileValues): unknown {
  const flag = flags[name];
  if (flag !== undefined) return parseValue(one, flag, one.flag ?? one.name);
  const variable = environment[one.variable];
  if (variable !== undefined && variable !== '') return parseValue(one, variable, one.variable);
  const inFile = fileValues[one.name];
  if (inFile !== undefined) return parseValue(one, inFile, `${file?.path}: ${one.name}`);
  return one.default === null ? null : parseValue(one, one.default, one.name);
}

/** @param where it was given, for the sentence about what is wrong with it. */
function parseValue({ kind, range, choices, schema }: Setting, value: unknown, where: string): unknown {
  switch (kind) {
    case 'structure':
      return parseStructure(schema as TSchema, value, where);
    case 'integer': {
      const [min, max] = range ?? [0, Number.MAX_SAFE_INTEGER];
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max) return number;
      throw new Error(`${where} must be a whole number from ${min} to ${max}`);
    }
    case 'list': {
      const items = typeof value === 'string' ? value.split(',') : value;
      if (!Array.isArray(items) || !items.every((item): item is string => typeof item === 'string'))
        throw new Error(`${where} must be a list of texts`);
      return items.map((item) => item.trim()).filter((item) => item !== '');
    }
    case 'switch':
      if (value === true || value === false) return value;
      if (value === 'on' || value === '1' || value === 'true') return true;
      if (value === 'off' || value === '0' || value === 'false') return false;
      throw new Error(`${where} must be on or off`);
    default:
      if (typeof value !== 'string' || value.trim() === '' || value.length > 4_096)
        throw new Error(`${where} must be a text and not empty`);
      if (choices !== undefined && !choices.includes(value.trim())) throw new Error(`${where} must be ${choices.join(' or ')}`);
      return value.trim();
  }
}

/** Everything that is wrong with one structure. */
class StructureProblems extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('; '));
  }
}

const structureProblemsMax = 20;

/** @throws StructureProblems */
function parseStructure(schema: TSchema, given: unknown, where: string): unknown {
  const value = typeof given === 'string' ? parseJson(given, where) : given;
  if (Value.Check(schema, value)) return value;
  const problems = Value.Errors(schema, value)
    // A closed object complains twice: of itself, and of each field that it does not have.
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .slice(0, structureProblemsMax)
    .map(({ keyword, instancePath, message }) => {
      const at = `${where}${instancePath.replaceAll('/', '.')}`;
      return keyword === 'boolean' ? `${at} is not a setting` : `${at} ${message}`;
    });
  throw new StructureProblems([...new Set(problems)]);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${where} must be JSON: ${(cause as Error).message}`, { cause });
  }
}

/** From the variable, or from the file that a second variable or the configuration names. Its value is in no message. */
function readSecret(one: Setting, { environment, readSecret: read, file }: SettingSources, fileValues: FileValues): string | null {
  const direct = environment[one.variable];
  if (direct !== undefined && direct !== '') return checkedSecret(direct, one.variable);
  const fileVariable = secretFileVariable(one.variable);
  const named = environment[fileVariable] ?? fileValues[one.name];
  if (named === undefined || named === '') return null;
  const where = environment[fileVariable] === undefined ? `${file?.path}: ${one.name}` : fileVariable;
  if (typeof named !== 'string') throw new Error(`${where} must name a file`);
  try {
    return checkedSecret(read(named), where);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

/** It becomes part of a header. */
function checkedSecret(text: string, where: string): string {
  const secret = text.trim();
  if (/^[\x21-\x7e]+$/.test(secret) && secret.length <= limits.nameCharactersMax * 64) return secret;
  throw new Error(`${where} does not hold a secret: it has to be one word of printable ASCII`);
}
