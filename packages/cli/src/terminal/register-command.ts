/** `remendo register`: becomes a customer. Key and secret are told this once, on the screen or into a file of one's own. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { answerValidator, UpdaterError } from '@remendo/core';
import { RegisterAnswer, type RegisterRequest } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { type Settings, settings as table } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { openServer } from '../open-server.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { pairLines } from '../output/table.js';

export interface Registration {
  readonly request: RegisterRequest;
  /** File for key and secret; null: they are printed. */
  readonly out: string | null;
}

const validate = answerValidator(RegisterAnswer);

export async function runRegister(
  { output, signal }: CommandContext,
  { request, out }: Registration,
  settings: Settings<'server' | 'allowInsecure'>,
): Promise<number> {
  const http = openServer(settings, {});
  // Before anybody is registered: a secret that is told once must have a place to go.
  const file = out === null ? null : await openSecretFile(out);
  let registered: Registered;
  try {
    const { data } = await http.json('api/v1/register', { body: request, validate, signal });
    const made = madeOf(data);
    if (file !== null) await keep(file, made);
    registered = { data, made, out };
  } catch (error) {
    if (out !== null) await rm(out, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
  report(output, registered);
  return exitCodes.done;
}

/** For nobody else to read, and never another file's contents. @throws UpdaterError CONFIG_INVALID, STORAGE_FAILED. */
async function openSecretFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UpdaterError('CONFIG_INVALID', `${path} is there already and is not overwritten`, { details: { path } });
    throw new UpdaterError('STORAGE_FAILED', `${path} can not be written`, { details: { path }, cause });
  }
}

/** @throws UpdaterError STORAGE_FAILED: the customer is there then, and its first key is lost. */
async function keep(file: FileHandle, made: Made): Promise<void> {
  try {
    await file.writeFile(`${variablesOf(made).join('\n')}\n`);
    await file.sync();
  } catch (cause) {
    const message = `${made.code} is registered, but its key could not be written; an operator can make a new one`;
    throw new UpdaterError('STORAGE_FAILED', message, { details: { code: made.code }, cause });
  }
}

interface Made {
  readonly code: string;
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** @throws UpdaterError RECORD_EXISTS when the server registered nobody. */
function madeOf({ code, api_key: apiKey, api_secret: apiSecret }: RegisterAnswer['data']): Made {
  if (code !== undefined && apiKey !== undefined && apiSecret !== undefined) return { code, apiKey, apiSecret };
  throw new UpdaterError(
    'RECORD_EXISTS',
    'nobody was registered, most likely because the e-mail is known; an operator can make a new key for who has lost it',
  );
}

const variablesOf = ({ apiKey, apiSecret }: Made): readonly string[] => [
  `${table.apiKey.variable}=${apiKey}`,
  `${table.apiSecret.variable}=${apiSecret}`,
];

interface Registered {
  readonly data: RegisterAnswer['data'];
  readonly made: Made;
  readonly out: string | null;
}

function report(output: Output, { data, made, out }: Registered): void {
  const { code, apiKey, apiSecret } = made;
  const { service_level: level, requested_level: requested, expires_on, limits, features } = data;
  const secrets = out === null ? { apiKey, apiSecret } : { file: out };
  output.document({ code, ...secrets, service_level: level, requested_level: requested, expires_on, limits, features });
  const wish = requested === level ? '' : `; ${requested} was asked for, and an operator can grant it`;
  const pairs = [
    ['customer', printable(code)],
    ['level', `${level}${wish}`],
    ['last day', printable(expires_on)],
    ...(out === null ? [['key', printable(apiKey)] as const, ['secret', printable(apiSecret)] as const] : []),
  ] as const;
  for (const line of pairLines(pairs)) output.line(line);
  output.line();
  for (const line of out === null ? shownOnce : keptIn(out)) output.line(line);
}

const shownOnce = [
  'The secret is not shown again. Keep both where only the updater reads them: in the environment as',
  `${table.apiKey.variable} and ${table.apiSecret.variable}, or in one file each (mode 600), named by the same variables with _FILE.`,
];

const keptIn = (path: string): readonly string[] => [
  `Key and secret are in ${printable(path)}, which only you can read, as lines of an environment file: EnvironmentFile= of`,
  `systemd takes it, and a shell by "set -a; . ${printable(path)}; set +a". They are not told again.`,
];
