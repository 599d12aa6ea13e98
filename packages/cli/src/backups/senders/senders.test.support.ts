/** Real servers to send to: one for mail, and one that speaks as Google's sheets and tokens do. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { onTestFinished } from 'vitest';
import type { BackupMessage } from '../records.js';
import type { Place } from './message-sender.js';

export const roma: Place = { name: 'Roma, till-1', branch: 'Roma', terminal: 'till-1' };

export const messageOf = (more: Partial<BackupMessage['result']> = {}, outer: Partial<BackupMessage> = {}): BackupMessage => {
  const result: BackupMessage['result'] = {
    ...{ id: '7d1f2c3a-0b5e-4a52-9c55-6f3d1f0a9b10', atMs: Date.UTC(2026, 2, 1, 12), state: 'corrupt' },
    findings: [{ kind: 'zip_damaged', values: { file: 'cópia.zip', entry: 'erp.fdb', why: 'its CRC-32 is another' } }],
    ...{
      files: 3,
      totalBytes: 1_234_567,
      freeBytes: 5_000,
      newest: { name: 'cópia.zip', bytes: 400_000, atMs: Date.UTC(2026, 2, 1, 2) },
    },
    ...more,
  };
  return { id: result.id, job: 'database', result, stateBefore: 'ok', intervalSeconds: 86_400, graceSeconds: 600, ...outer };
};

export interface MailServer {
  readonly port: number;
  readonly mails: Email[];
  /** Of the mails, by their envelopes. */
  readonly recipients: string[];
  /** Who can take nothing now. */
  full: string;
  /** Whoever comes is turned away without a word. */
  isAway: boolean;
}

/** Takes every mail of who knows the password; nobody@ there is none. */
export async function startMailServer(password: string, isSecure = false): Promise<MailServer> {
  const mails: Email[] = [];
  const server = new SMTPServer({
    authOptional: true,
    secure: isSecure,
    // Its certificate is its own, so nobody could check it.
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth: ({ password: given }, _session, done) =>
      given === password ? done(null, { user: 'u' }) : done(new Error('wrong password')),
    onRcptTo: ({ address }, _session, done) => {
      if (address === mail.full) return done(Object.assign(new Error('mailbox is full'), { responseCode: 452 }));
      done(address.startsWith('nobody') ? Object.assign(new Error('no such mailbox'), { responseCode: 550 }) : null);
    },
    async onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      mails.push(await PostalMime.parse(Buffer.concat(chunks)));
      mail.recipients.push(...envelope.rcptTo.map(({ address }) => address));
      done();
    },
  });
  server.on('error', () => {});
  const door = createTcpServer((socket) => {
    if (mail.isAway) socket.destroy();
    else server.server.emit('connection', socket);
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  onTestFinished(async () => {
    door.close();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const mail: MailServer = { port: (door.address() as AddressInfo).port, mails, recipients: [], full: '', isAway: false };
  return mail;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpDouble {
  readonly url: string;
  readonly received: Received[];
}

/** Remembers what arrived before it answers. */
export async function startHttpDouble(answer: (request: Received, response: ServerResponse) => unknown): Promise<HttpDouble> {
  const received: Received[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const one = { method, path: decodeURIComponent(url), headers, body: Buffer.concat(chunks).toString() };
    received.push(one);
    answer(one, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });

export interface Google extends HttpDouble {
  /** Of the one tab that there is, row by row. */
  readonly rows: unknown[][];
  /** The key of a service account, as Google hands it out. */
  readonly key: string;
  /** How the next requests to the sheet end; null: well. `lost`: done, and the answer never comes. */
  fault: number | 'lost' | null;
  /** Which of them; `token`: those for a token instead. */
  faulty: 'all' | 'POST' | 'token';
  /** Before whoever appended hears of it. */
  onAppended: () => Promise<void>;
}

export async function startGoogle(): Promise<Google> {
  const rows: unknown[][] = [];
  const token = 'a-token-that-google-gave';
  const json = (response: ServerResponse, body: object, status = 200) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const answer = async ({ method, path, headers, body }: Received, response: ServerResponse) => {
    const isFaulty = typeof google.fault === 'number' && (google.faulty === 'all' || google.faulty === method);
    if (path === '/token' && google.faulty === 'token' && typeof google.fault === 'number')
      return json(response, { error: 'invalid_grant', error_description: 'Invalid JWT: iat and exp' }, google.fault);
    if (path === '/token') return json(response, { access_token: token, expires_in: 3_600, token_type: 'Bearer' });
    if (headers.authorization !== `Bearer ${token}`) return json(response, { error: { message: 'no token' } }, 401);
    if (isFaulty) return json(response, { error: { message: 'not now' } }, google.fault as number);
    if (method === 'GET') {
      const column = rows.map((row) => row[11] ?? '');
      return json(response, path.includes('!L:L') ? { values: [column] } : rows.length === 0 ? {} : { values: [rows[0]] });
    }
    rows.push(...(JSON.parse(body) as { values: unknown[][] }).values);
    if (method === 'POST') await google.onAppended();
    return google.fault === 'lost' && method === 'POST' ? response.destroy() : json(response, {});
  };
  const key = JSON.stringify({
    type: 'service_account',
    client_email: 'erp@project.example',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  const google: Google = Object.assign(await startHttpDouble(answer), {
    rows,
    key,
    fault: null,
    faulty: 'all' as const,
    onAppended: async () => {},
  });
  return google;
}
