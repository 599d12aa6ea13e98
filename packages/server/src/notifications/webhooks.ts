/** Webhooks: addresses that customers, or the operators, want notifications posted to. */
import { UpdaterError } from '@remendo/core';
import type { NewWebhook, Webhook, WebhookChange, WebhookRequest, WebhookTest } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { newSecret } from '../accounts/credentials.js';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import type { Notifier } from './notifier.js';
import { isPublicAddress } from './senders/public-address.js';
import { isWebPort, literalAddressOf, parseWebhookUrl } from './senders/webhook-sender.js';

/** Of a customer, or of the operators. */
const webhooksMax = 20;

export interface WebhookPorts {
  readonly changes: Changes;
  readonly notifier: Notifier;
  /** Whether addresses of private networks are taken. */
  readonly allowPrivate: boolean;
}

/** Whose it is, and which: one of somebody else's is not there. */
export interface WebhookName {
  readonly ownerId: number | null;
  readonly id: number;
}

const webhookQuery = (db: Db | Tx, ownerId: number | null) =>
  db
    .selectFrom('webhook')
    .leftJoin('customer', 'customer.id', 'webhook.customer_id')
    .where(sql<boolean>`webhook.customer_id is not distinct from ${ownerId}::integer`)
    .select(['webhook.id', 'customer_id', 'customer.code', 'url', 'kinds', 'is_enabled', 'webhook.created_at']);

type WebhookRow = Awaited<ReturnType<ReturnType<typeof webhookQuery>['executeTakeFirstOrThrow']>>;

export function listWebhooks(db: Db, ownerId: number | null, page: { readonly limit: number; readonly after: number | null }) {
  let query = webhookQuery(db, ownerId);
  if (page.after !== null) query = query.where('webhook.id', '>', sql<number>`${page.after}::bigint`);
  return query
    .orderBy('webhook.id')
    .limit(page.limit + 1)
    .execute();
}

/** @returns the secret too, told here only. @throws UpdaterError REQUEST_INVALID. */
export function addWebhook(
  ports: WebhookPorts,
  actor: Actor,
  { ownerId, request }: { ownerId: number | null; request: WebhookRequest },
) {
  const secret = newSecret();
  const url = checkedUrl(request.url, ports.allowPrivate);
  return ports.changes.change([], async (tx): Promise<NewWebhook> => {
    await requireRoom(tx, ownerId);
    const { id } = await tx
      .insertInto('webhook')
      .values({ customer_id: ownerId, url, secret, kinds: JSON.stringify(request.kinds ?? []) })
      .returning('id')
      .executeTakeFirstOrThrow();
    const webhook = webhookAnswer(await takeWebhook(tx, { ownerId, id }));
    await audit(tx, actor, 'webhook_added', { webhook, detail: { after: told(webhook) } });
    return { webhook, secret };
  });
}

/** @throws UpdaterError RECORD_NOT_FOUND, REQUEST_INVALID. */
export function changeWebhook(ports: WebhookPorts, actor: Actor, { name, change }: { name: WebhookName; change: WebhookChange }) {
  const { url, kinds, is_enabled } = change;
  const columns = {
    ...(url === undefined ? {} : { url: checkedUrl(url, ports.allowPrivate) }),
    ...(kinds === undefined ? {} : { kinds: JSON.stringify(kinds) }),
    ...(is_enabled === undefined ? {} : { is_enabled }),
  };
  return ports.changes.change([], async (tx) => {
    const before = webhookAnswer(await takeWebhook(tx, name));
    await tx.updateTable('webhook').set(columns).where('id', '=', before.id).execute();
    const webhook = webhookAnswer(await takeWebhook(tx, name));
    await audit(tx, actor, 'webhook_changed', { webhook, detail: { before: told(before), after: told(webhook) } });
    return webhook;
  });
}

/** What was not delivered yet never is. @throws UpdaterError RECORD_NOT_FOUND. */
export function deleteWebhook({ changes }: WebhookPorts, actor: Actor, name: WebhookName): Promise<void> {
  return changes.change([], async (tx) => {
    const webhook = webhookAnswer(await takeWebhook(tx, name));
    await tx.deleteFrom('webhook').where('id', '=', webhook.id).execute();
    await audit(tx, actor, 'webhook_deleted', { webhook, detail: { before: told(webhook) } });
  });
}

/** @throws UpdaterError RECORD_NOT_FOUND. */
export function tryWebhook({ changes, notifier }: WebhookPorts, actor: Actor, name: WebhookName): Promise<WebhookTest> {
  return changes.change([], async (tx) => {
    const row = await takeWebhook(tx, name);
    const test = await notifier.tryWebhook(tx, row);
    await audit(tx, actor, 'webhook_tried', { webhook: webhookAnswer(row), detail: { delivery: test.delivery } });
    return test;
  });
}

export const webhookAnswer = (row: WebhookRow): Webhook => ({
  id: row.id,
  customer: row.code,
  url: row.url,
  kinds: [...row.kinds],
  is_enabled: row.is_enabled,
  created_at: row.created_at.toISOString(),
});

async function takeWebhook(tx: Tx, { ownerId, id }: WebhookName): Promise<WebhookRow> {
  const row = await webhookQuery(tx, ownerId)
    .where('webhook.id', '=', sql<number>`${id}::bigint`)
    .forUpdate('webhook')
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw new UpdaterError('RECORD_NOT_FOUND', `there is no webhook ${id}`);
}

async function requireRoom(tx: Tx, ownerId: number | null): Promise<void> {
  if (ownerId !== null) await tx.selectFrom('customer').where('id', '=', ownerId).select('id').forUpdate().execute();
  const rows = await webhookQuery(tx, ownerId).execute();
  if (rows.length >= webhooksMax)
    throw new UpdaterError('REQUEST_INVALID', `there are ${webhooksMax} webhooks already, which is the most`);
}

/** As it will be called. A name may lead to a private address too: that is looked at when something is sent. */
function checkedUrl(text: string, allowPrivate: boolean): string {
  const url = parsedUrl(text);
  const literal = literalAddressOf(url);
  const isPublic = literal === null || isPublicAddress(literal.address);
  if (!allowPrivate && !isPublic) throw wrongUrl('the webhook leads to an address that is not public');
  if (!allowPrivate && !isWebPort(url)) throw wrongUrl('the webhook leads to a port that is not for the web');
  return url.href;
}

function parsedUrl(text: string): URL {
  try {
    return parseWebhookUrl(text);
  } catch (cause) {
    throw wrongUrl((cause as Error).message, cause);
  }
}

const wrongUrl = (what: string, cause?: unknown): UpdaterError =>
  new UpdaterError('REQUEST_INVALID', `body/url: ${what}`, cause === undefined ? {} : { cause });

/** The audit has the host alone: the rest of such an address often is a secret. */
const told = ({ url, kinds, is_enabled }: Webhook) => ({ host: new URL(url).host, kinds, is_enabled });

interface Told {
  readonly webhook: Webhook;
  readonly detail: Readonly<Record<string, unknown>>;
}

const audit = (tx: Tx, actor: Actor, action: string, { webhook, detail }: Told): Promise<void> =>
  recordAudit(tx, actor, {
    action,
    subjectKind: 'webhook',
    subject: String(webhook.id),
    detail: { customer: webhook.customer, ...detail },
  });
