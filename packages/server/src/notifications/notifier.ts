/**
 * Tells people what happened: in their inbox, which is the notification's row, and by mail, webhook and sheet, which are
 * its deliveries. All of it is written in the transaction in which it happened, a job for each delivery too: it is told
 * exactly when it is true, by whichever server comes first, however often that one is killed.
 */
import { randomUUID } from 'node:crypto';
import type { NotificationKind } from '@remendo/core/protocol';
import type { Tx } from '../database/open-database.js';
import type { JobQueue } from '../jobs/job-queue.js';
import { enqueueDelivery } from './deliver-notification-kind.js';
import { type ChannelConfig, confirmationDelivery, type NewDelivery, recipientsOf, webhookDelivery } from './recipients.js';

export interface NewNotification {
  readonly kind: NotificationKind;
  /** Whom it concerns; null: the operators. */
  readonly customerId: number | null;
  readonly subject: string;
  /** Plain text. */
  readonly body: string;
  /** The facts behind the text, for programs; in this order the cells of a row. Never a secret. */
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
  /** What it is about: whoever tells it again, and whenever, it is told once. */
  readonly dedupKey: string;
}

/** A webhook to be tried out. */
export interface TriedWebhook {
  readonly id: number;
  readonly customer_id: number | null;
  readonly url: string;
}

export class Notifier {
  readonly #queue: JobQueue;
  readonly #config: ChannelConfig;

  constructor({ queue, config }: { readonly queue: JobQueue; readonly config: ChannelConfig }) {
    this.#queue = queue;
    this.#config = config;
  }

  /** @returns false when it was told before: nothing happens then. */
  async notify(tx: Tx, notification: NewNotification): Promise<boolean> {
    const id = await record(tx, notification, { isRead: false });
    if (id === null) return false;
    await this.#deliver(tx, id, await recipientsOf(tx, notification, this.#config));
    return true;
  }

  /** Sends something to this webhook alone, also when it is switched off; the inbox has it as read. */
  async tryWebhook(tx: Tx, webhook: TriedWebhook): Promise<{ readonly notification: number; readonly delivery: string }> {
    const test: NewNotification = {
      kind: 'webhook_test',
      customerId: webhook.customer_id,
      subject: 'A test of this webhook',
      body: 'Somebody tried out this webhook. Nothing has happened.',
      data: { webhook: webhook.id },
      dedupKey: `webhook_test ${randomUUID()}`,
    };
    const notification = await record(tx, test, { isRead: true });
    if (notification === null) throw new Error('a random key that was there before');
    const delivery = webhookDelivery(webhook);
    await this.#deliver(tx, notification, [delivery]);
    return { notification, delivery: delivery.id };
  }

  /** Whether there is a mail server at all. */
  get hasMail(): boolean {
    return this.#config.smtpUrl !== null;
  }

  /** Sends the code to the address, and there alone; the inbox only says that it was sent. */
  async sendCode(tx: Tx, customerId: number, mail: { readonly address: string; readonly code: string }): Promise<void> {
    const notification = await record(
      tx,
      {
        kind: 'mail_confirmation',
        customerId,
        subject: 'Confirm your mail address',
        body: 'A mail with a code was sent to your address. Until it is confirmed with that code, what happens is told here only.',
        data: {},
        dedupKey: `mail_confirmation ${randomUUID()}`,
      },
      { isRead: false },
    );
    if (notification === null) throw new Error('a random key that was there before');
    await this.#deliver(tx, notification, [confirmationDelivery(customerId, mail)]);
  }

  async #deliver(tx: Tx, notificationId: number, deliveries: readonly NewDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const rows = deliveries.map((delivery) => ({ ...delivery, notification_id: notificationId }));
    await tx.insertInto('notification_delivery').values(rows).execute();
    for (const { id, due_at } of deliveries) await enqueueDelivery(this.#queue, tx, id, secondsUntil(due_at));
  }
}

const secondsUntil = (moment: Date | undefined): number =>
  moment === undefined ? 0 : Math.max(0, Math.ceil((moment.getTime() - Date.now()) / 1_000));

/** @returns null when its key is known. */
async function record(tx: Tx, told: NewNotification, { isRead }: { readonly isRead: boolean }): Promise<number | null> {
  const row = await tx
    .insertInto('notification')
    .values({
      customer_id: told.customerId,
      kind: told.kind,
      subject: told.subject,
      body: told.body,
      data: JSON.stringify(told.data),
      dedup_key: told.dedupKey,
      read_at: isRead ? new Date() : null,
    })
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .returning('id')
    .executeTakeFirst();
  return row?.id ?? null;
}
