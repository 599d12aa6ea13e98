import type { IdentifyAnswer, IdentifyRequest } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import type { BuildRecord } from '../releases/release-records.js';

/** Builds whose manifests are looked at: those that share most contents with what was asked. */
const buildsConsideredMax = 32;
const candidatesMax = 16;

/** Which of the builds an install may be, by the files it has: those with most of them at the same path, newest first among equals. */
export async function identifyRelease(
  ports: { readonly db: Db; readonly manifests: ManifestReader },
  builds: readonly BuildRecord[],
  files: IdentifyRequest['files'],
): Promise<IdentifyAnswer['candidates']> {
  const shared = await sharedContents(ports.db, builds, files);
  const likely = builds
    .filter((build) => shared.has(build.zip_object))
    .sort((a, b) => (shared.get(b.zip_object) ?? 0) - (shared.get(a.zip_object) ?? 0))
    .slice(0, buildsConsideredMax);
  const asked = new Map(files.map((file) => [file.path, file.sha256]));
  const candidates: IdentifyAnswer['candidates'] = [];
  for (const build of likely) {
    const manifest = await ports.manifests.read(build);
    const matched = manifest.files.filter((file) => asked.get(file.path) === file.sha256).length;
    if (matched === 0) continue;
    candidates.push({
      version: build.version,
      manifest_digest: build.manifest_digest,
      manifest: { digest: build.manifest_object, bytes: build.manifest_object_bytes },
      matched,
      files: build.files,
    });
  }
  return candidates.sort((a, b) => b.matched - a.matched).slice(0, candidatesMax);
}

/** How many of the contents each build's zip holds. */
async function sharedContents(
  db: Db,
  builds: readonly BuildRecord[],
  files: IdentifyRequest['files'],
): Promise<ReadonlyMap<string, number>> {
  const digests = [...new Set(files.map((file) => file.sha256))];
  const rows = await db
    .selectFrom('content')
    .where('sha256', '=', sql<string>`any(${digests}::text[])`)
    .where('object', '=', sql<string>`any(${builds.map((build) => build.zip_object)}::text[])`)
    .select((eb) => ['object', eb.fn.countAll<number>().as('count')])
    .groupBy('object')
    .execute();
  return new Map(rows.map((row) => [row.object, row.count]));
}
