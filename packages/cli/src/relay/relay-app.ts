/**
 * The relay's side of the network. Two addresses, and nothing else: `GET /v1/relay` says that this is one, and
 * `GET` or `HEAD /v1/objects/<digest>` gives an object or one range of it. Time, connections and sizes are bounded; who is not
 * served, and who uses up what there is, is told or cut off at once, because every terminal has the server to go to.
 */
import { Readable } from 'node:stream';
import { type Digest, errorCatalogue, hasCode, isUpdaterError, type PlanNames, relayHello, UpdaterError } from '@remendo/core';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { boundConnections } from './bound-connections.js';
import { requestGuard } from './guard-request.js';
import type { KnownPlans } from './known-plans.js';
import type { ObjectCache } from './object-cache.js';
import { oneAtATime } from './one-at-a-time.js';
import type { AskedRange, RelayObjects } from './relay-objects.js';
import type { RelayConfig } from './relay-settings.js';
import { requestedRange } from './requested-range.js';
import type { Traffic } from './traffic.js';

export interface RelayPorts {
  readonly config: RelayConfig;
  readonly cache: ObjectCache;
  readonly plans: KnownPlans;
  readonly objects: RelayObjects;
  readonly traffic: Traffic;
}

const headersMs = 5_000;
const idleMs = 60_000;
const headersBytesMax = 8 * 1024;

/** As the server's objects are (server/src/routes/send-object.ts): named by their hash, the bytes never change. */
const caching = 'public, max-age=31536000, immutable, no-transform';

const name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]*$' });
const Params = Type.Object({ digest: Type.String({ pattern: '^[0-9a-f]{64}$' }) });
const Query = Type.Object(
  {
    application: Type.Optional(name),
    platform: Type.Optional(name),
    base: Type.Optional(name),
    target: Type.Optional(name),
    codecs: Type.Optional(Type.String({ maxLength: 400, pattern: '^[A-Za-z0-9.,+_-]*$' })),
  },
  { additionalProperties: false },
);
type ObjectRoute = { Params: Static<typeof Params>; Querystring: Static<typeof Query> };

/** Ready to listen. */
export function createRelayApp(ports: RelayPorts): FastifyInstance {
  const { config, traffic } = ports;
  const app = Fastify({
    bodyLimit: 1,
    // Ten minutes is the default of Node's for a request that comes byte by byte.
    requestTimeout: headersMs,
    connectionTimeout: idleMs,
    keepAliveTimeout: idleMs,
    http: { maxHeaderSize: headersBytesMax, headersTimeout: headersMs, connectionsCheckingInterval: 1_000 },
    // A query that is not in the schema is refused rather than cut off.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    forceCloseConnections: true,
  });
  boundConnections(app.server, config, () => {
    traffic.refused += 1;
  });
  const guard = requestGuard(config.names);
  const turn = oneAtATime();
  app.addHook('onRequest', async (request, reply) => {
    turn(request, reply);
    guard(request);
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'REQUEST_ROUTE_UNKNOWN'));
  app.setErrorHandler((error, _request, reply) => fail(ports, error, reply));
  app.get('/v1/relay', async (_request, reply) => reply.header('cache-control', 'no-store').send(relayHello));
  app.route<ObjectRoute>({
    method: ['GET', 'HEAD'],
    url: '/v1/objects/:digest',
    schema: { params: Params, querystring: Query },
    handler: (request, reply) => sendObject(ports, request, reply),
  });
  return app;
}

async function sendObject(ports: RelayPorts, request: FastifyRequest<ObjectRoute>, reply: FastifyReply): Promise<FastifyReply> {
  const { cache, plans, traffic } = ports;
  const digest = request.params.digest as Digest;
  traffic.requests += 1;
  const asked = { names: planNamesOf(request.query), by: request.ip };
  const objectBytes = (await cache.wholeBytes(digest)) ?? (await plans.find(digest, asked));
  if (objectBytes === null)
    throw new UpdaterError('DOWNLOAD_NOT_FOUND', 'no plan of this branch names the object', { details: { digest } });
  const etag = `"${digest}"`;
  reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': caching });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  const range = request.method === 'HEAD' ? null : requestedRange(request.headers, { bytes: objectBytes, etag });
  const { offset, bytes } = range ?? { offset: 0, bytes: objectBytes };
  const body = request.method === 'HEAD' ? null : await openBody(ports, { digest, objectBytes, offset, bytes }, reply);
  if (range !== null) reply.code(206).header('content-range', `bytes ${offset}-${offset + bytes - 1}/${objectBytes}`);
  return reply.type('application/octet-stream').header('content-length', bytes).send(body);
}

/** All names or none: half of them name no plan. */
function planNamesOf({ application, platform, base, target, codecs }: Static<typeof Query>): PlanNames | null {
  if (application === undefined || platform === undefined || target === undefined) return null;
  const listed = (codecs ?? '').split(',').filter((codec) => codec !== '');
  return { application, platform, base: base ?? null, target, codecs: listed };
}

/**
 * Resolves with the first bytes: what fails before that gets an honest status. What fails later breaks the connection off.
 * @throws UpdaterError
 */
async function openBody({ objects, traffic }: RelayPorts, asked: AskedRange, reply: FastifyReply): Promise<Readable> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new UpdaterError('DOWNLOAD_FAILED', 'whoever asked is gone'));
  reply.raw.once('close', leave);
  // Gone while the server was asked for the plan: nothing is fetched for nobody.
  if (reply.raw.destroyed) leave();
  gone.signal.throwIfAborted();
  let isHit = true;
  const chunks = objects.read(asked, gone.signal, () => {
    isHit = false;
  });
  // A stream that nobody began to read ends without a word to what it was made of.
  gone.signal.addEventListener('abort', () => void chunks.return(undefined).catch(() => undefined));
  const onWhole = (): void => {
    if (isHit) traffic.hits += 1;
  };
  const body = { first: await chunks.next(), chunks, bytes: asked.bytes, gone: gone.signal, onWhole };
  return Readable.from(counted(body, traffic), { objectMode: false, highWaterMark: 128 * 1024 });
}

interface Body {
  readonly first: IteratorResult<Uint8Array>;
  readonly chunks: AsyncGenerator<Uint8Array>;
  readonly bytes: number;
  /** Aborted when whoever asked has left. */
  readonly gone: AbortSignal;
  /** Called when the last of them is on its way. */
  readonly onWhole: () => void;
}

async function* counted({ first, chunks, bytes, gone, onWhole }: Body, traffic: Traffic): AsyncGenerator<Uint8Array> {
  let leftBytes = bytes;
  try {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      traffic.bytesServed += next.value.length;
      leftBytes -= next.value.length;
      if (leftBytes === 0) onWhole();
      yield next.value;
    }
  } catch (error) {
    if (!gone.aborted) traffic.failed += 1;
    throw error;
  } finally {
    await chunks.return(undefined);
  }
}

/** Everything that this relay can not do now is one answer: go to the server. */
function fail({ traffic }: RelayPorts, error: unknown, reply: FastifyReply): FastifyReply {
  const isMalformed =
    (error as { validation?: unknown }).validation !== undefined || (error as { statusCode?: number }).statusCode === 400;
  if (isMalformed || hasCode(error, 'REQUEST_INVALID')) {
    traffic.refused += 1;
    // What follows in this connection is not looked at.
    return sendProblem(
      reply.header('connection', 'close'),
      400,
      'REQUEST_INVALID',
      isUpdaterError(error) ? error.message : undefined,
    );
  }
  if (hasCode(error, 'REQUEST_RANGE')) return sendProblem(reply, 416, error.code);
  if (hasCode(error, 'DOWNLOAD_NOT_FOUND')) {
    traffic.notFound += 1;
    return sendProblem(reply, 404, error.code);
  }
  if (!reply.raw.destroyed) traffic.failed += 1;
  return sendProblem(reply, 503, isUpdaterError(error) ? error.code : 'SERVER_FAILED');
}

function sendProblem(reply: FastifyReply, status: number, code: keyof typeof errorCatalogue, detail?: string): FastifyReply {
  const problem = {
    type: 'about:blank',
    title: errorCatalogue[code].sentence,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
  };
  reply.removeHeader('etag');
  return reply.code(status).type('application/problem+json').header('cache-control', 'no-store').send(JSON.stringify(problem));
}
