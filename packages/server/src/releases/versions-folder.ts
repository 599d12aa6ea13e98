/**
 * The releases as an operator looks for them in the folder or bucket: `versions/v1.0.1.zip` and `versions/manifest.json`
 * for the default application, `versions/<application>/<platform>/…` for all others. A view: it is written from the
 * records, never read.
 */
import { type Digest, errorChain, UpdaterError } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';
import type { Catalogue } from './catalogue.js';
import type { BuildRecord } from './release-records.js';

/** What the zip of a version is called. */
export const zipName = (build: Pick<BuildRecord, 'version' | 'display_version'>): string =>
  `v${build.display_version ?? build.version}.zip`;

/**
 * Applications have folders beside the files of the default one.
 * @throws UpdaterError REQUEST_INVALID for a name that one of those files has, or may have.
 */
export function requireFolderName(slug: string): void {
  if (slug !== 'manifest.json' && !slug.endsWith('.zip')) return;
  throw new UpdaterError('REQUEST_INVALID', `an application can not be called ${slug}: files of releases are called so`);
}

interface VersionsFolderPorts {
  readonly db: Db;
  readonly objects: ObjectStore;
  readonly catalogue: Catalogue;
  readonly defaultApplication: string | null;
  readonly log: FastifyBaseLogger;
}

export class VersionsFolder {
  #tail: Promise<void> = Promise.resolve();

  constructor(private readonly ports: VersionsFolderPorts) {}

  /**
   * Brings the folder up to date with what is published when this is called; one writer at a time, so that the newest
   * listing stays. A failure is logged and no more: what is published is published, and terminals do not read this.
   */
  write(): Promise<void> {
    this.#tail = this.#tail.then(() => writeFolders(this.ports)).catch((error) => logFailure(this.ports, error));
    return this.#tail;
  }
}

const logFailure = ({ log }: VersionsFolderPorts, error: unknown): void =>
  log.error({ event: 'versions_folder_failed', errors: errorChain(error) }, 'the versions folder is not up to date');

/** One server at a time writes the folder: the last to write is the last to have looked. */
async function writeFolders(ports: VersionsFolderPorts): Promise<void> {
  const { db, objects, catalogue } = ports;
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${versionsLock})`.execute(tx);
    const view = await catalogue.viewWithin(tx);
    const main = ports.defaultApplication ?? view.applications[0]?.slug;
    for (const application of view.applications) {
      const mainPlatform = application.slug === main ? view.platform(application, undefined) : null;
      for (const platform of view.platforms(application)) {
        const folder = platform === mainPlatform ? 'versions' : `versions/${application.slug}/${platform}`;
        const builds = view.releases(application, platform).builds;
        await writeFolder(objects, folder, builds).catch((error) => logFailure(ports, error));
      }
    }
  });
}

/** Any number that nothing else in this database locks. */
const versionsLock = 7_346_101;

const isListed = ({ state }: BuildRecord): boolean => state === 'published' || state === 'deprecated';

async function writeFolder(objects: ObjectStore, folder: string, all: readonly BuildRecord[]): Promise<void> {
  const builds = all.filter(isListed);
  for (const build of all.filter(({ state }) => state === 'withdrawn')) await objects.removeNamed(`${folder}/${zipName(build)}`);
  for (const build of builds) await objects.nameObject(`${folder}/${zipName(build)}`, build.zip_object as Digest);
  const listing = {
    application: all[0]?.application,
    platform: all[0]?.platform,
    latest_version: builds.find(({ state }) => state === 'published')?.version,
    versions: builds.map((build) => ({
      version: build.version,
      ...(build.display_version === null ? {} : { display_version: build.display_version }),
      type: build.type,
      file: zipName(build),
      size: build.zip_bytes,
      sha256: build.zip_object,
      manifest_digest: build.manifest_digest,
      released_at: build.released_at?.toISOString() ?? null,
    })),
  };
  await objects.writeNamed(`${folder}/manifest.json`, Buffer.from(`${JSON.stringify(listing, null, 2)}\n`));
}
