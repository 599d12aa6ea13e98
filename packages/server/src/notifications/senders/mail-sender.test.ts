import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { assert, asyncProperty, string } from 'fast-check';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { mailSender } from './mail-sender.js';
import type { OutgoingMessage, Sender } from './sender.js';
import { failureOf, messageTo, never } from './senders.test.support.js';

const from = 'Remendo <updates@example.org>';
const password = 'p@ss word';
const withStatus = (responseCode: number): Error => Object.assign(new Error('no'), { responseCode });

/** Answers each recipient as its name says: nobody@ there is none, later@ greylisted. */
const server = new SMTPServer({
  authOptional: true,
  // Its certificate is its own, so nobody could check it.
  disabledCommands: ['STARTTLS'],
  allowInsecureAuth: true,
  disableReverseLookup: true,
  logger: false,
  onAuth: ({ password: given }, _session, done) =>
    given === password ? done(null, { user: 'u' }) : done(new Error('wrong password')),
  onRcptTo: ({ address }, _session, done) =>
    done(address.startsWith('nobody') ? withStatus(550) : address.startsWith('later') ? withStatus(450) : null),
  async onData(stream, _session, done) {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    raw = Buffer.concat(chunks);
    mails.push(await PostalMime.parse(raw));
    done(raw.includes('too large') ? withStatus(552) : null);
  },
});
let mails: Email[] = [];
let raw: Buffer;
let port: number;
let sender: Sender;

const urlWith = (given: string, host = '127.0.0.1'): string => `smtp://u:${encodeURIComponent(given)}@${host}:${port}`;
const mailTo = (address: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage =>
  messageTo({ kind: 'mail', address, name: 'Ana Conceição' }, more);

beforeAll(async () => {
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  port = (server.server.address() as AddressInfo).port;
  sender = mailSender({ url: urlWith(password), from });
});
beforeEach(() => {
  mails = [];
});
afterAll(() => new Promise<void>((resolve) => server.close(resolve)));

it('delivers the text as it was written, to the recipient alone', async () => {
  const message = mailTo('ana@example.com');
  await sender.send(message, never);
  const [mail] = mails;
  expect(mail).toMatchObject({
    from: { address: 'updates@example.org', name: 'Remendo' },
    to: [{ address: 'ana@example.com', name: 'Ana Conceição' }],
    subject: message.subject,
    text: message.body,
    date: '2026-03-01T12:00:00.000Z',
  });
  expect(mail?.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-generated');
});

it('gives a repetition the same Message-ID, by which the recipient knows it', async () => {
  await sender.send(mailTo('ana@example.com'), never);
  await sender.send(mailTo('ana@example.com', { attempt: 2 }), never);
  expect(mails.map(({ messageId }) => messageId)).toEqual(
    Array(2).fill(`<${messageTo({ kind: 'mail', address: '' }).id}@example.org>`),
  );
});

it('adds no header, recipient or line, whatever subject and name hold', async () => {
  const wanted = ['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from', 'message-id', 'mime-version'];
  const hostile = string({ unit: 'binary', maxLength: 80 }).map((text) => `x\r\nBcc: spy@example.net\n\u2028\r${text}`);
  await assert(
    asyncProperty(hostile, hostile, async (subject, name) => {
      mails = [];
      await sender.send(
        mailTo('ana@example.com', { subject, recipient: { kind: 'mail', address: 'ana@example.com', name } }),
        never,
      );
      const keys = mails[0]?.headers.map(({ key }) => key).sort();
      expect(keys).toEqual([...wanted, 'subject', 'to'].sort());
      expect(mails[0]?.to?.map(({ address }) => address)).toEqual(['ana@example.com']);
    }),
    { numRuns: 15 },
  );
});

it.each([
  'ana@example.com\r\nRCPT TO:<spy@example.net>',
  'ana@example.com, spy@example.net',
  'Ana <ana@example.com>',
  '"a b"@example.com',
  'ana@example.com>',
  'example.com',
  '',
  `${'a'.repeat(250)}@example.com`,
])('refuses %j as an address before anything is sent', async (address) => {
  expect(await failureOf(sender.send(mailTo(address), never))).toMatchObject({ code: 'NOTIFICATION_REFUSED' });
  expect(mails).toEqual([]);
});

it('tells a recipient nobody knows, and a mail that is not taken, from what may pass later', async () => {
  expect(await failureOf(sender.send(mailTo('nobody@example.com'), never))).toMatchObject({
    code: 'NOTIFICATION_REFUSED',
    details: { status: 550 },
  });
  expect(await failureOf(sender.send(mailTo('later@example.com'), never))).toMatchObject({
    code: 'NOTIFICATION_FAILED',
    details: { status: 450 },
  });
  expect(await failureOf(sender.send(mailTo('ana@example.com', { body: 'too large' }), never))).toMatchObject({
    code: 'NOTIFICATION_REFUSED',
    details: { status: 552 },
  });
});

it('keeps mails for later while the account is wrong or nobody answers, and prints no password', async () => {
  const wrong = await failureOf(mailSender({ url: urlWith('not-the-one'), from }).send(mailTo('ana@example.com'), never));
  expect(wrong.code).toBe('NOTIFICATION_FAILED');
  expect(inspect(wrong, { depth: 20 })).not.toMatch(/not-the-one|bm90LXRoZS1vbm/);
  const nobody = mailSender({ url: 'smtp://127.0.0.1:1', from });
  expect(await failureOf(nobody.send(mailTo('ana@example.com'), never))).toMatchObject({ code: 'NOTIFICATION_FAILED' });
});

it('sends a password to another machine only over an encrypted connection', async () => {
  // This machine by an address that is not known to be its own.
  const open = await failureOf(mailSender({ url: urlWith(password, '0.0.0.0'), from }).send(mailTo('ana@example.com'), never));
  expect(open).toMatchObject({ code: 'NOTIFICATION_FAILED', cause: { code: 'ETLS' } });
  await mailSender({ url: `${urlWith(password, '0.0.0.0')}?requireTLS=false`, from }).send(mailTo('ana@example.com'), never);
  expect(mails.length).toBe(1);
});

it('gives up on a server that says nothing, and at once when it is told to', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  try {
    const late = await failureOf(mailSender({ url, from, timeoutMs: 50 }).send(mailTo('ana@example.com'), never));
    expect(late).toMatchObject({ code: 'NOTIFICATION_FAILED', message: 'there was no answer within 50 ms' });
    const stopped = new AbortController();
    const sending = mailSender({ url, from }).send(mailTo('ana@example.com'), stopped.signal);
    stopped.abort(new Error('the server stops'));
    await expect(sending).rejects.toThrow('the server stops');
  } finally {
    silent.close();
  }
});

it('takes no server and no sender that are none', () => {
  expect(() => mailSender({ url: 'http://127.0.0.1', from })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  for (const wrong of ['', 'Remendo', 'a@example.org, b@example.org']) {
    expect(() => mailSender({ url: 'smtp://127.0.0.1', from: wrong })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  }
});
