/** The update manager's local API: JSON over HTTP for programs of this machine, and nothing that works by itself. */
import { type ErrorCode, errorCatalogue, isUpdaterError, parseVersion } from '@remendo/core';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { programVersion } from '../version.js';
import type { EventStreams, PageEvent } from './event-streams.js';
import { pageGuard, refused } from './guard-page.js';
import type { LogPiece } from './log-after.js';
import * as schemas from './page-schemas.js';

export interface PagePorts {
  /** Of this start. */
  readonly token: string;
  readonly port: () => number;
  readonly streams: EventStreams;
  status(): Promise<schemas.StatusAnswer>;
  check(options: { readonly force: boolean }): Promise<schemas.CheckedAnswer>;
  news(): Promise<schemas.NewsAnswer>;
  why(): Promise<object>;
  progress(): schemas.ProgressAnswer;
  log(options: { readonly after: string | null; readonly entriesMax: number }): LogPiece;
  /** @throws a refusal with status 409. */
  startUpdate(asked: NonNullable<schemas.UpdateBody>): schemas.UpdateState;
  /** What a listener gets first. @param after the last entry that it saw. */
  firstEvents(after: string | null): readonly PageEvent[];
}

/** All of them: what whoever opens the address that is shown gets to see. */
const addresses = ['status', 'check', 'news', 'update', 'progress', 'log', 'events', 'why'].map((name) => `/v1/${name}`);

const headersMs = 5_000;
const entriesDefault = 100;

/** The address that is shown carries the token: it goes to nobody else, and into no cache. */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Ready to listen. */
export function createPageApp(ports: PagePorts): FastifyInstance {
  const guard = pageGuard(ports.token, ports.port);
  const app = Fastify({
    bodyLimit: 4 * 1024,
    // A stream of events that nobody reads would take a listener's place.
    exposeHeadRoutes: false,
    requestTimeout: headersMs,
    keepAliveTimeout: headersMs,
    http: { maxHeaderSize: 8 * 1024, headersTimeout: headersMs, connectionsCheckingInterval: 1_000 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    forceCloseConnections: true,
    // An address that can not be read comes by no hook and by no handler of errors.
    frameworkErrors: (error, request, reply) => {
      reply.headers(headers);
      sendProblem(refusalOf(guard, request) ?? error, request, reply);
    },
  });
  app.server.maxConnections = 64;
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    guard(request);
  });
  app.setNotFoundHandler(() => {
    throw refused(404, 'REQUEST_ROUTE_UNKNOWN', 'there is no such address');
  });
  app.setErrorHandler(sendProblem);
  addReading(app, ports);
  addUpdate(app, ports);
  addEvents(app, ports);
  return app;
}

/** Null: it may ask. */
function refusalOf(guard: ReturnType<typeof pageGuard>, request: FastifyRequest): Error | null {
  try {
    guard(request);
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** @param answer by which what is sent is written: names that it does not have stay away. */
const reading = <Query extends object>(querystring: Query, answer: object) => ({
  schema: { querystring, response: { 200: answer, '4xx': schemas.PageProblem, '5xx': schemas.PageProblem } },
});

function addReading(app: FastifyInstance, ports: PagePorts): void {
  const { NoQuery, CheckQuery, LogQuery } = schemas;
  app.get('/', reading(NoQuery, schemas.IndexAnswer), async () => ({ name: 'remendo', version: programVersion, addresses }));
  app.get('/v1/status', reading(NoQuery, schemas.StatusAnswer), () => ports.status());
  app.get('/v1/news', reading(NoQuery, schemas.NewsAnswer), () => ports.news());
  app.get('/v1/why', reading(NoQuery, schemas.WhyAnswer), () => ports.why());
  app.get('/v1/progress', reading(NoQuery, schemas.ProgressAnswer), async () => ports.progress());
  app.get<{ Querystring: Static<typeof CheckQuery> }>('/v1/check', reading(CheckQuery, schemas.CheckedAnswer), ({ query }) =>
    ports.check({ force: query.force !== undefined && query.force !== 'false' }),
  );
  app.get<{ Querystring: Static<typeof LogQuery> }>('/v1/log', reading(LogQuery, schemas.LogAnswer), async ({ query }) => {
    const entriesMax = query.limit === undefined ? entriesDefault : Number(query.limit);
    const { entries, hasMore } = ports.log({ after: query.after ?? null, entriesMax });
    return { entries, has_more: hasMore };
  });
}

function addUpdate(app: FastifyInstance, { startUpdate }: PagePorts): void {
  const response = { 202: schemas.UpdateState, '4xx': schemas.PageProblem, '5xx': schemas.PageProblem };
  const schema = { querystring: Type.Object({}, { additionalProperties: false }), body: schemas.UpdateBody, response };
  app.post<{ Body: schemas.UpdateBody }>('/v1/update', { schema }, async ({ body }, reply) => {
    const { version } = body ?? {};
    if (version !== undefined && !isVersion(version)) throw refused(400, 'REQUEST_INVALID', 'body/version is no version');
    return reply.code(202).send(startUpdate(body ?? {}));
  });
}

function isVersion(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}

function addEvents(app: FastifyInstance, { streams, firstEvents }: PagePorts): void {
  const schema = { querystring: schemas.NoQuery, headers: schemas.EventHeaders };
  app.get<{ Headers: Static<typeof schemas.EventHeaders> }>('/v1/events', { schema }, async (request, reply) => {
    const stream = streams.open(() => firstEvents(request.headers['last-event-id'] ?? null));
    if (stream === null) throw refused(503, 'LIMIT_RATE', 'as many programs as may listen do');
    return reply.type('text/event-stream').send(stream);
  });
}

/**
 * What this API refuses has a status of its own. Work that failed is 503 where another time may bring it, else 500: the
 * code says what it was, in the words of the command.
 */
function sendProblem(error: FastifyError | Error, _request: unknown, reply: FastifyReply): FastifyReply {
  const { statusCode } = error as Partial<FastifyError>;
  if (isUpdaterError(error)) return send(reply, statusCode ?? statusOf(error.code), { code: error.code, message: error.message });
  if (statusCode !== undefined && statusCode < 500)
    return send(reply, statusCode, { code: 'REQUEST_INVALID', message: error.message });
  return send(reply, 500, { code: 'SERVER_FAILED', message: 'the update manager could not answer' });
}

const statusOf = (code: ErrorCode): number => (errorCatalogue[code].retry === 'backoff' ? 503 : 500);

const send = (reply: FastifyReply, status: number, problem: Static<typeof schemas.PageProblem>): FastifyReply =>
  reply.code(status).type('application/json').send(problem);
