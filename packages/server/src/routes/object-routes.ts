import { type Digest, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { Principal } from '../accounts/principal.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import { licensedOf, mayKnow, requireLicence } from '../releases/release-access.js';
import type { BuildRecord } from '../releases/release-records.js';
import type { App, AppPorts } from './app-ports.js';
import { digest } from './request-shapes.js';
import { immutableCaching, objectAnswers, sendObject } from './send-object.js';

interface KnownObject {
  readonly bytes: number;
  /** Builds that it belongs to or leads to. */
  readonly uses: readonly ObjectUse[];
  /** Of the first release whose zip or manifest it is; null: it is neither. */
  readonly releasedAt: Date | null;
}

interface ObjectUse {
  readonly access: 'public' | 'licensed';
  /** Null: a plan of before builds were written down. */
  readonly build: BuildRecord | null;
}

/** Stored bytes by their digest: packs, indexes, manifests, zips. */
export function objectRoutes(app: App, ports: AppPorts): void {
  // A fleet asks for the same few objects, range by range.
  let known = new BoundedCache<KnownObject>(10_000);
  ports.changes.on('catalogue', () => {
    known = new BoundedCache<KnownObject>(10_000);
  });

  const find = async (object: Digest): Promise<KnownObject | null> => {
    const cache = known;
    const found = cache.get(object) ?? (await findObject(ports, object));
    // What nothing uses yet is what a plan is just being made with.
    if (found !== null && found.uses.length > 0) cache.set(object, found);
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
      const found = requireKnown(await find(object), request.principal, object);
      const isPublic = found.uses.some((use) => use.access === 'public' && isKnown(use, { kind: 'anonymous' }));
      if (!isPublic) requireObject(request.principal, found, ports.config.licenseGraceDays);
      return sendObject(
        ports,
        { request, reply },
        {
          digest: object,
          bytes: found.bytes,
          contentType: 'application/octet-stream',
          cacheControl: isPublic ? immutableCaching : immutableCaching.replace('public', 'private'),
        },
      );
    },
  });
}

const isKnown = ({ build }: ObjectUse, principal: Principal): boolean => build === null || mayKnow(build, principal);

/** What leads only to builds that who asks may not know of is not there. @throws UpdaterError DOWNLOAD_NOT_FOUND. */
function requireKnown(found: KnownObject | null, principal: Principal, digest: Digest): KnownObject {
  if (found !== null && principal.kind === 'operator') return found;
  const uses = found?.uses.filter((use) => isKnown(use, principal)) ?? [];
  if (found !== null && uses.length > 0) return { ...found, uses };
  throw new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${digest}`, { details: { digest } });
}

/** @throws UpdaterError AUTH_REQUIRED, LICENSE_…. */
function requireObject(principal: Principal, { uses, releasedAt }: KnownObject, graceDays: number): void {
  if (principal.kind === 'operator' || uses.some(({ access }) => access === 'public')) return;
  if (principal.kind === 'anonymous') throw new UpdaterError('AUTH_REQUIRED', 'this object needs a key and secret');
  requireLicence(licensedOf(principal, graceDays), releasedAt);
}

async function findObject({ database, catalogue }: AppPorts, object: Digest): Promise<KnownObject | null> {
  // Looked at first: what is found with an older view is forgotten with it.
  const view = await catalogue.view();
  const row = await database.db
    .selectFrom('object')
    .where('digest', '=', object)
    .select([
      'bytes',
      sql<readonly { readonly access: ObjectUse['access']; readonly build_id: number | null }[]>`(
        select coalesce(jsonb_agg(jsonb_build_object('access', application.access, 'build_id', object_use.build_id)), '[]')
        from object_use join application on application.id = object_use.application_id
        where object_use.object = object.digest)`.as('uses'),
      sql<Date | null>`(select min(coalesce(release.released_at, release.created_at)) from build join release on release.id = build.release_id
        where build.zip_object = object.digest or build.manifest_object = object.digest)`.as('released_at'),
    ])
    .executeTakeFirst();
  if (row === undefined) return null;
  const uses = row.uses.flatMap(({ access, build_id }): ObjectUse[] => {
    if (build_id === null) return [{ access, build: null }];
    const build = view.buildById(build_id);
    return build === undefined ? [] : [{ access, build }];
  });
  return { bytes: row.bytes, uses, releasedAt: row.released_at };
}
