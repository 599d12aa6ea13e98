/** Everything the server knows about how the contents of a target can be made: the planner's input, from the database. */
import { type Content, compareVersions, type DeltaObject, type DeltaRecipe, type Derivation, type Digest } from '@remendo/core';
import type { CodecName, KnownDerivation } from '@remendo/core/publish';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { PatchProfile } from '../database/tables.js';
import { findUsable, type UsingBuild } from '../releases/object-use.js';
import { isOpen } from '../releases/release-access.js';
import { type BuildRecord, buildState } from '../releases/release-records.js';

/** Patches on top of patches: further back than this, whole contents are cheaper. */
const patchDepthMax = 16;
const patchesMax = 50_000;
/** Deltas between base and target that chains are made of; the newest ones. */
const recipesMax = 128;

export interface KnownDerivations {
  readonly derivations: readonly Derivation[];
  readonly objects: readonly DeltaObject[];
  readonly deltas: readonly DeltaRecipe[];
}

export interface WantedContents {
  readonly base: BuildRecord | null;
  readonly target: BuildRecord;
  /** Contents of the target that the base does not have. */
  readonly missing: readonly Digest[];
}

/**
 * Patches backwards from the missing contents, through contents that other patches make; whole contents in the target's
 * zip and in packs; and the deltas between the two releases as recipes for chains. Nothing out of objects that only lead to
 * builds which are not published.
 */
export async function loadKnownDerivations(db: Db, wanted: WantedContents): Promise<KnownDerivations> {
  const recipes = await loadRecipes(db, wanted);
  const patches = wanted.base === null ? [] : await loadPatchesTo(db, wanted.missing);
  const wholes = await loadWholes(db, wanted);
  const found = [...recipes.flatMap((recipe) => recipe.derivations), ...patches, ...wholes];
  const bytes = await findUsable(db, wanted.target, objectsOf(found));
  const isUsable = ({ blob }: Derivation): boolean => bytes.has(blob.object);
  const byPlace = new Map<string, Derivation>();
  for (const derivation of found.filter(isUsable)) {
    const { object, offset } = derivation.blob;
    byPlace.set(`${object} ${offset} ${derivation.kind === 'whole' ? derivation.target.sha256 : ''}`, derivation);
  }
  const objects = [...bytes].map(([digest, bytes]) => ({ digest: digest as Digest, bytes }));
  const deltas = recipes.map((recipe) => ({ ...recipe, derivations: recipe.derivations.filter(isUsable) }));
  return { derivations: [...byPlace.values()], objects, deltas };
}

const objectsOf = (derivations: readonly Derivation[]): readonly string[] => [
  ...new Set(derivations.map(({ blob }) => blob.object)),
];

const anyOf = (digests: readonly string[]) => sql<string>`any(${[...digests]}::text[])`;

interface PatchRow {
  readonly id: number;
  readonly codec: CodecName;
  readonly object: string;
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly bases: readonly Content[];
  readonly targets: readonly Content[];
}

const patchQuery = (db: Db) =>
  db
    .selectFrom('patch')
    .where('patch.state', '=', 'ready')
    .select([
      'patch.id',
      'patch.codec',
      'patch.object',
      'patch.offset',
      'patch.bytes',
      'patch.sha256',
      // A patch that makes its targets from nothing has none.
      sql<Content[]>`(select coalesce(jsonb_agg(jsonb_build_object('sha256', sha256, 'bytes', bytes) order by position), '[]')
        from patch_base where patch_id = patch.id)`.as('bases'),
      sql<Content[]>`(select jsonb_agg(jsonb_build_object('sha256', sha256, 'bytes', bytes) order by position)
        from patch_target where patch_id = patch.id)`.as('targets'),
    ]);

const patchDerivation = (row: PatchRow): Derivation => ({
  kind: 'patch',
  codec: row.codec,
  bases: row.bases,
  targets: row.targets,
  blob: { object: row.object as Digest, offset: row.offset, bytes: row.bytes, sha256: row.sha256 as Digest },
});

async function loadPatchesTo(db: Db, missing: readonly Digest[]): Promise<readonly Derivation[]> {
  const found = new Map<number, Derivation>();
  const seen = new Set<string>(missing);
  let frontier: readonly string[] = missing;
  for (let depth = 0; depth < patchDepthMax && frontier.length > 0 && found.size < patchesMax; depth++) {
    const rows = await patchQuery(db)
      .where('patch.id', 'in', (eb) => eb.selectFrom('patch_target').select('patch_id').where('sha256', '=', anyOf(frontier)))
      .orderBy('patch.id', 'desc')
      .limit(patchesMax - found.size)
      .execute();
    const next = new Set<string>();
    for (const row of rows) {
      found.set(row.id, patchDerivation(row));
      for (const base of row.bases) if (!seen.has(base.sha256)) next.add(base.sha256);
    }
    for (const sha256 of next) seen.add(sha256);
    frontier = [...next];
  }
  return [...found.values()];
}

interface ContentRow {
  readonly object: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly offset: number;
  readonly encoded_bytes: number;
  readonly encoding: 'identity' | 'deflate' | 'brotli';
  readonly encoded_sha256: string;
}

const wholeDerivation = (row: ContentRow): Derivation => ({
  kind: 'whole',
  target: { sha256: row.sha256 as Digest, bytes: row.bytes },
  encoding: row.encoding,
  blob: { object: row.object as Digest, offset: row.offset, bytes: row.encoded_bytes, sha256: row.encoded_sha256 as Digest },
});

/** Whole contents in the target's own zip, where neighbours are fetched by one range, and in packs, where they are smallest. */
async function loadWholes(db: Db, { target, missing }: WantedContents): Promise<readonly Derivation[]> {
  const rows = await db
    .selectFrom('content')
    .innerJoin('object', 'object.digest', 'content.object')
    .where('content.sha256', '=', anyOf(missing))
    .where((eb) => eb.or([eb('content.object', '=', target.zip_object), eb('object.kind', '=', 'pack')]))
    .selectAll('content')
    .execute();
  return rows.map(wholeDerivation);
}

/** The deltas that lead from a release no older than the base to one no newer than the target, and by none that is not published. */
async function loadRecipes(db: Db, { base, target }: WantedContents): Promise<readonly DeltaRecipe[]> {
  if (base === null) return [];
  const rows = await db
    .selectFrom('delta')
    .innerJoin('build as base', 'base.id', 'delta.base_build_id')
    .innerJoin('release as base_release', 'base_release.id', 'base.release_id')
    .innerJoin('build as target', 'target.id', 'delta.target_build_id')
    .innerJoin('release as target_release', 'target_release.id', 'target.release_id')
    .innerJoin('application', 'application.id', 'target_release.application_id')
    .where('application.slug', '=', target.application)
    .where('target.platform', '=', target.platform)
    .where('delta.state', '=', 'ready')
    .select(['delta.id', 'delta.pack_object', 'delta.base_build_id', 'delta.target_build_id'])
    .select(['base_release.version as base_version', 'target_release.version as target_version'])
    .orderBy('delta.id', 'desc')
    .execute();
  const known = await loadKnownBuilds(db, { base, target });
  const between = rows
    .filter(
      (row) => compareVersions(row.base_version, base.version) >= 0 && compareVersions(row.target_version, target.version) <= 0,
    )
    .filter((row) => known.has(row.base_build_id) && known.has(row.target_build_id))
    .slice(0, recipesMax);
  const built = await loadBuilt(db, between);
  return between.map((row) => ({ base: row.base_version, target: row.target_version, derivations: built.get(row.id) ?? [] }));
}

/** By their ids: those that are published, and the two. */
async function loadKnownBuilds(db: Db, { base, target }: Record<'base' | 'target', BuildRecord>): Promise<ReadonlySet<number>> {
  const rows = await db
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('application.slug', '=', target.application)
    .where('build.platform', '=', target.platform)
    .select(['build.id', buildState.as('state'), 'release.released_at'])
    .execute();
  return new Set([base.buildId, target.buildId, ...rows.filter(isOpen).map(({ id }) => id)]);
}

/** What each delta was built of: its patches, and the whole contents in its pack. */
async function loadBuilt(
  db: Db,
  deltas: readonly { readonly id: number; readonly pack_object: string | null }[],
): Promise<ReadonlyMap<number, readonly Derivation[]>> {
  const packs = deltas.flatMap(({ pack_object }) => pack_object ?? []);
  const patches = await patchQuery(db)
    .innerJoin('delta_patch', 'delta_patch.patch_id', 'patch.id')
    .where('delta_patch.delta_id', '=', sql<number>`any(${deltas.map(({ id }) => id)}::integer[])`)
    .select('delta_patch.delta_id')
    .orderBy('patch.id')
    .execute();
  const wholes = await db.selectFrom('content').where('object', '=', anyOf(packs)).selectAll().orderBy('offset').execute();
  const built = new Map<number, Derivation[]>(deltas.map(({ id }) => [id, []]));
  for (const row of patches) built.get(row.delta_id)?.push(patchDerivation(row));
  // Two deltas have one pack when they differ in what was known before only.
  const deltasOf = new Map<string | null, number[]>();
  for (const { id, pack_object } of deltas) deltasOf.set(pack_object, [...(deltasOf.get(pack_object) ?? []), id]);
  for (const row of wholes) for (const id of deltasOf.get(row.object) ?? []) built.get(id)?.push(wholeDerivation(row));
  return built;
}

export interface WantedPatches {
  /** That a delta is to lead to. */
  readonly build: UsingBuild;
  /** Contents of it that the base does not have. */
  readonly contents: readonly Digest[];
  readonly profile: PatchProfile;
}

/**
 * Every stored patch that makes some of the contents and may be named in a delta to the build, in the form that a build
 * takes: what is of use is chosen there. For a compact build not those that were made in a hurry.
 */
export async function loadPatchesFor(db: Db, { build, contents, profile }: WantedPatches): Promise<readonly KnownDerivation[]> {
  const rows = await patchQuery(db)
    .where('patch.id', 'in', (eb) => eb.selectFrom('patch_target').select('patch_id').where('sha256', '=', anyOf(contents)))
    .where((eb) => (profile === 'fast' ? eb.lit(true) : eb(sql`coalesce(patch.profile, 'compact')`, '=', 'compact')))
    .orderBy('patch.bytes')
    .orderBy('patch.id')
    .limit(patchesMax)
    .execute();
  const bytes = await findUsable(
    db,
    build,
    rows.map(({ object }) => object),
  );
  return rows.flatMap((row) => {
    const objectBytes = bytes.get(row.object);
    return objectBytes === undefined ? [] : [{ derivation: patchDerivation(row), objectBytes }];
  });
}
