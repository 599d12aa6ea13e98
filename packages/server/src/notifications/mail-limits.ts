/**
 * Which mails go out. Who writes an address down when registering, or reports one broken backup after the other, makes no flood
 * of mails of it: an address is confirmed first, a customer gets so many in a day, and operators so many in an hour. Nothing
 * is lost: the inbox has it.
 */
import { type NotificationKind, notificationKinds } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { ServerConfig } from '../config.js';
import type { Db, Tx } from '../database/open-database.js';

export type MailLimits = Pick<ServerConfig, 'customerMailsPerDay' | 'operatorMailsPerHour'>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** own: a mail for this alone · last: the same, and the last of the day · none. */
export type CustomerMail = 'own' | 'last' | 'none';

export async function customerMailOf(tx: Tx, customerId: number, { customerMailsPerDay }: MailLimits): Promise<CustomerMail> {
  const sent = await countMails(tx, customerId, new Date(Date.now() - dayMs));
  if (sent >= customerMailsPerDay) return 'none';
  return sent === customerMailsPerDay - 1 ? 'last' : 'own';
}

/** own: a mail for this alone · digest: one later, which counts from this one on · none: that one is on its way. */
export type OperatorMail =
  | { readonly kind: 'own' }
  | { readonly kind: 'digest'; readonly since: Date; readonly dueAt: Date }
  | { readonly kind: 'none' };

export async function operatorMailOf(tx: Tx, { operatorMailsPerHour }: MailLimits): Promise<OperatorMail> {
  const waiting = await tx
    .selectFrom('notification_delivery')
    .where('state', 'in', ['wanted', 'sending'])
    .where('channel', '=', 'mail')
    .where(digestSince, 'is not', null)
    .select('id')
    .executeTakeFirst();
  if (waiting !== undefined) return { kind: 'none' };
  const sent = await countMails(tx, null, new Date(Date.now() - hourMs));
  if (sent < operatorMailsPerHour) return { kind: 'own' };
  // The transaction's, as the notification has it.
  const { rows } = await sql<{ now: Date }>`select now() as now`.execute(tx);
  const since = rows[0]?.now ?? new Date();
  return { kind: 'digest', since, dueAt: new Date(since.getTime() + hourMs) };
}

const digestSince = sql<string | null>`recipient->>'digest_since'`;

/** Notifications that there is a mail of, to these; what was begun since counts. */
async function countMails(tx: Tx, customerId: number | null, since: Date): Promise<number> {
  const row = await tx
    .selectFrom('notification_delivery')
    .where('channel', '=', 'mail')
    .where(sql<boolean>`customer_id is not distinct from ${customerId}::integer`)
    .where('updated_at', '>', since)
    .select(sql<number>`count(distinct notification_id)`.as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** What operators get as mail although it is for a customer. */
export const mailedToOperators: readonly NotificationKind[] = [
  'backup_failed',
  'backup_silent',
  'backup_recovered',
  'terminals_silent',
  'terminals_recovered',
];

/** What operators are told of since then, counted: nothing in it is anybody's text. */
export async function writeDigest(db: Db, since: Date): Promise<{ readonly subject: string; readonly body: string }> {
  const rows = await db
    .selectFrom('notification')
    .where('created_at', '>=', since)
    .where((eb) => eb.or([eb('customer_id', 'is', null), eb('kind', 'in', mailedToOperators)]))
    .select(({ fn }) => ['kind', fn.countAll<number>().as('count')])
    .groupBy('kind')
    .orderBy('kind')
    .execute();
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  const lines = rows.map(({ kind, count }) => `${count} × ${kind}: ${notificationKinds[kind]}`);
  return {
    subject: `${total} notifications since ${since.toISOString()}`,
    body: [
      ...lines,
      '',
      'There were too many for a mail of each. They are in the inboxes of the operators and of the customers.',
    ].join('\n'),
  };
}
