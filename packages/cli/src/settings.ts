import { channels } from '@remendo/core/protocol';
import type { Static, TSchema } from 'typebox';
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
