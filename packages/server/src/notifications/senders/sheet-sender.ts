/**
 * Notifications as rows of a Google Sheet, appended by a service account that the sheet is shared with:
 * time, kind, subject, the data's values, and last the delivery's id.
 *
 * Appending twice appends two rows. So an attempt that is not the first looks for its id in the column where it would stand,
 * and finds it when an earlier attempt arrived and only the answer was lost. That needs rows that begin where the range does, as
 * they do in a tab that is left to us. An attempt that Google still works on when the next one looks is not seen.
 */
import { createPrivateKey } from 'node:crypto';
// Types only: the package is large, and loaded with the first row.
import type { sheets_v4 } from '@googleapis/sheets';
import { parseRetryAfter, UpdaterError } from '@remendo/core';
import { failed, type OutgoingMessage, recipientOf, refused, type Sender } from './sender.js';
import { columnOfRange } from './sheet-range.js';
import { abortable, withinTime } from './time-limit.js';

export interface SheetSenderOptions {
  /** The service account's key as Google hands it out: JSON with `client_email` and `private_key`. */
  readonly key: string;
  /** For all requests of one attempt together; 30 000 when left out. */
  readonly timeoutMs?: number;
  /** Where the Sheets API is, and where tokens are given out; Google's when left out. */
  readonly rootUrl?: string;
  readonly tokenUrl?: string;
}

/** More Google does not take in one cell. */
const cellCharactersMax = 50_000;
const scopes = ['https://www.googleapis.com/auth/spreadsheets'];

/** @throws UpdaterError CONFIG_INVALID when the key is not one of a service account. */
export function sheetSender(options: SheetSenderOptions): Sender {
  const key = parseKey(options.key);
  let service: Promise<SheetService> | undefined;
  return {
    channel: 'sheet',
    send: async (message, signal) => {
      const { spreadsheetId, range } = recipientOf(message, 'sheet');
      if (!/^[\w-]{1,200}$/.test(spreadsheetId)) throw refused('the id of the sheet is none');
      const row = rowOf(message);
      const idColumn = columnOfRange(range, row.length - 1);
      await withinTime(options.timeoutMs ?? 30_000, signal, async (signal) => {
        service ??= openService(key, options);
        const { api, signIn } = await abortable(service, signal);
        await abortable(signIn(), signal);
        const values = new Values(api, spreadsheetId, signal);
        if (message.attempt > 1 && (await values.hasInColumn(idColumn, message.id))) return;
        await values.append(range, row);
      });
    },
  };
}

interface ServiceAccountKey {
  readonly email: string;
  readonly key: string;
}

function parseKey(text: string): ServiceAccountKey {
  try {
    const { client_email: email, private_key: key } = JSON.parse(text) as Record<string, unknown>;
    if (typeof email === 'string' && typeof key === 'string' && createPrivateKey(key).asymmetricKeyType === 'rsa')
      return { email, key };
  } catch {
    // What a parser says about a key may quote it.
  }
  throw new UpdaterError('CONFIG_INVALID', 'the key of the Google service account is not the JSON that Google hands out');
}

interface SheetService {
  readonly api: sheets_v4.Sheets;
  /** Fetches a token unless there is one that is still good; they last an hour. */
  readonly signIn: () => Promise<void>;
}

async function openService({ email, key }: ServiceAccountKey, { rootUrl, tokenUrl }: SheetSenderOptions): Promise<SheetService> {
  const { auth, sheets } = await import('@googleapis/sheets');
  const client = new auth.JWT({ email, key, scopes, ...(tokenUrl === undefined ? {} : { additionalClaims: { aud: tokenUrl } }) });
  if (tokenUrl !== undefined) {
    // The library knows one address for tokens only; it is the one request of this client that goes there.
    const isToken = (url: unknown): boolean => String(url) === 'https://oauth2.googleapis.com/token';
    client.transporter.interceptors.request.add({
      resolved: async (request) => (isToken(request.url) ? { ...request, url: new URL(tokenUrl) } : request),
    });
  }
  const api = sheets({ version: 'v4', auth: client, retry: false, ...(rootUrl === undefined ? {} : { rootUrl }) });
  return {
    api,
    signIn: async () => {
      await client.getAccessToken().catch((error) => {
        throw failed('the service account could not sign in to Google', { cause: plainCause(error) });
      });
    },
  };
}

/** The values of one spreadsheet. Texts are stored as they are: none becomes a formula, a number or a date. */
class Values {
  constructor(
    private readonly api: sheets_v4.Sheets,
    private readonly spreadsheetId: string,
    private readonly signal: AbortSignal,
  ) {}

  async hasInColumn(range: string, text: string): Promise<boolean> {
    const { spreadsheetId, signal } = this;
    const answer = await this.api.spreadsheets.values
      .get({ spreadsheetId, range, majorDimension: 'COLUMNS', valueRenderOption: 'UNFORMATTED_VALUE' }, { signal })
      .catch(sheetFailed);
    return answer.data.values?.[0]?.includes(text) ?? false;
  }

  async append(range: string, row: readonly Cell[]): Promise<void> {
    const { spreadsheetId, signal } = this;
    const place = { spreadsheetId, range, valueInputOption: 'RAW', insertDataOption: 'INSERT_ROWS' };
    await this.api.spreadsheets.values.append({ ...place, requestBody: { values: [[...row]] } }, { signal }).catch(sheetFailed);
  }
}

type Cell = string | number | boolean;

function rowOf({ id, kind, subject, createdAt, data }: OutgoingMessage): readonly Cell[] {
  const cells = [createdAt.toISOString(), kind, subject, ...Object.values(data), id];
  // Google skips a null, which would move nothing here but leaves what was in the cell.
  return cells.map((cell) => (typeof cell === 'string' ? cell.slice(0, cellCharactersMax) : (cell ?? '')));
}

function sheetFailed(error: unknown): never {
  const { status = 0, headers } = (error as { response?: { status?: number; headers?: Headers } }).response ?? {};
  const retryAfterMs = parseRetryAfter(headers?.get('retry-after'), Date.now());
  const details = { ...(status === 0 ? {} : { status }), ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  const isPassing = status < 400 || status >= 500 || status === 401 || status === 408 || status === 429;
  const cause = plainCause(error);
  throw isPassing
    ? failed('the row could not be appended now', { details, cause })
    : refused('the sheet takes no row from this service account', { details, cause });
}

/** The library's errors hold the whole request, token included; what happened is in the message. */
const plainCause = (error: unknown): Error => new Error(error instanceof Error ? error.message : String(error));
