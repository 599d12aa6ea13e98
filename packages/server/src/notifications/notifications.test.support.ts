/** A mail server, customers and webhooks to notify, and the ports to do it with. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { readConfig, type ServerConfig } from '../config.js';
import type { Database, Db } from '../database/open-database.js';
import { jobKinds } from '../jobs/job-kinds.js';
import { JobQueue } from '../jobs/job-queue.js';
import { createTestLog } from '../testing/test-log.js';
import { recordOutput, recordSecrets, secretsIn } from '../testing/test-record.js';
import type { DeliverPorts } from './deliver-notification.js';
import { type NewNotification, Notifier } from './notifier.js';
import { openSenders } from './open-senders.js';
import { never } from './senders/senders.test.support.js';

export const { log } = createTestLog();

export interface MailServer {
  readonly url: string;
  readonly mails: Email[];
  stop(): Promise<void>;
}

/** Takes every mail; nobody@ there is none. */
export async function startMailServer(): Promise<MailServer> {
  const mails: Email[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith('nobody') ? Object.assign(new Error('no'), { responseCode: 550 }) : null),
    async onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const mail = await PostalMime.parse(Buffer.concat(chunks));
      recordOutput('mail', `${mail.subject} ${mail.text}\n`);
      mails.push(mail);
      done();
    },
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, mails, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

export function configWith(environment: Readonly<Record<string, string>>): ServerConfig {
  recordSecrets(secretsIn(environment));
  const config = readConfig(['--data', '/nowhere', '--private-webhooks', 'allowed'], environment);
  if (config === 'shown') throw new Error('no help was asked for');
  return config;
}

export interface NotifyingServer {
  readonly notifier: Notifier;
  readonly delivering: DeliverPorts;
  stop(): Promise<void>;
}

/** As one server has it, without workers: tests make the attempts. */
export async function notifyingServer(database: Database, config: ServerConfig): Promise<NotifyingServer> {
  const queue = await JobQueue.open(database, log, jobKinds);
  return {
    notifier: new Notifier({ queue, config }),
    delivering: { db: database.db, queue, senders: openSenders(config), log, signal: never },
    stop: () => queue.close(),
  };
}

let customers = 0;

/** @returns its id. */
export async function addTestCustomer(
  db: Db,
  more: { readonly email?: string; readonly expires_on?: string; readonly mail_confirmed_at?: null } = {},
): Promise<number> {
  const number = String(++customers).padStart(5, '0');
  const { id } = await db
    .insertInto('customer')
    .values({
      code: `USR${number}`,
      email: `person-${number}@example.com`,
      first_name: 'Ana',
      last_name: 'Conceição',
      company: '',
      phone: '',
      service_level: 'basic',
      requested_level: 'basic',
      expires_on: '2999-12-31',
      limits: '{}',
      features: '{}',
      mail_confirmed_at: new Date(),
      ...more,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** @returns its id. */
export async function addTestWebhook(
  db: Db,
  webhook: { readonly url: string; readonly customerId?: number; readonly kinds?: readonly string[] },
): Promise<number> {
  const { url, customerId = null, kinds = [] } = webhook;
  const { id } = await db
    .insertInto('webhook')
    .values({ customer_id: customerId, url, secret: 'a-secret-for-tests', kinds: JSON.stringify(kinds) })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export const news = (more: Partial<NewNotification> = {}): NewNotification => ({
  kind: 'backup_failed',
  customerId: null,
  subject: 'Backup db of Roma: the backup is too old',
  body: 'Checked at noon.',
  data: { job: 'db', branch: 'Roma', state: 'stale' },
  dedupKey: `test ${Math.random()}`,
  ...more,
});

export const tell = (db: Db, { notifier }: NotifyingServer, notification: NewNotification): Promise<boolean> =>
  db.transaction().execute((tx) => notifier.notify(tx, notification));

export const deliveriesOf = (db: Db, dedupKey: string) =>
  db
    .selectFrom('notification_delivery')
    .innerJoin('notification', 'notification.id', 'notification_id')
    .where('dedup_key', '=', dedupKey)
    .selectAll('notification_delivery')
    .orderBy('channel')
    .orderBy(({ ref }) => ref('notification_delivery.id'))
    .execute();

/** As if its time had come. */
export const makeDue = (db: Db, deliveryId: string) =>
  db
    .updateTable('notification_delivery')
    .set({ due_at: new Date(Date.now() - 1_000) })
    .where('id', '=', deliveryId)
    .execute();
