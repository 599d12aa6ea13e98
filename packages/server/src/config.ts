/** Every setting of the server in one table: help, documentation and parsing come from it. */
import { UpdaterError } from '@remendo/core';
import { Command, CommanderError, Option } from 'commander';

interface Setting<T> {
  readonly flag: string;
  readonly variable: string;
  /** What stands behind the flag in the help. */
  readonly argument: string;
  /** As text, as a person would write it; null: it has to be given. */
  readonly default: string | null;
  readonly sentence: string;
  /** Throws an Error with what is wrong. */
  readonly parse: (text: string) => T;
}

const setting = <T>(value: Setting<T>): Setting<T> => value;

const text = (value: string): string => {
  if (value === '') throw new Error('must not be empty');
  return value;
};

const integer =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };

const oneOf =
  <const T extends readonly string[]>(...values: T) =>
  (value: string): T[number] => {
    if (!values.includes(value)) throw new Error(`must be one of ${values.join(', ')}`);
    return value;
  };

export const settings = {
  dataFolder: setting({
    flag: '--data',
    variable: 'REMENDO_DATA',
    argument: 'DIR',
    default: null,
    sentence: 'Folder of the database, the objects and the uploads; made when it is not there.',
    parse: text,
  }),
  port: setting({
    flag: '--port',
    variable: 'REMENDO_PORT',
    argument: 'N',
    default: '8080',
    sentence: 'TCP port; 0 takes any free one.',
    parse: integer(0, 65_535),
  }),
  host: setting({
    flag: '--host',
    variable: 'REMENDO_HOST',
    argument: 'ADDRESS',
    default: '127.0.0.1',
    sentence: 'Address to listen on; 0.0.0.0 or :: for all.',
    parse: text,
  }),
  deltaBases: setting({
    flag: '--delta-bases',
    variable: 'REMENDO_DELTA_BASES',
    argument: 'K',
    default: '5',
    sentence: 'From how many older releases deltas to a new one are built.',
    parse: integer(0, 100),
  }),
  deltaWorkers: setting({
    flag: '--delta-workers',
    variable: 'REMENDO_DELTA_WORKERS',
    argument: 'N',
    default: '1',
    sentence: 'Deltas built at the same time, each in a process of its own.',
    parse: integer(1, 64),
  }),
  deltaBuildMsMax: setting({
    flag: '--delta-build-ms-max',
    variable: 'REMENDO_DELTA_BUILD_MS_MAX',
    argument: 'MS',
    default: '1800000',
    sentence: 'Milliseconds after which the build of a delta is stopped.',
    parse: integer(1_000, 86_400_000),
  }),
  patchProfile: setting({
    flag: '--patch-profile',
    variable: 'REMENDO_PATCH_PROFILE',
    argument: 'compact|fast',
    default: 'compact',
    sentence: 'Profile of new patches: compact has the fewest bytes, fast is applied in less time.',
    parse: oneOf('compact', 'fast'),
  }),
  uploadBytesMax: setting({
    flag: '--upload-bytes-max',
    variable: 'REMENDO_UPLOAD_BYTES_MAX',
    argument: 'BYTES',
    default: '4294967296',
    sentence: 'Largest zip that may be published, in bytes.',
    parse: integer(1, Number.MAX_SAFE_INTEGER),
  }),
  uploadMsMax: setting({
    flag: '--upload-ms-max',
    variable: 'REMENDO_UPLOAD_MS_MAX',
    argument: 'MS',
    default: '3600000',
    sentence: 'Milliseconds within which a request has to have arrived whole.',
    parse: integer(1_000, 86_400_000),
  }),
  defaultApplication: setting({
    flag: '--default-application',
    variable: 'REMENDO_DEFAULT_APPLICATION',
    argument: 'SLUG',
    default: '',
    sentence: 'Application of requests that name none; empty: the first that was published.',
    parse: (value: string): string | null => (value === '' ? null : value),
  }),
  oldApi: setting({
    flag: '--old-api',
    variable: 'REMENDO_OLD_API',
    argument: 'on|off',
    default: 'on',
    sentence: 'Whether /check_update, /download and /upload_update are answered.',
    parse: oneOf('on', 'off'),
  }),
  shutdownMs: setting({
    flag: '--shutdown-ms',
    variable: 'REMENDO_SHUTDOWN_MS',
    argument: 'MS',
    default: '10000',
    sentence: 'Milliseconds that running downloads get to finish when the server is stopped.',
    parse: integer(0, 600_000),
  }),
  logLevel: setting({
    flag: '--log-level',
    variable: 'REMENDO_LOG_LEVEL',
    argument: 'LEVEL',
    default: 'info',
    sentence: 'Least level of the JSON lines on the error output.',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  }),
} as const;

type Values = { readonly [Name in keyof typeof settings]: ReturnType<(typeof settings)[Name]['parse']> };

export interface ServerConfig extends Values {
  /** The publisher's token; from the environment only, so that it is in no process list. */
  readonly token: string | null;
}

const tokenCharactersMin = 20;
/** What a header can carry, so that a publisher can send it. */
const tokenForm = /^[\x21-\x7e]{1,512}$/;

const example = `
REMENDO_TOKEN in the environment is the publisher's token (at least ${tokenCharactersMin} characters); without one, one is made
at the first start and printed once. Every flag can be given as the variable in brackets.

Example:
  $ REMENDO_TOKEN=$(openssl rand -hex 24) remendo-server --data /var/lib/remendo --port 8080 --host 0.0.0.0`;

/**
 * Reads the settings from arguments and environment; an argument goes before a variable.
 * @returns 'shown' when help or the version was asked for and has been written to the standard output.
 * @throws UpdaterError CONFIG_INVALID with every problem in its details.
 */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): ServerConfig | 'shown' {
  const given = readArguments(args);
  if (given === 'shown') return 'shown';
  const problems: string[] = [...given.problems];
  const values: Record<string, unknown> = {};
  for (const [name, { flag, variable, default: fallback, parse }] of Object.entries(settings)) {
    const source = given.values[name] !== undefined ? flag : environment[variable] !== undefined ? variable : flag;
    const value = given.values[name] ?? environment[variable] ?? fallback;
    try {
      if (value === null) throw new Error(`is missing (or ${variable} in the environment)`);
      values[name] = parse(value);
    } catch (error) {
      problems.push(`${source} ${(error as Error).message}`);
    }
  }
  const token = environment.REMENDO_TOKEN ?? '';
  if (token !== '' && token.length < tokenCharactersMin)
    problems.push(`REMENDO_TOKEN must have at least ${tokenCharactersMin} characters`);
  else if (token !== '' && !tokenForm.test(token))
    problems.push('REMENDO_TOKEN must have at most 512 characters of ASCII, without spaces');
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', problems.join('; '), { details: { problems } });
  // Every name of the table has been parsed by its own parser.
  return { ...(values as unknown as Values), token: token === '' ? null : token };
}

function readArguments(args: readonly string[]) {
  const names = new Map<string, string>();
  const command = new Command('remendo-server')
    .description('Serves releases to terminals: checks, plans, deltas and objects over HTTP.')
    .addHelpText('after', example)
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride();
  for (const [name, { flag, variable, argument, default: fallback, sentence }] of Object.entries(settings)) {
    const option = new Option(`${flag} <${argument}>`, `${sentence} [${variable}${fallback ? `, default ${fallback}` : ''}]`);
    names.set(option.attributeName(), name);
    command.addOption(option);
  }
  try {
    command.configureOutput({ writeErr: () => {} }).parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 'shown';
    return { values: {}, problems: [(error as Error).message.replace(/^error: /, '')] };
  }
  const values: Record<string, string> = {};
  for (const [attribute, value] of Object.entries(command.opts<Record<string, string>>())) {
    const name = names.get(attribute);
    if (name !== undefined) values[name] = value;
  }
  return { values, problems: command.args.map((argument) => `${argument} is not an argument of this program`) };
}
