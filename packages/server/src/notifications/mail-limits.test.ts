/** Nobody floods a mailbox, their own, somebody else's or the operators', with what this server tells. */
import type { Email } from 'postal-mime';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { openTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { deliverNotification } from './deliver-notification.js';
import {
  addTestCustomer,
  configWith,
  type MailServer,
  type NotifyingServer,
  news,
  notifyingServer,
  startMailServer,
  tell,
} from './notifications.test.support.js';

let test: TestDatabase;
let db: Db;
let mail: MailServer;
let server: NotifyingServer;

beforeAll(async () => {
  test = await openTestDatabase('embedded');
  db = test.database.db;
  mail = await startMailServer();
  const environment = {
    REMENDO_SMTP_URL: mail.url,
    REMENDO_OPERATOR_MAIL: 'night@example.org',
    REMENDO_CUSTOMER_MAILS_PER_DAY: '3',
    REMENDO_OPERATOR_MAILS_PER_HOUR: '4',
  };
  server = await notifyingServer(test.database, configWith(environment));
});
afterAll(async () => {
  await server?.stop();
  await mail?.stop();
  await test?.remove();
});
beforeEach(async () => {
  mail.mails.length = 0;
  await db.deleteFrom('notification_delivery').execute();
});

/** Everything that is due is sent. */
async function deliver(): Promise<readonly Email[]> {
  const rows = await db.selectFrom('notification_delivery').select('id').orderBy('updated_at').orderBy('notification_id').execute();
  for (const { id } of rows) await deliverNotification(server.delivering, id);
  return mail.mails;
}

const textsTo = (mails: readonly Email[], address: string): readonly string[] =>
  mails.filter(({ to }) => to?.some((each) => each.address === address)).map(({ text }) => text ?? '');

it('no mail goes to an address that is not confirmed, and the inbox has it all the same', async () => {
  const victim = await addTestCustomer(db, { email: 'victim@example.com', mail_confirmed_at: null });
  await tell(db, server, news({ customerId: victim }));
  expect(textsTo(await deliver(), 'victim@example.com')).toEqual([]);
  expect(await db.selectFrom('notification').where('customer_id', '=', victim).select('kind').execute()).toHaveLength(1);
});

it('a customer gets so many mails in a day; the last says where the rest is', async () => {
  const customer = await addTestCustomer(db, { email: 'flooded@example.com' });
  for (let n = 0; n < 10; n++) await tell(db, server, news({ kind: 'license_expiring', customerId: customer }));
  const texts = textsTo(await deliver(), 'flooded@example.com');
  expect(texts).toHaveLength(3);
  expect(texts.map((text) => text.includes('the last mail of the day'))).toEqual([false, false, true]);
  expect(await db.selectFrom('notification').where('customer_id', '=', customer).select('id').execute()).toHaveLength(10);
  await db
    .updateTable('notification_delivery')
    .set({ updated_at: new Date(Date.now() - 25 * 3_600_000) })
    .execute();
  await tell(db, server, news({ kind: 'license_expiring', customerId: customer }));
  expect(textsTo(await deliver(), 'flooded@example.com')).toHaveLength(4);
});

it('operators get one mail that counts, instead of one for each of too many', async () => {
  for (let n = 0; n < 30; n++) await tell(db, server, news({ subject: `written by somebody ${n}` }));
  expect(textsTo(await deliver(), 'night@example.org')).toHaveLength(4);
  const waiting = await db.selectFrom('notification_delivery').where('state', '=', 'wanted').select(['id', 'due_at']).execute();
  expect(waiting).toHaveLength(1);
  const minutes = ((waiting[0]?.due_at.getTime() ?? 0) - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(55);
  expect(minutes).toBeLessThanOrEqual(60);
  await db
    .updateTable('notification_delivery')
    .set({ due_at: new Date(Date.now() - 1_000) })
    .where('state', '=', 'wanted')
    .execute();
  const [digest] = (await deliver()).slice(4);
  expect(digest?.subject).toMatch(/^26 notifications since/);
  expect(digest?.text).toContain('26 × backup_failed');
  expect(digest?.text).not.toContain('written by somebody');
});

it('what a mail says drives no terminal and turns no text around', async () => {
  await tell(
    db,
    server,
    news({ subject: 'A\u001b[31m backup\u202e\r\nBcc: x@example.org', body: 'one\ntwo\u001b]0;x\u0007\u202e three\tfour' }),
  );
  const [sent] = await deliver();
  expect(sent?.subject).toBe('A [31m backup Bcc: x@example.org');
  expect(sent?.text?.trim()).toBe('one\ntwo ]0;x  three\tfour');
});
