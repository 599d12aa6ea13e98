/** Signed metadata: what terminals fetch, and what those who hold keys bring. */
import { UpdaterError } from '@remendo/core';
import { MetadataRequest, SigningKeyAnswer, SigningState } from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import { completeSigning } from '../signing/complete-signing.js';
import { describeSigning } from '../signing/describe-signing.js';
import type { App, AppPorts } from './app-ports.js';
import { immutableCaching } from './send-object.js';

/** A timestamp may be seen this late through caches between here and a terminal. */
const timestampCaching = 'public, max-age=30';
const offerBytesMax = 16 * 1024 * 1024;
const namePattern = '^(?:timestamp|[1-9][0-9]{0,9}\\.[a-z0-9][a-z0-9._-]{0,79})\\.json$';

export function metadataRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  let cached = new BoundedCache<string>(1_000);
  ports.changes.on('metadata', () => {
    cached = new BoundedCache<string>(1_000);
  });
  const read = async (name: string): Promise<string> => {
    const cache = cached;
    const known = cache.get(name);
    if (known !== undefined) return known;
    const [, version, role = 'timestamp'] = /^(\d+)\.(.*)\.json$/.exec(name) ?? [];
    const base = db.selectFrom('signed_metadata').select('body').where('role', '=', role);
    const query = version === undefined ? base.orderBy('version', 'desc').limit(1) : base.where('version', '=', Number(version));
    const row = Number(version ?? 1) > 2 ** 31 - 1 ? undefined : await query.executeTakeFirst();
    if (row === undefined) throw new UpdaterError('DOWNLOAD_NOT_FOUND', 'there is no such metadata', { details: { name } });
    cache.set(name, row.body);
    return row.body;
  };
  app.route({
    method: ['GET', 'HEAD'],
    url: '/metadata/:name',
    schema: {
      tags: ['metadata'],
      summary: 'Signed metadata (The Update Framework)',
      params: Type.Object({ name: Type.String({ pattern: namePattern, maxLength: 100 }) }),
      response: { 200: Type.String({ description: 'application/json' }) },
    },
    handler: async (request, reply) => {
      const body = await read(request.params.name);
      reply.header('cache-control', request.params.name === 'timestamp.json' ? timestampCaching : immutableCaching);
      return reply
        .type('application/json')
        .serializer((text: string) => text)
        .send(body);
    },
  });
  offerRoutes(app, ports);
}

/** Who may bring which roles: bins are what publishers sign, everything above them is an administrator's. */
const roleOf = ({ metadata, cosigned }: MetadataRequest): 'publisher' | 'admin' =>
  cosigned !== true && metadata.every(({ role }) => role.startsWith('bin-')) ? 'publisher' : 'admin';

function offerRoutes(app: App, ports: AppPorts): void {
  const { changes, signer, queue, versions, metadata } = ports;
  const publisher = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'publisher');
  const viewer = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'viewer');
  const state = { tags: ['metadata'], summary: 'Who signs what, and until when', response: { 200: SigningState } };
  app.get('/api/v1/signing', { onRequest: viewer, schema: state }, () => describeSigning(ports));
  const admin = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'admin');
  const onlineKey = {
    tags: ['metadata'],
    summary: 'Makes a new key of the server, which it signs with as soon as a root names it',
    body: Type.Object({}, { additionalProperties: false }),
    response: { 200: SigningKeyAnswer },
  };
  app.post('/api/v1/signing/online-keys', { onRequest: admin, schema: onlineKey }, (request) =>
    changes.change(['metadata'], (tx) => signer.createOnlineKey(tx, actorOf(request))),
  );
  const offer = { tags: ['metadata'], summary: 'Takes signed metadata', body: MetadataRequest, response: { 200: SigningState } };
  app.post('/api/v1/metadata', { onRequest: publisher, bodyLimit: offerBytesMax, schema: offer }, async (request) => {
    requireOperator(request, roleOf(request.body));
    const { metadata: given, cosigned = false, reason = '' } = request.body;
    const offered = given.map(({ role, body }) => ({ role, bytes: Buffer.from(body) }));
    await changes.change(['catalogue', 'metadata'], async (tx) => {
      // Rows of applications before the lock of signing, as publishing takes them.
      await tx.selectFrom('application').select('id').orderBy('id').forUpdate().execute();
      const { offline, own } = await signer.accept(tx, actorOf(request), { offered, isCosigned: cosigned, reason });
      await completeSigning(tx, offline, { own, queue });
    });
    await versions.write();
    await metadata.write();
    return describeSigning(ports);
  });
}
