/** Becoming a customer, and proving whose the mail address is: what is asked of the server, without a word to anybody. */
import { type FileHandle, lstat, open, rm } from 'node:fs/promises';
import { answerValidator, type HttpClient, isUpdaterError, UpdaterError } from '@remendo/core';
import { NotificationList, RegisterAnswer, type RegisterRequest } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { settings as table } from '../settings.js';

export interface NewCustomer {
  readonly code: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly data: RegisterAnswer['data'];
}

const registerAnswer = answerValidator(RegisterAnswer);

/**
 * @param out a new file for key and secret, which are told this once; null: the caller keeps them.
 * @throws UpdaterError CONFIG_INVALID when the file is there already; RECORD_EXISTS when nobody was registered; STORAGE_FAILED
 * when the customer is there then, and the key could not be kept.
 */
export async function becomeCustomer(
  http: HttpClient,
  { request, out }: { readonly request: RegisterRequest; readonly out: string | null },
  signal: AbortSignal,
): Promise<NewCustomer> {
  // Before anybody is registered: a secret that is told once must have a place to go.
  const file = out === null ? null : await openSecretFile(out);
  try {
    const { data } = await http.json('api/v1/register', { body: request, validate: registerAnswer, signal });
    const made = madeOf(data);
    if (file !== null) await keep(file, made);
    return made;
  } catch (error) {
    if (out !== null) await rm(out, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
}

/** For nobody else to read, and never another file's contents. @throws UpdaterError CONFIG_INVALID, STORAGE_FAILED. */
async function openSecretFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (cause) {
    // What a registration that was cut off left: nobody was told a secret by it.
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && (await removeEmpty(path))) return openSecretFile(path);
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UpdaterError('CONFIG_INVALID', `${path} is there already and is not overwritten`, { details: { path } });
    throw new UpdaterError('STORAGE_FAILED', `${path} can not be written`, { details: { path }, cause });
  }
}

async function removeEmpty(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => null);
  if (stat === null || !stat.isFile() || stat.size > 0) return false;
  return rm(path).then(
    () => true,
    () => false,
  );
}

/** @throws UpdaterError STORAGE_FAILED: the customer is there then, and its first key is lost. */
async function keep(file: FileHandle, made: NewCustomer): Promise<void> {
  try {
    await file.writeFile(`${variablesOf(made).join('\n')}\n`);
    await file.sync();
  } catch (cause) {
    const message = `${made.code} is registered, but its key could not be written; an operator can make a new one`;
    throw new UpdaterError('STORAGE_FAILED', message, { details: { code: made.code }, cause });
  }
}

const variablesOf = ({ apiKey, apiSecret }: NewCustomer): readonly string[] => [
  `${table.apiKey.variable}=${apiKey}`,
  `${table.apiSecret.variable}=${apiSecret}`,
];

/** Key and secret from such a file; null when they are not in it. */
export function parseCustomerFile(text: string): { readonly apiKey: string; readonly apiSecret: string } | null {
  const secretOf = (variable: string): string | undefined => new RegExp(`^${variable}=([!-~]+)\\s*$`, 'm').exec(text)?.[1];
  const [apiKey, apiSecret] = [secretOf(table.apiKey.variable), secretOf(table.apiSecret.variable)];
  return apiKey === undefined || apiSecret === undefined ? null : { apiKey, apiSecret };
}

/** @throws UpdaterError RECORD_EXISTS when the server registered nobody. */
function madeOf(data: RegisterAnswer['data']): NewCustomer {
  const { code, api_key: apiKey, api_secret: apiSecret } = data;
  if (code !== undefined && apiKey !== undefined && apiSecret !== undefined) return { code, apiKey, apiSecret, data };
  throw new UpdaterError(
    'RECORD_EXISTS',
    'nobody was registered, most likely because the e-mail is known; an operator can make a new key for who has lost it',
  );
}

const codeSent = answerValidator(Type.Object({ sent: Type.Boolean() }));
const notificationList = answerValidator(NotificationList);

/** Asks for a code that proves whose the customer's address is. @returns false when none was sent now. */
export const sendMailCode = async (http: HttpClient, signal: AbortSignal): Promise<boolean> =>
  (await http.json('api/v1/mail/code', { body: {}, validate: codeSent, signal })).sent;

/** @throws UpdaterError RECORD_NOT_FOUND for another code than the last one. */
export async function confirmMail(http: HttpClient, code: string, signal: AbortSignal): Promise<void> {
  const answer = await http.stream('api/v1/mail/confirm', { body: { code }, signal });
  answer.discard();
}

/**
 * Whether a code went to a new customer's address. The server sends it by itself, where it sends mail; its inbox says so.
 * Nothing depends on the answer: where it can not be had, it is no.
 */
export async function wasCodeMailed(http: HttpClient, signal: AbortSignal): Promise<boolean> {
  try {
    if (await sendMailCode(http, signal)) return true;
    const { notifications } = await http.json('api/v1/notifications', { validate: notificationList, signal });
    return notifications.some(({ kind }) => kind === 'mail_confirmation');
  } catch (error) {
    if (isUpdaterError(error)) return false;
    throw error;
  }
}
