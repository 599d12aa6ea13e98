/** `remendo receipts DIR`: what terminals left on a stick goes to the server. */
import { join, resolve } from 'node:path';
import { answerValidator, type HttpClient, isUpdaterError, limits, nodeFileSystem, UpdaterError } from '@remendo/core';
import { Receipt, ReceiptAnswer } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { type credentialNames, credentialsOf } from '../credentials.js';
import { exitCodeOf, exitCodes } from '../exit-codes.js';
import { readNamedFile, statNamedPath } from '../named-path.js';
import { openServer } from '../open-server.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import type { Settings } from '../settings.js';
import { bundleMessages } from './messages.js';
import { receiptsFolder } from './receipt-files.js';

export type ReceiptSettings = Settings<'server' | 'allowInsecure' | 'token' | (typeof credentialNames)[number]>;

const validReceipt = answerValidator(Receipt);
const validAnswer = answerValidator(ReceiptAnswer);

interface Brought {
  readonly file: string;
  readonly answer: ReceiptAnswer | null;
  /** Why it was not taken. */
  readonly error: UpdaterError | null;
}

export async function runReceipts(
  context: CommandContext,
  named: string,
  { isKeeping, settings }: { readonly isKeeping: boolean; readonly settings: ReceiptSettings },
): Promise<number> {
  const { output, language } = context;
  const say = bundleMessages(language);
  const { count } = quantities[language];
  const folder = resolve(named);
  await statNamedPath(folder);
  const fileSystem = nodeFileSystem();
  const http = openServer(
    settings,
    settings.token === null ? credentialsOf(settings) : { authorization: `Bearer ${settings.token}` },
  );
  const brought: Brought[] = [];
  for (const file of (await fileSystem.list(receiptsFolder(folder))).filter((name) => /^[\w-]+\.json$/.test(name))) {
    const path = join(receiptsFolder(folder), file);
    const one = await bring(context, http, { path, file });
    brought.push(one);
    // The stick may be locked against writing: it counts once however often it comes.
    if (one.answer !== null && !isKeeping) await fileSystem.removeFile(path).catch(() => undefined);
  }
  const events = (number: number): string => count(number, say.event, say.events);
  for (const { file, answer, error } of brought) {
    if (answer === null)
      output.warn(say.notBrought(printable(file), printable(told(`${error?.code}: ${error?.message}`, output.language))));
    else output.line(say.brought(printable(answer.terminal_id), events(answer.accepted), events(answer.duplicates)));
  }
  const taken = brought.filter(({ answer }) => answer !== null);
  output.document({ folder, receipts: brought.map(({ file, answer, error }) => ({ file, ...answer, code: error?.code ?? null })) });
  if (brought.length === 0) output.line(say.noReceiptsHere(printable(folder)));
  else output.line(say.receiptsBrought(count(taken.length, say.receipt, say.receipts), printable(folder)));
  const failed = brought.find(({ error }) => error !== null)?.error;
  return failed === undefined || failed === null ? exitCodes.done : exitCodeOf(failed);
}

/** A receipt that is not taken is in no other's way; a server that can not be reached is. */
async function bring(
  { signal }: CommandContext,
  http: HttpClient,
  { path, file }: { readonly path: string; readonly file: string },
): Promise<Brought> {
  try {
    const receipt = parsed(await readNamedFile(path, limits.receiptBytesMax));
    const body = { receipt };
    const answer = await http.json('api/v1/updates/receipts', { body, idempotent: true, validate: validAnswer, signal });
    return { file, answer, error: null };
  } catch (error) {
    if (!isUpdaterError(error) || isOfServer(error)) throw error;
    return { file, answer: null, error };
  }
}

const isOfServer = ({ code }: UpdaterError): boolean => /^(DOWNLOAD_FAILED|DOWNLOAD_INSECURE|SERVER_|AUTH_|LIMIT_RATE)/.test(code);

function parsed(bytes: Uint8Array): Receipt {
  try {
    return validReceipt(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new UpdaterError('BUNDLE_INVALID', 'it is no receipt', { cause });
  }
}
