/**
 * Applications, releases, rollouts and channels in memory: what every check is answered from. Read anew when anything of
 * it changed; between changes all of it stands still.
 */
import { type Channel, compareVersions, type OrderedReleases, orderReleases, parseVersion, UpdaterError } from '@remendo/core';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import { BoundedCache } from './bounded-cache.js';
import { type ApplicationRecord, type BuildRecord, buildQuery, newestFirst } from './release-records.js';

/** The builds of one application for one platform. */
export interface PlatformReleases {
  /** Newest first, in every state. */
  readonly builds: readonly BuildRecord[];
  readonly byVersion: ReadonlyMap<string, BuildRecord>;
  readonly offerable: OrderedReleases;
}

const nothing: PlatformReleases = { builds: [], byVersion: new Map(), offerable: orderReleases([]) };

export class Catalogue {
  readonly #db: Db;
  readonly #defaultApplication: string | null;
  #view: Promise<CatalogueView> | null = null;

  constructor(ports: { readonly db: Db; readonly changes: Changes; readonly defaultApplication: string | null }) {
    this.#db = ports.db;
    this.#defaultApplication = ports.defaultApplication;
    ports.changes.on('catalogue', () => {
      this.#view = null;
    });
  }

  /** What is known now. A view does not change; whoever keeps one keeps what was true. */
  view(): Promise<CatalogueView> {
    if (this.#view !== null) return this.#view;
    const loading = loadView(this.#db, this.#defaultApplication);
    this.#view = loading;
    loading.catch(() => {
      if (this.#view === loading) this.#view = null;
    });
    return loading;
  }

  /** As the transaction sees it. */
  viewWithin(tx: Tx): Promise<CatalogueView> {
    return loadView(tx, this.#defaultApplication);
  }
}

interface ViewRows {
  readonly applications: readonly ApplicationRecord[];
  readonly builds: readonly BuildRecord[];
  readonly pointers: readonly { readonly application_id: number; readonly channel: Channel; readonly version: string }[];
  readonly deltas: readonly DeltaRow[];
  readonly defaultApplication: string | null;
}

interface DeltaRow {
  readonly application_id: number;
  readonly base_build_id: number;
  readonly target_build_id: number;
  readonly state: string;
  readonly revision: number;
}

async function loadView(db: Db | Tx, defaultApplication: string | null): Promise<CatalogueView> {
  const applications = await db.selectFrom('application').select(['id', 'slug', 'access', 'version_form']).orderBy('id').execute();
  const builds = await buildQuery(db).execute();
  const pointers = await db
    .selectFrom('channel')
    .innerJoin('release', 'release.id', 'channel.release_id')
    .select(['channel.application_id', 'channel.channel', 'release.version'])
    .execute();
  const deltas = await db
    .selectFrom('delta')
    .innerJoin('build', 'build.id', 'delta.target_build_id')
    .innerJoin('release', 'release.id', 'build.release_id')
    .select(['release.application_id', 'delta.base_build_id', 'delta.target_build_id', 'delta.state', 'delta.revision'])
    .execute();
  return new CatalogueView({ applications, builds, pointers, deltas, defaultApplication });
}

export class CatalogueView {
  /** Answers that hold as long as this view does; whose they are says the key. */
  readonly answers = new BoundedCache<unknown>(10_000);
  readonly #applications: ReadonlyMap<string, ApplicationRecord>;
  readonly #defaultSlug: string | undefined;
  readonly #isConfigured: boolean;
  readonly #builds: ReadonlyMap<number, BuildRecord>;
  readonly #platforms = new Map<string, Map<string, PlatformReleases>>();
  readonly #pointers: ReadonlyMap<string, string>;
  readonly #underWay = new Set<string>();
  readonly #revisions = new Map<string, string>();

  constructor({ applications, builds, pointers, deltas, defaultApplication }: ViewRows) {
    this.#applications = new Map(applications.map((application) => [application.slug, application]));
    this.#builds = new Map(builds.map((build) => [build.buildId, build]));
    this.#isConfigured = defaultApplication !== null;
    this.#defaultSlug = defaultApplication ?? applications[0]?.slug;
    this.#pointers = new Map(pointers.map((row) => [`${row.application_id} ${row.channel}`, row.version]));
    for (const { slug, id } of applications) {
      this.#platforms.set(slug, platformsOf(builds.filter((build) => build.application === slug)));
      this.#revisions.set(slug, revisionOf(deltas.filter((delta) => delta.application_id === id)));
    }
    for (const { base_build_id, target_build_id, state } of deltas) {
      if (state === 'wanted' || state === 'building') this.#underWay.add(`${base_build_id} ${target_build_id}`);
    }
  }

  get applications(): readonly ApplicationRecord[] {
    return [...this.#applications.values()];
  }

  /** Which application a request means: the one it names, else the configured default, else the first one published. @throws UpdaterError APPLICATION_NOT_FOUND. */
  application(slug: string | undefined): ApplicationRecord {
    const name = slug ?? this.#defaultSlug;
    const found = name === undefined ? undefined : this.#applications.get(name);
    if (found !== undefined) return found;
    if (name === undefined || (slug === undefined && !this.#isConfigured)) {
      throw new UpdaterError('APPLICATION_NOT_FOUND', 'no application has been published yet');
    }
    throw new UpdaterError('APPLICATION_NOT_FOUND', `there is no application ${name}`, { details: { application: name } });
  }

  /** Which platform a request means: the one it names, else the application's only one, else `any`, else its first. */
  platform({ slug }: ApplicationRecord, platform: string | undefined): string {
    if (platform !== undefined) return platform;
    const names = [...(this.#platforms.get(slug)?.keys() ?? [])];
    return names.includes('any') ? 'any' : (names[0] ?? 'any');
  }

  releases({ slug }: ApplicationRecord, platform: string): PlatformReleases {
    return this.#platforms.get(slug)?.get(platform) ?? nothing;
  }

  platforms({ slug }: ApplicationRecord): readonly string[] {
    return [...(this.#platforms.get(slug)?.keys() ?? [])];
  }

  /** Null: the channel points nowhere yet. */
  pointer({ id }: ApplicationRecord, channel: Channel): string | null {
    return this.#pointers.get(`${id} ${channel}`) ?? null;
  }

  /** One build by version as people write it, in any state: who may know of it says `release-access.ts`. Null when there is none. @throws UpdaterError RELEASE_VERSION_INVALID. */
  findBuild(application: ApplicationRecord, platform: string, version: string): BuildRecord | null {
    return this.releases(application, platform).byVersion.get(parseVersion(version).version) ?? null;
  }

  /** In any state. */
  buildById(id: number): BuildRecord | undefined {
    return this.#builds.get(id);
  }

  /** What the channel offers to who is in every rollout: the newest published release up to its pointer. */
  newestPublished(application: ApplicationRecord, platform: string, channel: Channel): BuildRecord | null {
    const pointer = this.pointer(application, channel);
    if (pointer === null) return null;
    const found = this.releases(application, platform).builds.find(
      (build) =>
        build.state === 'published' &&
        build.rollout.state === 'running' &&
        (channel === 'development' || build.type !== 'development') &&
        compareVersions(build.version, pointer) <= 0,
    );
    return found ?? null;
  }

  /** Whether a delta between the two is still to come. */
  isUnderWay(base: BuildRecord, target: BuildRecord): boolean {
    return this.#underWay.has(`${base.buildId} ${target.buildId}`);
  }

  /** Moves with every delta of the application that becomes ready or goes. */
  deltaRevision(application: string): string {
    return this.#revisions.get(application) ?? '';
  }
}

function platformsOf(builds: readonly BuildRecord[]): Map<string, PlatformReleases> {
  const byPlatform = new Map<string, BuildRecord[]>();
  for (const build of builds.toSorted((a, b) => a.buildId - b.buildId)) {
    byPlatform.set(build.platform, [...(byPlatform.get(build.platform) ?? []), build]);
  }
  return new Map([...byPlatform].map(([platform, list]) => [platform, releasesOf(list)]));
}

function releasesOf(list: readonly BuildRecord[]): PlatformReleases {
  const builds = newestFirst(list);
  const byVersion = new Map(builds.map((build) => [build.version, build]));
  const offerable = orderReleases(
    builds.map(({ version, type, state, is_floor, mandatory, rollout }) => ({
      version,
      type,
      state,
      isFloor: is_floor,
      isMandatory: mandatory,
      rollout,
    })),
  );
  return { builds, byVersion, offerable };
}

function revisionOf(deltas: readonly DeltaRow[]): string {
  const ready = deltas.filter(({ state }) => state === 'ready');
  return `${ready.length}.${ready.reduce((last, { revision }) => Math.max(last, revision), 0)}`;
}
