/**
 * Who sends what when. A delivery is sent by whoever claims it, until its lease is over: then that one counts as dead, and
 * the next attempt goes out with the same id. So a delivery arrives once or, when a server dies between sending and
 * recording, twice under one id; never not at all while there are attempts left.
 */
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { JobQueue } from '../jobs/job-queue.js';
import { attemptsMax, enqueueDelivery } from './deliver-notification-kind.js';
import type { OutgoingMessage } from './senders/sender.js';

/** Longer than any sender takes; see `open-senders.ts`. */
const leaseSeconds = 30;
/** After which a delivery that is due and has nobody has lost its job. */
const lostSeconds = 20;
/** Of one sweep. */
const sweptMax = 200;

/** What every attempt sends, and where to. */
export interface ClaimedDelivery extends Omit<OutgoingMessage, 'recipient' | 'attempt'> {
  readonly channel: 'mail' | 'webhook' | 'sheet';
  readonly recipient: Readonly<Record<string, string>>;
  /** Code of the customer whom it concerns, and whether it goes to the operators all the same. */
  readonly customer: string | null;
  readonly isForOperators: boolean;
  /** Of this attempt, from 1. */
  readonly attempts: number;
}

/** Null when it is not due, somebody else sends it, or it is over. */
export async function claimDelivery(db: Db, deliveryId: string): Promise<ClaimedDelivery | null> {
  const { rows } = await sql<ClaimedDelivery>`
    update notification_delivery as delivery
    set state = 'sending', attempts = attempts + 1, due_at = now() + make_interval(secs => ${leaseSeconds}), updated_at = now()
    from notification
    where notification.id = delivery.notification_id and delivery.id = ${deliveryId}
      and delivery.state in ('wanted', 'sending') and due_at <= now() and attempts < ${attemptsMax}
    returning delivery.id, delivery.channel, delivery.recipient, delivery.attempts,
      delivery.customer_id is null as "isForOperators", notification.kind, subject, body, data,
      notification.created_at as "createdAt",
      (select code from customer where customer.id = notification.customer_id) as customer`.execute(db);
  return rows[0] ?? null;
}

export type AttemptOutcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed'; readonly error: string }
  /** To be tried again. */
  | { readonly kind: 'postponed'; readonly error: string | null; readonly afterSeconds: number };

/** @returns false when the lease was over and somebody else has it: what became of this attempt no longer counts. */
export async function recordAttempt(
  tx: Tx,
  queue: JobQueue,
  { id, attempts, outcome }: { readonly id: string; readonly attempts: number; readonly outcome: AttemptOutcome },
): Promise<boolean> {
  const isPostponed = outcome.kind === 'postponed';
  const { rows } = await sql`
    update notification_delivery
    set state = ${isPostponed ? 'wanted' : outcome.kind}, error = ${outcome.kind === 'delivered' ? null : outcome.error},
      due_at = now() + make_interval(secs => ${isPostponed ? outcome.afterSeconds : 0}), updated_at = now()
    where id = ${id} and state = 'sending' and attempts = ${attempts} returning id`.execute(tx);
  if (rows.length === 0) return false;
  if (isPostponed) await enqueueDelivery(queue, tx, id, outcome.afterSeconds);
  return true;
}

/** Deliveries whose senders died go on, unless sending them keeps ending so; and every delivery that is due has a job. */
export async function sweepDeliveries(tx: Tx, queue: JobQueue): Promise<void> {
  await sql`
    update notification_delivery set state = 'failed', error = 'the server ended while this was sent', updated_at = now()
    where state = 'sending' and due_at < now() and attempts >= ${attemptsMax}`.execute(tx);
  const { rows } = await sql<{ id: string }>`
    select id from notification_delivery
    where (state = 'sending' and due_at < now())
      or (state = 'wanted' and due_at < now() - make_interval(secs => ${lostSeconds}))
    order by due_at limit ${sweptMax}`.execute(tx);
  for (const { id } of rows) await enqueueDelivery(queue, tx, id);
}
