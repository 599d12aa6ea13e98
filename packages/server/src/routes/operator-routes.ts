/** Operators: who may use the dashboard and publish. Viewers read, admins change. */
import {
  NewToken,
  Operator,
  OperatorChange,
  OperatorList,
  OperatorRequest,
  operatorName,
  TokenRequest,
  tokenName,
} from '@remendo/core/protocol';
import { Type } from 'typebox';
import {
  addOperator,
  addToken,
  changeOperator,
  deleteToken,
  listOperators,
  operatorAnswer,
  requireOperatorRow,
} from '../accounts/operators.js';
import { requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { notStored } from './account-routes.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, numberedPageOf, pageQuery } from './paging.js';

const tags = ['operators'];
const NameParams = Type.Object({ name: operatorName });

export function operatorRoutes(app: App, ports: AppPorts): void {
  readRoutes(app, ports);
  changeRoutes(app, ports);
  tokenRoutes(app, ports);
}

function readRoutes(app: App, { database }: AppPorts): void {
  const list = {
    tags,
    summary: 'Operators and their tokens',
    querystring: Type.Object(pageQuery),
    response: { 200: OperatorList },
  };
  app.get('/api/v1/operators', { schema: list }, async (request) => {
    requireOperator(request, 'viewer');
    const page = numberedPageOf(request.query);
    const { page: shown, next } = cutPage(await listOperators(database.db, page), page.limit, ({ id }) => id);
    return { operators: shown.map(operatorAnswer), next };
  });
  app.get('/api/v1/operators/me', { schema: { tags, summary: 'Who asks', response: { 200: Operator } } }, async (request) =>
    operatorAnswer(await requireOperatorRow(database.db, requireOperator(request, 'viewer').name)),
  );
}

function changeRoutes(app: App, { changes }: AppPorts): void {
  const add = { tags, summary: 'Add an operator', body: OperatorRequest, response: { 201: Operator } };
  app.post('/api/v1/operators', { schema: add }, async (request, reply) => {
    requireOperator(request, 'admin');
    return reply.code(201).send(await addOperator(changes, actorOf(request), request.body));
  });
  const change = { tags, summary: 'Change, disable or enable an operator', params: NameParams, body: OperatorChange };
  app.patch('/api/v1/operators/:name', { schema: { ...change, response: { 200: Operator } } }, async (request) => {
    requireOperator(request, 'admin');
    return changeOperator(changes, actorOf(request), { ...request.body, name: request.params.name });
  });
}

function tokenRoutes(app: App, { changes }: AppPorts): void {
  const make = { tags, summary: 'Make a token for an operator: it is told here only', params: NameParams, body: TokenRequest };
  app.post('/api/v1/operators/:name/tokens', { schema: { ...make, response: { 201: NewToken } } }, async (request, reply) => {
    requireOperator(request, 'admin');
    const made = await addToken(changes, actorOf(request), { ...request.body, operator: request.params.name });
    return reply.code(201).headers(notStored).send(made);
  });
  const params = Type.Object({ name: operatorName, token: tokenName });
  const remove = {
    tags,
    summary: 'Delete a token by its name: it is good for nothing at once',
    params,
    response: { 204: Type.Null() },
  };
  app.delete('/api/v1/operators/:name/tokens/:token', { schema: remove }, async (request, reply) => {
    requireOperator(request, 'admin');
    const { name: operator, token: name } = request.params;
    await deleteToken(changes, actorOf(request), { operator, name });
    return reply.code(204).send(null);
  });
}
