/**
 * Results as rows of a Google Sheet, appended by a service account that the sheet is shared with. The first row of an empty tab
 * becomes the titles. Texts are stored as they are: none becomes a formula.
 *
 * Appending twice appends two rows, so an attempt that is not the first looks for the ids that are there already.
 */
// Types only: the package is large, and loaded with the first row.
import type { sheets_v4 } from '@googleapis/sheets';
import { parseRetryAfter } from '@remendo/core';
import { detailOf } from '../alert-text.js';
import { storableText } from '../finding.js';
import type { SheetTarget } from '../parse-target.js';
import type { BackupMessage } from '../records.js';
import { failed, isRefusal, type MessageSender, orAborted, type Place, refused } from './message-sender.js';

const titles = [
  'time',
  'branch',
  'terminal',
  'job',
  'state',
  'state before',
  'files',
  'bytes',
  'newest',
  'newest at',
  'detail',
  'id',
];
const idColumn = 'L';
/** More Google does not take in one cell. */
const cellCharactersMax = 50_000;
const scopes = ['https://www.googleapis.com/auth/spreadsheets'];

export function sheetSender(target: SheetTarget, place: Place): MessageSender {
  let sheet: ReturnType<typeof openSheet> | undefined;
  let hasTitles = false;
  return {
    target: target.name,
    wants: target.rows,
    batchMax: 100,
    async send(messages, attempt, signal) {
      sheet ??= openSheet(target);
      const { api, client } = await orAborted(sheet, signal);
      // Asked for apart: Google answers a wrong clock, or an account that was switched off, as if the request were wrong.
      await orAborted(client.getAccessToken(), signal).catch((error) => throwSheetFailure(error, signal));
      const values = valuesOf(api, target, signal);
      if (!hasTitles) await values.putTitles();
      hasTitles = true;
      const known = attempt === 1 ? new Set<string>() : await values.ids();
      const rows = messages.filter(({ id }) => !known.has(id)).map((message) => rowOf(message, place));
      if (rows.length > 0) await values.append(rows);
    },
  };
}

async function openSheet({ key, rootUrl, tokenUrl }: SheetTarget) {
  const { auth, sheets } = await import('@googleapis/sheets');
  const account = JSON.parse(key) as { client_email: string; private_key: string };
  const claims = tokenUrl === null ? {} : { additionalClaims: { aud: tokenUrl } };
  const client = new auth.JWT({ email: account.client_email, key: account.private_key, scopes, ...claims });
  if (tokenUrl !== null) {
    // The library knows one address for tokens only; it is the one request of this client that goes there.
    const isToken = (url: unknown): boolean => String(url) === 'https://oauth2.googleapis.com/token';
    client.transporter.interceptors.request.add({
      resolved: async (request) => (isToken(request.url) ? { ...request, url: new URL(tokenUrl) } : request),
    });
  }
  return { client, api: sheets({ version: 'v4', auth: client, retry: false, ...(rootUrl === null ? {} : { rootUrl }) }) };
}

type Cell = string | number;

function valuesOf(api: sheets_v4.Sheets, { spreadsheetId, tab }: SheetTarget, signal: AbortSignal) {
  const range = (cells: string): string => `'${tab}'!${cells}`;
  const { values } = api.spreadsheets;
  const call = <T>(request: Promise<T>, about?: 'rows'): Promise<T> =>
    orAborted(request, signal).catch((error) => throwSheetFailure(error, signal, about));
  return {
    /** The same whoever does it, so two terminals may do it at once. */
    async putTitles(): Promise<void> {
      const first = range('A1:L1');
      const { data } = await call(values.get({ spreadsheetId, range: first }, { signal }));
      if ((data.values?.length ?? 0) > 0) return;
      const requestBody = { values: [titles] };
      await call(values.update({ spreadsheetId, range: first, valueInputOption: 'RAW', requestBody }, { signal }));
    },
    async ids(): Promise<ReadonlySet<string>> {
      const place = { spreadsheetId, range: range(`${idColumn}:${idColumn}`), majorDimension: 'COLUMNS' };
      const { data } = await call(values.get(place, { signal }));
      return new Set((data.values?.[0] ?? []).map(String));
    },
    async append(rows: readonly (readonly Cell[])[]): Promise<void> {
      const how = { valueInputOption: 'RAW', insertDataOption: 'INSERT_ROWS' };
      const requestBody = { values: rows.map((row) => [...row]) };
      await call(values.append({ spreadsheetId, range: range('A:L'), ...how, requestBody }, { signal }), 'rows');
    },
  };
}

function rowOf({ id, job, result, stateBefore }: BackupMessage, { branch, terminal }: Place): readonly Cell[] {
  const { state, files, totalBytes, newest, atMs } = result;
  const time = (ms: number): string => new Date(ms).toISOString();
  const row = [time(atMs), branch ?? '', terminal, job, state, stateBefore, files, totalBytes];
  const file = newest === null ? ['', ''] : [newest.name, time(newest.atMs)];
  return [...row, ...file, detailOf(result), id].map((cell) =>
    typeof cell === 'string' ? storableText(cell, cellCharactersMax) : cell,
  );
}

/**
 * The library's errors hold the whole request, token included; what happened is in the message. Only rows can be refused: that
 * there is no such tab, or no token, may be put right.
 */
function throwSheetFailure(error: unknown, signal: AbortSignal, about?: 'rows'): never {
  signal.throwIfAborted();
  const { status = 0, headers } = (error as { response?: { status?: number; headers?: Headers } }).response ?? {};
  const retryAfterMs = parseRetryAfter(headers?.get('retry-after'), Date.now());
  const details = { status, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  const cause = new Error(error instanceof Error ? error.message : String(error));
  throw about === 'rows' && isRefusal(status)
    ? refused('the sheet takes no such row', { details, cause })
    : failed('the row could not be appended now', { details, cause });
}
