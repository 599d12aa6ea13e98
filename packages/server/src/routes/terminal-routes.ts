/** Enrolled terminals: operators see all, a customer its own, a terminal itself. What is somebody else's is not there. */
import { UpdaterError } from '@remendo/core';
import {
  customerCode,
  EnrolRequest,
  NewTerminal,
  PolicyRequest,
  SecretRequest,
  setName,
  Terminal,
  TerminalChange,
  TerminalList,
  terminalId,
} from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { requireCustomerKey, requireOperator } from '../accounts/principal.js';
import { terminalIdForm } from '../accounts/sign-in.js';
import { actorOf } from '../audit/record-audit.js';
import type { OperatorRole } from '../database/tables.js';
import { type RecordScope, scopeOf } from '../history/record-scope.js';
import { licensedOf, requireLicence } from '../releases/release-access.js';
import { changeTerminal, revokeTerminal, rotateSecret, setPolicy } from '../terminals/change-terminal.js';
import { enrolTerminal } from '../terminals/enrol-terminal.js';
import { listTerminals, requireTerminal, terminalAnswer } from '../terminals/terminal-records.js';
import { notStored } from './account-routes.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, pageOf, pageQuery } from './paging.js';
import { oneOf, reasonQuery, slug, version } from './request-shapes.js';

const tags = ['terminals'];
const IdParams = Type.Object({ id: terminalId });
const yesOrNo = Type.Optional(oneOf(['true', 'false'] as const));

export function terminalRoutes(app: App, ports: AppPorts): void {
  enrolRoute(app, ports);
  readRoutes(app, ports);
  changeRoutes(app, ports);
  policyRoute(app, ports);
}

function enrolRoute(app: App, { changes, config }: AppPorts): void {
  const schema = {
    tags,
    summary: "Enrol a machine with the customer's key: its own id and secret are told here only",
    body: EnrolRequest,
    response: { 201: NewTerminal },
  };
  app.post('/api/v1/terminals/enrol', { schema }, async (request, reply) => {
    const customer = requireCustomerKey(request);
    requireLicence(licensedOf({ kind: 'customer', customer }, config.licenseGraceDays), null);
    const made = await enrolTerminal(changes, actorOf(request), { customer, request: request.body });
    return reply.code(201).headers(notStored).send(made);
  });
}

function readRoutes(app: App, { database }: AppPorts): void {
  const querystring = Type.Object({
    customer: Type.Optional(customerCode),
    branch: Type.Optional(setName),
    group: Type.Optional(setName),
    ring: Type.Optional(setName),
    application: Type.Optional({ ...slug, description: 'Those that checked for it' }),
    version: Type.Optional({ ...version, description: 'That is installed of the application' }),
    enabled: yesOrNo,
    silent: yesOrNo,
    ...pageQuery,
  });
  const list = { tags, summary: 'Terminals', querystring, response: { 200: TerminalList } };
  app.get('/api/v1/terminals', { schema: list }, async (request) => {
    const { enabled, silent, limit: _limit, after: _after, ...equals } = request.query;
    const page = pageOf(request.query);
    if (page.after !== null && !terminalIdForm.test(page.after))
      throw new UpdaterError('REQUEST_INVALID', 'query/after is no cursor of this list');
    const filter = { ...equals, isEnabled: truthOf(enabled), isSilent: truthOf(silent) };
    const rows = await listTerminals(database.db, { scope: scopeOf(request), filter, page });
    const { page: shown, next } = cutPage(rows, page.limit, ({ id }) => id);
    return { terminals: shown.map(terminalAnswer), next };
  });
  const one = { tags, summary: 'One terminal', params: IdParams, response: { 200: Terminal } };
  app.get('/api/v1/terminals/:id', { schema: one }, async (request) =>
    requireTerminal(database.db, scopeOf(request), request.params.id),
  );
}

const truthOf = (text: 'true' | 'false' | undefined): boolean | undefined => (text === undefined ? undefined : text === 'true');

function changeRoutes(app: App, { changes }: AppPorts): void {
  const change = { tags, summary: 'Change a terminal: each field by whom it belongs to', params: IdParams, body: TerminalChange };
  app.patch('/api/v1/terminals/:id', { schema: { ...change, response: { 200: Terminal } } }, async (request) => {
    const { reason, ...fields } = request.body;
    requireFields(request, Object.keys(fields));
    const target = { id: request.params.id, scope: scopeOf(request), reason };
    return changeTerminal(changes, actorOf(request), { ...target, change: fields });
  });
  const revoke = {
    tags,
    summary: 'Revoke a terminal: its secret is good for nothing at once, its place is free',
    params: IdParams,
  };
  const schema = { ...revoke, querystring: Type.Object(reasonQuery), response: { 200: Terminal } };
  app.delete('/api/v1/terminals/:id', { schema }, async (request) => {
    const scope = requireOwner(request, 'admin');
    return revokeTerminal(changes, actorOf(request), { id: request.params.id, scope, reason: request.query.reason });
  });
  const rotate = { tags, summary: 'Make a new secret for a terminal: the one until now stays good for a while', params: IdParams };
  const secret = { ...rotate, body: SecretRequest, response: { 201: NewTerminal } };
  app.post('/api/v1/terminals/:id/secret', { schema: secret }, async (request, reply) => {
    const scope = request.principal.kind === 'terminal' ? scopeOf(request) : requireOwner(request, 'admin');
    const made = await rotateSecret(changes, actorOf(request), { ...request.body, id: request.params.id, scope });
    return reply.code(201).headers(notStored).send(made);
  });
}

function policyRoute(app: App, { changes }: AppPorts): void {
  const schema = {
    tags,
    summary: 'Pin a terminal to a release of an application, or let it go; which versions it is not offered again',
    params: Type.Object({ id: terminalId, application: slug }),
    body: PolicyRequest,
    response: { 200: Terminal },
  };
  app.put('/api/v1/terminals/:id/policies/:application', { schema }, async (request) => {
    requireOperator(request, 'publisher');
    const { reason, ...policy } = request.body;
    const { id, application } = request.params;
    return setPolicy(changes, actorOf(request), { id, scope: scopeOf(request), reason, application, policy });
  });
}

/** What each may set: groups and rings decide who gets a release first, which is not for terminals to say. */
const settable = {
  operator: ['name', 'branch', 'group', 'ring'],
  customer: ['name', 'branch'],
  terminal: ['operating_system', 'architecture', 'agent_version', 'link_bytes_per_second'],
} as const;

/** @throws UpdaterError AUTH_REQUIRED, AUTH_FORBIDDEN that names the fields which are somebody else's to set. */
function requireFields(request: FastifyRequest, fields: readonly string[]): void {
  const { kind } = request.principal;
  if (kind === 'anonymous' || kind === 'operator') requireOperator(request, 'publisher');
  const allowed: readonly string[] = kind === 'anonymous' ? [] : settable[kind];
  const refused = fields.filter((field) => !allowed.includes(field));
  if (refused.length === 0) return;
  throw new UpdaterError('AUTH_FORBIDDEN', `a ${kind} sets ${allowed.join(', ')}, not ${refused.join(', ')}`, {
    details: { refused },
  });
}

/** The customer with an own key, or an operator with this role. @throws UpdaterError AUTH_REQUIRED, AUTH_FORBIDDEN. */
function requireOwner(request: FastifyRequest, role: OperatorRole): RecordScope {
  const { kind } = request.principal;
  if (kind === 'customer' || kind === 'terminal') requireCustomerKey(request);
  else requireOperator(request, role);
  return scopeOf(request);
}
