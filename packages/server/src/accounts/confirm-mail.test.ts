/** Registering with somebody else's mail address sends them one mail, and no more. */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type MailServer, startMailServer } from '../notifications/notifications.test.support.js';
import { ask, type Identity, newTerminal, person, signedIn } from '../testing/test-accounts.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';

let mail: MailServer;
let server: TestServer;

beforeAll(async () => {
  mail = await startMailServer();
  server = await startTestServer(['--confirmation-mails-per-day', '4'], { REMENDO_SMTP_URL: mail.url });
});
afterAll(async () => {
  await server?.stop();
  await mail?.stop();
});
beforeEach(async () => {
  mail.mails.length = 0;
});

interface Registered {
  readonly code: string;
  readonly email: string;
  readonly as: Identity;
}

async function register(fields: object = {}): Promise<Registered> {
  const about = person(fields);
  const { body } = await ask(server, 'POST', '/api/v1/register', { as: {}, body: about });
  return { code: body.data.code, email: about.email, as: signedIn(body.data.api_key, body.data.api_secret) };
}

const confirm = async (as: Identity, code: string): Promise<number> =>
  (await ask(server, 'POST', '/api/v1/mail/confirm', { as, body: { code } })).status;

const isConfirmed = async (as: Identity): Promise<boolean | undefined> =>
  (await ask(server, 'GET', '/api/v1/license/verify', { as })).body.mail_confirmed;

const report = (as: Identity, id: string, state: string) =>
  ask(server, 'POST', '/api/v1/backups/reports', {
    as,
    headers: { 'x-terminal-id': 'nas' },
    body: {
      reports: [
        {
          report_id: id,
          job: 'Buy pills http://example.com',
          branch: 'at once!',
          state,
          interval_seconds: 600,
          grace_seconds: 0,
          at: new Date().toISOString(),
        },
      ],
    },
  });

it('one mail asks whether the address is theirs, in words of ours alone, and nothing follows before it is confirmed', async () => {
  const { as, email, code: customer } = await register({ first_name: 'Cheap pills', last_name: 'http://example.com' });
  await vi.waitFor(() => expect(mail.mails).toHaveLength(1), { timeout: 120_000 });
  const [asked] = mail.mails;
  expect(asked?.to).toEqual([{ address: email, name: '' }]);
  expect(`${asked?.subject} ${asked?.text}`).not.toMatch(/pills|http/i);
  await report(as, 'r-1', 'missing');
  const { body: inbox } = await ask(server, 'GET', '/api/v1/notifications', { as });
  expect(inbox.notifications.map(({ kind }: { kind: string }) => kind)).toContain('mail_confirmation');
  const code = /: ([A-Z2-9]{10})/.exec(asked?.text ?? '')?.[1] ?? '';
  expect(JSON.stringify(inbox)).not.toContain(code);
  expect(await confirm(as, 'AAAAAAAAAA')).toBe(404);
  const terminal = await newTerminal(server, { code: customer, email, as });
  expect(await confirm(terminal.as, code)).toBe(403);
  expect([await isConfirmed(as), await isConfirmed(terminal.as)]).toEqual([false, false]);
  expect(await confirm(as, code)).toBe(204);
  expect([await isConfirmed(as), await isConfirmed(terminal.as)]).toEqual([true, true]);
  expect(await confirm(as, code)).toBe(404);
  expect(mail.mails).toHaveLength(1);
  await report(as, 'r-2', 'stale');
  await vi.waitFor(() => expect(mail.mails).toHaveLength(2), { timeout: 120_000 });
  expect(mail.mails[1]?.subject).not.toMatch(/pills|at once/);
  expect((await ask(server, 'POST', '/api/v1/mail/code', { as })).body.code).toBe('RECORD_EXISTS');
});

it('an address gets one in a day, whoever registers it again', async () => {
  const first = await register();
  await vi.waitFor(() => expect(mail.mails).toHaveLength(1), { timeout: 120_000 });
  expect((await ask(server, 'POST', '/api/v1/mail/code', { as: first.as })).body).toEqual({ sent: false });
  await ask(server, 'DELETE', `/api/v1/customers/${first.code}`);
  const again = await register({ email: first.email.toUpperCase() });
  expect((await ask(server, 'POST', '/api/v1/mail/code', { as: again.as })).body).toEqual({ sent: false });
});

it('all addresses together get so many in a day', async () => {
  const registered: Registered[] = [];
  for (let n = 0; n < 5; n++) registered.push(await register());
  await vi.waitFor(() => expect(mail.mails).toHaveLength(2), { timeout: 120_000 });
  for (const { as } of registered) expect((await ask(server, 'POST', '/api/v1/mail/code', { as })).body).toEqual({ sent: false });
  expect(mail.mails).toHaveLength(2);
});
