/** Whom a notification goes to, besides the inbox: who it concerns, and the operators. */
import { randomUUID } from 'node:crypto';
import type { NotificationKind } from '@remendo/core/protocol';
import { type Insertable, sql } from 'kysely';
import type { ServerConfig } from '../config.js';
import type { Tx } from '../database/open-database.js';
import type { NotificationDeliveryTable } from '../database/tables.js';
import { customerMailOf, type MailLimits, mailedToOperators, operatorMailOf } from './mail-limits.js';

/** What says which channels there are. */
export type ChannelConfig = MailLimits & Pick<ServerConfig, 'smtpUrl' | 'operatorMail' | 'sheetsKey' | 'sheetId'>;

export type NewDelivery = Omit<Insertable<NotificationDeliveryTable>, 'notification_id'>;

interface Notified {
  readonly kind: NotificationKind;
  readonly customerId: number | null;
}

type Kinds = ReadonlySet<NotificationKind>;

/** Told to the operators once, and then to every customer: no copy of those comes back to the operators. */
const copiedToCustomers: Kinds = new Set<NotificationKind>(['release_published']);
const written: Kinds = new Set<NotificationKind>(['backup_failed', 'backup_silent', 'backup_recovered']);

const delivery = (
  customerId: number | null,
  channel: NewDelivery['channel'],
  recipient: Readonly<Record<string, string>>,
): NewDelivery => ({ id: randomUUID(), customer_id: customerId, channel, recipient: JSON.stringify(recipient) });

/** A channel that is not configured gets nothing, now or later. */
export async function recipientsOf(tx: Tx, notified: Notified, config: ChannelConfig): Promise<readonly NewDelivery[]> {
  return [
    ...(config.smtpUrl === null ? [] : await mailsOf(tx, notified, config)),
    ...(await webhooksOf(tx, notified)),
    ...(config.sheetsKey === null || config.sheetId === null || !written.has(notified.kind)
      ? []
      : [delivery(null, 'sheet', { spreadsheet: config.sheetId })]),
  ];
}

async function mailsOf(tx: Tx, { kind, customerId }: Notified, config: ChannelConfig): Promise<readonly NewDelivery[]> {
  const isForOperators = customerId === null || mailedToOperators.includes(kind);
  const operators = isForOperators ? await operatorMails(tx, config) : [];
  return customerId === null ? operators : [...(await customerMails(tx, customerId, config)), ...operators];
}

async function operatorMails(tx: Tx, config: ChannelConfig): Promise<readonly NewDelivery[]> {
  if (config.operatorMail.length === 0) return [];
  const mail = await operatorMailOf(tx, config);
  if (mail.kind === 'none') return [];
  if (mail.kind === 'own') return config.operatorMail.map((address) => delivery(null, 'mail', { address }));
  return config.operatorMail.map((address) => ({
    ...delivery(null, 'mail', { address, digest_since: mail.since.toISOString() }),
    due_at: mail.dueAt,
  }));
}

/** None to an address that is not known to be theirs. */
async function customerMails(tx: Tx, customerId: number, config: ChannelConfig): Promise<readonly NewDelivery[]> {
  const customer = await tx
    .selectFrom('customer')
    .where('id', '=', customerId)
    .where('deleted_at', 'is', null)
    .where('mail_confirmed_at', 'is not', null)
    .select(['email', 'first_name', 'last_name'])
    .executeTakeFirst();
  const mail = customer === undefined ? 'none' : await customerMailOf(tx, customerId, config);
  if (customer === undefined || mail === 'none') return [];
  const { email: address, first_name, last_name } = customer;
  const name = `${first_name} ${last_name}`.trim();
  return [delivery(customerId, 'mail', { address, name, ...(mail === 'last' ? { last_of_day: 'true' } : {}) })];
}

/** The one mail that goes to an address before it is confirmed. */
export const confirmationDelivery = (customerId: number, { address, code }: { readonly address: string; readonly code: string }) =>
  delivery(customerId, 'mail', { address, code });

async function webhooksOf(tx: Tx, { kind, customerId }: Notified): Promise<readonly NewDelivery[]> {
  const isForOperators = customerId === null || !copiedToCustomers.has(kind);
  const webhooks = await tx
    .selectFrom('webhook')
    .where('is_enabled', '=', true)
    .where(sql<boolean>`(kinds = '[]' or kinds @> to_jsonb(${kind}::text))`)
    .where(sql<boolean>`(customer_id = ${customerId}::integer or (customer_id is null and ${isForOperators}::boolean))`)
    .select(['id', 'customer_id', 'url'])
    .orderBy('id')
    .execute();
  return webhooks.map(webhookDelivery);
}

/** Where it goes and what signs it is looked up when it is sent: both may have changed, or the webhook be gone. */
export const webhookDelivery = (webhook: { readonly id: number; readonly customer_id: number | null; readonly url: string }) =>
  delivery(webhook.customer_id, 'webhook', { webhook: String(webhook.id), host: new URL(webhook.url).host });
