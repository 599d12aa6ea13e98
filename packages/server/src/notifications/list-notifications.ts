/** The inbox: every customer has one, and the operators have one together. */
import { UpdaterError } from '@remendo/core';
import type { Delivery, Notification, NotificationKind } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';

/** Whose inbox: a customer's, or null: the operators'. */
type OwnerId = number | null;

export interface InboxFilter {
  readonly isUnread: boolean;
  readonly kind?: NotificationKind | undefined;
}

const inboxOf = (ownerId: OwnerId) => sql<boolean>`notification.customer_id is not distinct from ${ownerId}::integer`;

const notificationQuery = (db: Db) =>
  db
    .selectFrom('notification')
    .leftJoin('customer', 'customer.id', 'notification.customer_id')
    .select(['notification.id', 'customer.code', 'kind', 'subject', 'body', 'data', 'notification.created_at', 'read_at']);

type NotificationRow = Awaited<ReturnType<ReturnType<typeof notificationQuery>['executeTakeFirstOrThrow']>>;

/** Newest first. */
export function listNotifications(
  db: Db,
  ownerId: OwnerId,
  { isUnread, kind, limit, after }: InboxFilter & { readonly limit: number; readonly after: number | null },
) {
  let query = notificationQuery(db).where(inboxOf(ownerId));
  if (isUnread) query = query.where('read_at', 'is', null);
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (after !== null) query = query.where('notification.id', '<', after);
  return query
    .orderBy('notification.id', 'desc')
    .limit(limit + 1)
    .execute();
}

export const notificationAnswer = (row: NotificationRow): Notification => ({
  id: row.id,
  customer: row.code,
  kind: row.kind,
  subject: row.subject,
  body: row.body,
  data: { ...row.data },
  created_at: row.created_at.toISOString(),
  read_at: row.read_at?.toISOString() ?? null,
});

/** One that is read already stays so, since then. @throws UpdaterError RECORD_NOT_FOUND. */
export async function readNotification(db: Db, ownerId: OwnerId, id: number): Promise<Notification> {
  await db
    .updateTable('notification')
    .set({ read_at: sql`coalesce(read_at, now())` })
    .where('id', '=', id)
    .where(inboxOf(ownerId))
    .execute();
  const row = await notificationQuery(db).where('notification.id', '=', id).where(inboxOf(ownerId)).executeTakeFirst();
  if (row === undefined) throw notificationUnknown(id);
  return notificationAnswer(row);
}

/** @returns how many were unread. */
export async function readAll(db: Db, ownerId: OwnerId): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('notification')
    .set({ read_at: new Date() })
    .where(inboxOf(ownerId))
    .where('read_at', 'is', null)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/**
 * Where a notification went besides the inbox.
 * @param customerId sees its own, and of those what went to itself; null: an operator, who sees everything.
 * @throws UpdaterError RECORD_NOT_FOUND.
 */
export async function listDeliveries(db: Db, customerId: number | null, notificationId: number): Promise<Delivery[]> {
  const isAll = customerId === null;
  const seen = sql<boolean>`(${isAll}::boolean or customer_id = ${customerId}::integer)`;
  const found = await db.selectFrom('notification').where('id', '=', notificationId).where(seen).select('id').executeTakeFirst();
  if (found === undefined) throw notificationUnknown(notificationId);
  const rows = await db
    .selectFrom('notification_delivery')
    .where('notification_id', '=', notificationId)
    .where(seen)
    .selectAll()
    .orderBy('channel')
    .orderBy('id')
    .execute();
  return rows.map(({ id, channel, recipient: { address, host, spreadsheet }, state, attempts, error, due_at, updated_at }) => ({
    id,
    channel,
    recipient: address ?? host ?? spreadsheet ?? '',
    state,
    attempts,
    error,
    due_at: state === 'wanted' ? due_at.toISOString() : null,
    updated_at: updated_at.toISOString(),
  }));
}

const notificationUnknown = (id: number): UpdaterError => new UpdaterError('RECORD_NOT_FOUND', `there is no notification ${id}`);
