import { type Digest, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { Principal } from '../accounts/principal.js';
import type { Db } from '../database/open-database.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import { licensedOf, requireLicence } from '../releases/release-access.js';
import type { App, AppPorts } from './app-ports.js';
import { digest } from './request-shapes.js';
import { immutableCaching, objectAnswers, sendObject } from './send-object.js';

interface KnownObject {
  readonly bytes: number;
  /** Whether a public application uses it. */
  readonly isPublic: boolean;
  /** Of the first release whose zip or manifest it is; null: it is neither. */
  readonly releasedAt: Date | null;
}

/** Stored bytes by their digest: packs, indexes, manifests, zips. */
export function objectRoutes(app: App, ports: AppPorts): void {
  // A fleet asks for the same few objects, range by range.
  let known = new BoundedCache<KnownObject>(10_000);
  ports.changes.on('catalogue', () => {
    known = new BoundedCache<KnownObject>(10_000);
  });

  const find = async (object: Digest): Promise<KnownObject> => {
    const cache = known;
    const found = cache.get(object) ?? (await findObject(ports.database.db, object));
    if (found === null)
      throw new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${object}`, { details: { digest: object } });
    cache.set(object, found);
    return found;
  };

  app.route({
    method: ['GET', 'HEAD'],
    url: '/api/v1/objects/:digest',
    config: { countedAs: 'object' },
    schema: {
      tags: ['objects'],
      summary: 'Stored bytes by their SHA-256',
      params: Type.Object({ digest }),
      response: objectAnswers('application/octet-stream'),
    },
    handler: async (request, reply) => {
      const object = request.params.digest as Digest;
      const found = await find(object);
      requireObject(request.principal, found, ports.config.licenseGraceDays);
      return sendObject(
        ports,
        { request, reply },
        {
          digest: object,
          bytes: found.bytes,
          contentType: 'application/octet-stream',
          cacheControl: found.isPublic ? immutableCaching : immutableCaching.replace('public', 'private'),
        },
      );
    },
  });
}

/** @throws UpdaterError AUTH_REQUIRED, LICENSE_…. */
function requireObject(principal: Principal, { isPublic, releasedAt }: KnownObject, graceDays: number): void {
  if (isPublic || principal.kind === 'operator') return;
  if (principal.kind === 'anonymous') throw new UpdaterError('AUTH_REQUIRED', 'this object needs a key and secret');
  requireLicence(licensedOf(principal, graceDays), releasedAt);
}

async function findObject(db: Db, object: Digest): Promise<KnownObject | null> {
  const row = await db
    .selectFrom('object')
    .where('digest', '=', object)
    .select([
      'bytes',
      sql<boolean>`exists (select 1 from object_use join application on application.id = object_use.application_id
        where object_use.object = object.digest and application.access = 'public')`.as('is_public'),
      sql<Date | null>`(select min(coalesce(release.released_at, release.created_at)) from build join release on release.id = build.release_id
        where build.zip_object = object.digest or build.manifest_object = object.digest)`.as('released_at'),
    ])
    .executeTakeFirst();
  return row === undefined ? null : { bytes: row.bytes, isPublic: row.is_public, releasedAt: row.released_at };
}
