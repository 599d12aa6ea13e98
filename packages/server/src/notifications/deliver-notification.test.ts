import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { sweepDeliveries } from './claim-delivery.js';
import { deliverNotification, waitSeconds } from './deliver-notification.js';
import {
  addTestCustomer,
  addTestWebhook,
  configWith,
  deliveriesOf,
  type MailServer,
  makeDue,
  type NotifyingServer,
  news,
  notifyingServer,
  startMailServer,
  tell,
} from './notifications.test.support.js';
import type { NewNotification } from './notifier.js';
import { openSenders } from './open-senders.js';
import type { Sender } from './senders/sender.js';
import { type HttpDouble, startHttpDouble } from './senders/senders.test.support.js';
import { verifyWebhook } from './senders/webhook-signature.js';

it('waits longer after every failure, as long as the other side asks for, and never more than an hour', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((attempts) => waitSeconds(attempts))).toEqual([10, 40, 160, 640, 2_560, 3_600, 3_600]);
  expect(waitSeconds(1, 90_500)).toBe(91);
  expect(waitSeconds(2, 1_000)).toBe(40);
  expect(waitSeconds(1, 86_400_000)).toBe(3_600);
});

describe.each(testDatabases)('a delivery on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let mail: MailServer;
  let hook: HttpDouble;
  /** What the webhook answers. */
  let status: number;
  let server: NotifyingServer;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    mail = await startMailServer();
    hook = await startHttpDouble((_request, response) => response.writeHead(status, { 'retry-after': '120' }).end());
    const config = configWith({ REMENDO_SMTP_URL: mail.url, REMENDO_MAIL_FROM: 'updates@example.org' });
    server = await notifyingServer(test.database, config);
  });
  beforeEach(() => {
    status = 200;
    mail.mails.length = 0;
    hook.received.length = 0;
  });
  afterEach(() => db.deleteFrom('webhook').execute());
  afterAll(async () => {
    await server.stop();
    await mail.stop();
    await hook.stop();
    await test.remove();
  });

  /** The one delivery of this notification. */
  const wanted = async (notification: NewNotification): Promise<string> => {
    await tell(db, server, notification);
    const [delivery] = await deliveriesOf(db, notification.dedupKey);
    return delivery?.id ?? '';
  };
  const mailTo = async (email: string): Promise<string> =>
    wanted(news({ kind: 'license_expired', customerId: await addTestCustomer(db, { email }) }));
  const row = (id: string) => db.selectFrom('notification_delivery').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

  it('is made once by servers that make it at the same time', async () => {
    const id = await mailTo('ana@example.com');
    const outcomes = await Promise.all([...Array(6)].map(() => deliverNotification(server.delivering, id)));
    expect(outcomes.filter((outcome) => outcome !== null)).toEqual(['delivered']);
    expect(mail.mails).toMatchObject([{ to: [{ address: 'ana@example.com' }], messageId: `<${id}@example.org>` }]);
    expect(await row(id)).toMatchObject({ state: 'delivered', attempts: 1, error: null });
    expect(await deliverNotification(server.delivering, id)).toBeNull();
  });

  it('goes out again under the same id when its server died after sending, and the dead one no longer counts', async () => {
    const id = await mailTo('bea@example.com');
    let wake = (): void => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let sent = (): void => {};
    const isSent = new Promise<void>((resolve) => {
      sent = resolve;
    });
    // Hands the mail over and then hears nothing of the world, as a process does that is stopped.
    const stopped: Sender = {
      channel: 'mail',
      async send(message, signal) {
        await server.delivering.senders.mail?.send(message, signal);
        sent();
        await asleep;
      },
    };
    const dead = deliverNotification({ ...server.delivering, senders: { ...server.delivering.senders, mail: stopped } }, id);
    await isSent;
    expect(await deliverNotification(server.delivering, id)).toBeNull();
    await makeDue(db, id);
    await db.transaction().execute((tx) => sweepDeliveries(tx, server.delivering.queue));
    expect(await deliverNotification(server.delivering, id)).toBe('delivered');
    expect(mail.mails.map(({ messageId }) => messageId)).toEqual(Array(2).fill(`<${id}@example.org>`));
    wake();
    expect(await dead).toBeNull();
    expect(await row(id)).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  it('is tried eight times when nobody answers, and then has failed; its error tells no password', async () => {
    const id = await mailTo('carl@example.com');
    const senders = openSenders(configWith({ REMENDO_SMTP_URL: 'smtp://user:pass-word@127.0.0.1:1' }));
    for (let attempt = 1; attempt <= 8; attempt++) {
      expect(await deliverNotification({ ...server.delivering, senders }, id)).toBe(attempt < 8 ? 'postponed' : 'failed');
      const { due_at, updated_at } = await row(id);
      if (attempt < 8) expect((due_at.getTime() - updated_at.getTime()) / 1_000).toBeCloseTo(waitSeconds(attempt), 1);
      await makeDue(db, id);
    }
    expect(await row(id)).toMatchObject({ state: 'failed', attempts: 8, error: expect.stringMatching(/^NOTIFICATION_FAILED/) });
    expect((await row(id)).error).not.toContain('pass-word');
    expect(await deliverNotification({ ...server.delivering, senders }, id)).toBeNull();
  });

  it('has failed at once when the other side refuses it', async () => {
    const id = await mailTo('nobody@example.com');
    expect(await deliverNotification(server.delivering, id)).toBe('failed');
    expect(await row(id)).toMatchObject({ attempts: 1, error: expect.stringMatching(/^NOTIFICATION_REFUSED.*550/) });
  });

  it('to a webhook is signed, says of whom it is, and comes later when the webhook says so', async () => {
    const customerId = await addTestCustomer(db);
    const { code } = await db.selectFrom('customer').where('id', '=', customerId).select('code').executeTakeFirstOrThrow();
    await addTestWebhook(db, { url: `${hook.url}/secret-path` });
    const notification = news({ customerId });
    await tell(db, server, notification);
    const id = (await deliveriesOf(db, notification.dedupKey)).find(({ channel }) => channel === 'webhook')?.id ?? '';
    status = 503;
    expect(await deliverNotification(server.delivering, id)).toBe('postponed');
    const { due_at, updated_at, error } = await row(id);
    expect((due_at.getTime() - updated_at.getTime()) / 1_000).toBeCloseTo(120, 1);
    expect(error).not.toContain('secret-path');
    status = 200;
    await makeDue(db, id);
    expect(await deliverNotification(server.delivering, id)).toBe('delivered');
    for (const { headers, body } of hook.received) {
      verifyWebhook('a-secret-for-tests', headers, body, new Date());
      expect(JSON.parse(body)).toMatchObject({
        id,
        kind: 'backup_failed',
        subject: `${code}: ${notification.subject}`,
        data: { customer: code, ...notification.data },
      });
    }
    expect(hook.received).toHaveLength(2);
  });

  it('is given up when its webhook is switched off or deleted meanwhile', async () => {
    const webhook = await addTestWebhook(db, { url: hook.url });
    const [first, second] = [await wanted(news()), await wanted(news())];
    await db.updateTable('webhook').set({ is_enabled: false }).where('id', '=', webhook).execute();
    expect(await deliverNotification(server.delivering, first)).toBe('failed');
    await db.deleteFrom('webhook').where('id', '=', webhook).execute();
    expect(await deliverNotification(server.delivering, second)).toBe('failed');
    expect(hook.received).toEqual([]);
  });

  it('is given back when the server is being stopped, for the next one to make at once', async () => {
    const id = await mailTo('dora@example.com');
    const stopping = new AbortController();
    const mailSender: Sender = {
      channel: 'mail',
      async send(_message, signal) {
        stopping.abort(new Error('the server is being stopped'));
        signal.throwIfAborted();
      },
    };
    const ports = { ...server.delivering, signal: stopping.signal, senders: { ...server.delivering.senders, mail: mailSender } };
    expect(await deliverNotification(ports, id)).toBe('postponed');
    expect(await deliverNotification(server.delivering, id)).toBe('delivered');
    expect(mail.mails).toHaveLength(1);
  });

  it('has failed in the end when the server dies of every attempt', async () => {
    const id = await mailTo('emma@example.com');
    const past = new Date(Date.now() - 1_000);
    await db
      .updateTable('notification_delivery')
      .set({ state: 'sending', attempts: 8, due_at: past })
      .where('id', '=', id)
      .execute();
    await db.transaction().execute((tx) => sweepDeliveries(tx, server.delivering.queue));
    expect(await row(id)).toMatchObject({ state: 'failed', error: 'the server ended while this was sent' });
  });
});
