import { type Digest, UpdaterError } from '@remendo/core';
import { Type } from 'typebox';
import { BoundedCache } from '../releases/bounded-cache.js';
import type { App, AppPorts } from './app-ports.js';
import { digest } from './request-shapes.js';
import { immutableCaching, sendObject } from './send-object.js';

/** Stored bytes by their digest: packs, indexes, manifests, zips. */
export function objectRoutes(app: App, ports: AppPorts): void {
  // A fleet asks for the same few objects, range by range.
  const sizes = new BoundedCache<number>(10_000);

  const sizeOf = async (object: Digest): Promise<number> => {
    const known = sizes.get(object);
    if (known !== undefined) return known;
    const row = await ports.database.db.selectFrom('object').where('digest', '=', object).select('bytes').executeTakeFirst();
    if (row === undefined)
      throw new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${object}`, { details: { digest: object } });
    sizes.set(object, row.bytes);
    return row.bytes;
  };

  app.route({
    method: ['GET', 'HEAD'],
    url: '/api/v1/objects/:digest',
    schema: { params: Type.Object({ digest }) },
    handler: async (request, reply) => {
      const object = request.params.digest as Digest;
      const bytes = await sizeOf(object);
      const options = { digest: object, bytes, contentType: 'application/octet-stream', cacheControl: immutableCaching };
      return sendObject(ports.objects, { request, reply }, options);
    },
  });
}
