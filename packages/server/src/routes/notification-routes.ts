/** The inbox and webhooks, of whoever asks. What is somebody else's is not there. */
import { UpdaterError } from '@remendo/core';
import {
  customerCode,
  DeliveryList,
  NewWebhook,
  Notification,
  NotificationList,
  notificationKind,
  ReadAnswer,
  Webhook,
  WebhookChange,
  WebhookList,
  WebhookRequest,
  WebhookTest,
} from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { requireCustomerRow } from '../accounts/customer-records.js';
import { requireCustomer, requireCustomerKey, requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import {
  listDeliveries,
  listNotifications,
  notificationAnswer,
  readAll,
  readNotification,
} from '../notifications/list-notifications.js';
import {
  addWebhook,
  changeWebhook,
  deleteWebhook,
  listWebhooks,
  tryWebhook,
  type WebhookName,
  webhookAnswer,
} from '../notifications/webhooks.js';
import { notStored } from './account-routes.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, numberedPageOf, pageQuery } from './paging.js';
import { oneOf } from './request-shapes.js';

const tags = ['notifications'];
const IdParams = Type.Object({ id: Type.String({ pattern: '^[1-9]\\d{0,14}$' }) });
const ownerQuery = {
  customer: Type.Optional({ ...customerCode, description: "Operators: this customer's; left out, the operators' own" }),
};

export function notificationRoutes(app: App, ports: AppPorts): void {
  inboxRoutes(app, ports);
  readRoutes(app, ports);
  webhookListRoutes(app, ports);
  webhookRoutes(app, ports);
}

interface OwnerOptions {
  readonly role: 'viewer' | 'admin';
  /** Whether one of the customer's terminals may ask too. */
  readonly isForTerminals: boolean;
}

/** Whose records a request is about: a customer's id; null: the operators'. @throws UpdaterError AUTH_…, RECORD_NOT_FOUND. */
async function ownerOf({ database }: AppPorts, request: FastifyRequest, options: OwnerOptions): Promise<number | null> {
  const { customer: code } = request.query as { readonly customer?: string };
  const { kind } = request.principal;
  if (kind === 'operator' || kind === 'anonymous') {
    requireOperator(request, options.role);
    return code === undefined ? null : (await requireCustomerRow(database.db, code)).id;
  }
  const customer = options.isForTerminals ? requireCustomer(request) : requireCustomerKey(request);
  if (code !== undefined && code !== customer.code) throw new UpdaterError('RECORD_NOT_FOUND', `there is no customer ${code}`);
  return customer.id;
}

const inbox: OwnerOptions = { role: 'viewer', isForTerminals: true };
/** What lies in a branch may read what concerns it, and not put it out of sight of who is to act on it. */
const marking: OwnerOptions = { role: 'viewer', isForTerminals: false };
const settings: OwnerOptions = { role: 'admin', isForTerminals: false };

function inboxRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  const list = {
    tags,
    summary: 'The inbox, newest first',
    querystring: Type.Object({
      ...ownerQuery,
      unread: Type.Optional({ ...oneOf(['true', 'false'] as const), description: 'true: without those that were read' }),
      kind: Type.Optional(notificationKind),
      ...pageQuery,
    }),
    response: { 200: NotificationList },
  };
  app.get('/api/v1/notifications', { schema: list }, async (request) => {
    const owner = await ownerOf(ports, request, inbox);
    const { unread, kind, ...asked } = request.query;
    const page = numberedPageOf(asked);
    const rows = await listNotifications(db, owner, { isUnread: unread === 'true', kind, ...page });
    const { page: shown, next } = cutPage(rows, page.limit, ({ id }) => id);
    return { notifications: shown.map(notificationAnswer), next };
  });
  const deliveries = {
    tags,
    summary: 'Where a notification went besides the inbox',
    params: IdParams,
    response: { 200: DeliveryList },
  };
  app.get('/api/v1/notifications/:id/deliveries', { schema: deliveries }, async (request) => {
    // An operator sees those of every inbox.
    const owner = await ownerOf(ports, request, inbox);
    return { deliveries: await listDeliveries(db, owner, Number(request.params.id)) };
  });
}

function readRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  const one = { tags, summary: 'Mark a notification of the own inbox as read', params: IdParams, response: { 200: Notification } };
  app.post('/api/v1/notifications/:id/read', { schema: one }, async (request) =>
    readNotification(db, await ownerOf(ports, request, marking), Number(request.params.id)),
  );
  const all = { tags, summary: 'Mark everything in the own inbox as read', response: { 200: ReadAnswer } };
  app.post('/api/v1/notifications/read-all', { schema: all }, async (request) => ({
    read: await readAll(db, await ownerOf(ports, request, marking)),
  }));
}

const portsOf = ({ changes, notifier, config }: AppPorts) => ({
  changes,
  notifier,
  allowPrivate: config.privateWebhooks === 'allowed',
});

function webhookListRoutes(app: App, ports: AppPorts): void {
  const querystring = Type.Object({ ...ownerQuery, ...pageQuery });
  const list = { tags, summary: 'Webhooks, without their secrets', querystring, response: { 200: WebhookList } };
  app.get('/api/v1/webhooks', { schema: list }, async (request) => {
    const owner = await ownerOf(ports, request, settings);
    const page = numberedPageOf(request.query);
    const { page: shown, next } = cutPage(await listWebhooks(ports.database.db, owner, page), page.limit, ({ id }) => id);
    return { webhooks: shown.map(webhookAnswer), next };
  });
  const add = {
    tags,
    summary: 'Add a webhook: the secret that signs what it gets is told here only',
    querystring: Type.Object(ownerQuery),
    body: WebhookRequest,
    response: { 201: NewWebhook },
  };
  app.post('/api/v1/webhooks', { schema: add }, async (request, reply) => {
    const ownerId = await ownerOf(ports, request, settings);
    const made = await addWebhook(portsOf(ports), actorOf(request), { ownerId, request: request.body });
    return reply.code(201).headers(notStored).send(made);
  });
}

function webhookRoutes(app: App, ports: AppPorts): void {
  const asked = { tags, params: IdParams, querystring: Type.Object(ownerQuery) };
  const nameOf = async (request: FastifyRequest): Promise<WebhookName> => ({
    ownerId: await ownerOf(ports, request, settings),
    id: Number((request.params as { readonly id: string }).id),
  });
  const change = { ...asked, summary: 'Change a webhook, switch it off or on', body: WebhookChange, response: { 200: Webhook } };
  app.patch('/api/v1/webhooks/:id', { schema: change }, async (request) =>
    changeWebhook(portsOf(ports), actorOf(request), { name: await nameOf(request), change: request.body }),
  );
  const remove = { ...asked, summary: 'Delete a webhook', response: { 204: Type.Null() } };
  app.delete('/api/v1/webhooks/:id', { schema: remove }, async (request, reply) => {
    await deleteWebhook(portsOf(ports), actorOf(request), await nameOf(request));
    return reply.code(204).send(null);
  });
  const test = {
    ...asked,
    summary: 'Send a test notification to a webhook, also to one that is switched off',
    response: { 202: WebhookTest },
  };
  app.post('/api/v1/webhooks/:id/test', { schema: test }, async (request, reply) =>
    reply.code(202).send(await tryWebhook(portsOf(ports), actorOf(request), await nameOf(request))),
  );
}
