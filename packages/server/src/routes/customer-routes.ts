/** Customers as operators see and change them: viewers read, admins change. */
import {
  Customer,
  CustomerChange,
  CustomerList,
  CustomerRequest,
  customerCode,
  InvitationList,
  InvitationRequest,
  KeyList,
  KeyRequest,
  keyPrefix,
  licenceStates,
  NewCustomer,
  NewInvitation,
  NewKey,
  serviceLevels,
} from '@remendo/core/protocol';
import { Type } from 'typebox';
import { addCustomer, changeCustomer, deleteCustomer } from '../accounts/change-customer.js';
import { listKeys, revokeKey, rotateKeys } from '../accounts/customer-keys.js';
import { customerAnswer, listCustomers, requireCustomerRow } from '../accounts/customer-records.js';
import { deleteInvitation, invitationAnswer, invite, listInvitations } from '../accounts/invitations.js';
import { requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { notStored } from './account-routes.js';
import type { App, AppPorts } from './app-ports.js';
import { compatHeaders, takeOldNames, withOldNames } from './old-names.js';
import { cutPage, numberedPageOf, pageQuery } from './paging.js';
import { oneOf, reasonQuery } from './request-shapes.js';

const tags = ['customers'];
const CodeParams = Type.Object({ code: customerCode });
const CompatHeaders = Type.Object(compatHeaders);
const ReasonQuery = Type.Object(reasonQuery);
const gone = { 204: Type.Null() };

export function customerRoutes(app: App, ports: AppPorts): void {
  readRoutes(app, ports);
  changeRoutes(app, ports);
  keyRoutes(app, ports);
  invitationRoutes(app, ports);
}

function readRoutes(app: App, { database }: AppPorts): void {
  const querystring = Type.Object({
    status: Type.Optional(oneOf([...licenceStates, 'deleted'] as const)),
    service_level: Type.Optional(oneOf(serviceLevels)),
    search: Type.Optional(Type.String({ maxLength: 200, description: 'In the code, the e-mail, a name or the company' })),
    ...pageQuery,
  });
  const list = { tags, summary: 'Customers', querystring, headers: CompatHeaders, response: { 200: CustomerList } };
  app.get('/api/v1/customers', { schema: list }, async (request) => {
    requireOperator(request, 'viewer');
    const page = numberedPageOf(request.query);
    const rows = await listCustomers(database.db, request.query, page);
    const { page: shown, next } = cutPage(rows, page.limit, ({ id }) => id);
    return { customers: shown.map((row) => withOldNames(request, customerAnswer(row))), next };
  });
  const one = { tags, summary: 'One customer', params: CodeParams, headers: CompatHeaders, response: { 200: Customer } };
  app.get('/api/v1/customers/:code', { schema: one }, async (request) => {
    requireOperator(request, 'viewer');
    return withOldNames(request, customerAnswer(await requireCustomerRow(database.db, request.params.code)));
  });
}

function changeRoutes(app: App, { changes }: AppPorts): void {
  const preValidation = takeOldNames;
  const headers = CompatHeaders;
  const add = { tags, summary: 'Add a customer: the key and its secret are told here only', headers, body: CustomerRequest };
  app.post('/api/v1/customers', { preValidation, schema: { ...add, response: { 201: NewCustomer } } }, async (request, reply) => {
    requireOperator(request, 'admin');
    const { customer, keys } = await addCustomer(changes, actorOf(request), request.body);
    const answer = { customer: withOldNames(request, customer), api_key: keys.apiKey, api_secret: keys.apiSecret };
    return reply.code(201).headers(notStored).send(answer);
  });
  const change = { tags, summary: 'Change, suspend or resume a customer', headers, params: CodeParams, body: CustomerChange };
  app.patch('/api/v1/customers/:code', { preValidation, schema: { ...change, response: { 200: Customer } } }, async (request) => {
    requireOperator(request, 'admin');
    const asked = { ...request.body, code: request.params.code };
    return withOldNames(request, await changeCustomer(changes, actorOf(request), asked));
  });
  const remove = { tags, summary: 'Delete a customer: keys and terminals stop working, the e-mail is free' };
  const schema = { ...remove, params: CodeParams, querystring: ReasonQuery, response: gone };
  app.delete('/api/v1/customers/:code', { schema }, async (request, reply) => {
    requireOperator(request, 'admin');
    await deleteCustomer(changes, actorOf(request), { code: request.params.code, reason: request.query.reason });
    return reply.code(204).send(null);
  });
}

function keyRoutes(app: App, { changes, database }: AppPorts): void {
  const list = { tags, summary: "A customer's keys, without secrets", params: CodeParams, response: { 200: KeyList } };
  app.get('/api/v1/customers/:code/keys', { schema: list }, async (request) => {
    requireOperator(request, 'viewer');
    return listKeys(database.db, request.params.code);
  });
  const make = { tags, summary: 'Make a new key for a customer: those until now stay good for a while', params: CodeParams };
  const schema = { ...make, body: KeyRequest, response: { 201: NewKey } };
  app.post('/api/v1/customers/:code/keys', { schema }, async (request, reply) => {
    requireOperator(request, 'admin');
    const made = await rotateKeys(changes, actorOf(request), { ...request.body, code: request.params.code });
    return reply.code(201).headers(notStored).send(made);
  });
  const params = Type.Object({ code: customerCode, prefix: keyPrefix });
  const revoke = { tags, summary: "Revoke a customer's key at once", params, querystring: ReasonQuery, response: gone };
  app.delete('/api/v1/customers/:code/keys/:prefix', { schema: revoke }, async (request, reply) => {
    requireOperator(request, 'admin');
    await revokeKey(changes, actorOf(request), { ...request.params, reason: request.query.reason });
    return reply.code(204).send(null);
  });
}

function invitationRoutes(app: App, { changes, database }: AppPorts): void {
  const make = { tags, summary: 'Invite somebody to register: the code is told here only', body: InvitationRequest };
  app.post('/api/v1/invitations', { schema: { ...make, response: { 201: NewInvitation } } }, async (request, reply) => {
    requireOperator(request, 'admin');
    return reply
      .code(201)
      .headers(notStored)
      .send(await invite(changes, actorOf(request), request.body));
  });
  const list = {
    tags,
    summary: 'Invitations, the newest first',
    querystring: Type.Object(pageQuery),
    response: { 200: InvitationList },
  };
  app.get('/api/v1/invitations', { schema: list }, async (request) => {
    requireOperator(request, 'viewer');
    const page = numberedPageOf(request.query);
    const { page: shown, next } = cutPage(await listInvitations(database.db, page), page.limit, ({ id }) => id);
    return { invitations: shown.map(invitationAnswer), next };
  });
  const params = Type.Object({ id: Type.String({ pattern: '^[1-9]\\d{0,14}$' }) });
  const remove = { tags, summary: 'Take an invitation back', params, response: gone };
  app.delete('/api/v1/invitations/:id', { schema: remove }, async (request, reply) => {
    requireOperator(request, 'admin');
    await deleteInvitation(changes, actorOf(request), Number(request.params.id));
    return reply.code(204).send(null);
  });
}
