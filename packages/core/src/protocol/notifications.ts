/** What people are told, and where to: the inbox and webhooks. */
import { type Static, Type } from 'typebox';
import { customerCode } from './accounts.js';
import { bytes, literals, moment, nullable } from './shapes.js';

/** Every kind of notification there is, and what it says. */
export const notificationKinds = {
  release_published: 'A release was published.',
  license_expiring: 'A licence ends in 30 days, 7 days or 1 day.',
  license_expired: 'A licence has ended.',
  rollout_halted: 'A rollout was halted, because the release fails too often.',
  delta_rejected: 'A delta could not be built; terminals take another way to the release.',
  backup_failed: 'A check of a backup failed.',
  backup_silent: 'A branch stopped to report of a backup.',
  backup_recovered: 'A backup is well again.',
  terminals_silent: 'Terminals stopped to check for updates.',
  terminals_recovered: 'Terminals that were silent check for updates again.',
  mail_confirmation: 'A code that confirms it was sent to a mail address.',
  webhook_test: 'Somebody tries out a webhook.',
} as const;
export type NotificationKind = keyof typeof notificationKinds;

export const notificationKind = literals(Object.keys(notificationKinds) as NotificationKind[]);
export const deliveryStates = ['wanted', 'sending', 'delivered', 'failed'] as const;

export const Notification = Type.Object({
  id: bytes,
  /** Null: for the operators. */
  customer: nullable(customerCode),
  kind: notificationKind,
  subject: Type.String(),
  /** Plain text. */
  body: Type.String(),
  /** The facts behind the text, for programs. */
  data: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
  created_at: moment,
  read_at: nullable(moment),
});
export type Notification = Static<typeof Notification>;

/** GET /api/v1/notifications: newest first. */
export const NotificationList = Type.Object({ notifications: Type.Array(Notification), next: nullable(Type.String()) });
export type NotificationList = Static<typeof NotificationList>;

/** POST /api/v1/notifications/read-all */
export const ReadAnswer = Type.Object({ read: bytes });
export type ReadAnswer = Static<typeof ReadAnswer>;

export const Delivery = Type.Object({
  /** Every attempt carries it: Message-ID of a mail, `id` of a webhook, last cell of a row. */
  id: Type.String(),
  channel: literals(['mail', 'webhook', 'sheet'] as const),
  /** The address, the webhook's host, the sheet's id. */
  recipient: Type.String(),
  state: literals(deliveryStates),
  attempts: bytes,
  /** What the last attempt failed with. */
  error: nullable(Type.String()),
  /** The next attempt is not made before. */
  due_at: nullable(moment),
  updated_at: moment,
});
export type Delivery = Static<typeof Delivery>;

/** GET /api/v1/notifications/{id}/deliveries */
export const DeliveryList = Type.Object({ deliveries: Type.Array(Delivery) });
export type DeliveryList = Static<typeof DeliveryList>;

const url = Type.String({ minLength: 1, maxLength: 2_048, description: 'http or https, without user and password' });
const kinds = Type.Array(notificationKind, { maxItems: 32, uniqueItems: true, description: 'None: all' });

export const Webhook = Type.Object({
  id: bytes,
  /** Null: the operators', which hears what customers are told as well. */
  customer: nullable(customerCode),
  url,
  kinds,
  is_enabled: Type.Boolean(),
  created_at: moment,
});
export type Webhook = Static<typeof Webhook>;

/** GET /api/v1/webhooks */
export const WebhookList = Type.Object({ webhooks: Type.Array(Webhook), next: nullable(Type.String()) });
export type WebhookList = Static<typeof WebhookList>;

/** POST /api/v1/webhooks */
export const WebhookRequest = Type.Object({ url, kinds: Type.Optional(kinds) }, { additionalProperties: false });
export type WebhookRequest = Static<typeof WebhookRequest>;

/** PATCH /api/v1/webhooks/{id}: what is left out stays. */
export const WebhookChange = Type.Object(
  { url: Type.Optional(url), kinds: Type.Optional(kinds), is_enabled: Type.Optional(Type.Boolean()) },
  { additionalProperties: false, minProperties: 1 },
);
export type WebhookChange = Static<typeof WebhookChange>;

/** `secret` signs what is sent. Told once. */
export const NewWebhook = Type.Object({ webhook: Webhook, secret: Type.String() });
export type NewWebhook = Static<typeof NewWebhook>;

/** POST /api/v1/webhooks/{id}/test: what became of it stands in the notification's deliveries. */
export const WebhookTest = Type.Object({ notification: bytes, delivery: Type.String() });
export type WebhookTest = Static<typeof WebhookTest>;
