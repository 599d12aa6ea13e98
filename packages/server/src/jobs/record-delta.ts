import type { Derivation, Digest } from '@remendo/core';
import { sql } from 'kysely';
import type { Tx } from '../database/open-database.js';
import type { PatchProfile } from '../database/tables.js';
import { recordContents, recordObject } from '../releases/record-release.js';
import { releasePack } from './release-pack.js';

export interface FinishedDelta {
  readonly deltaId: number;
  readonly derivations: readonly Derivation[];
  readonly index: { readonly digest: Digest; readonly bytes: number };
  readonly pack: { readonly digest: Digest; readonly bytes: number } | null;
  readonly notices: readonly string[];
  readonly buildMs: number;
  /** Of the patches that were made. */
  readonly profile: PatchProfile;
  /** It is to be built again, smaller. */
  readonly isRefining: boolean;
}

/** The delta is ready, and everything in its pack is known by content, in one transaction; what it was before is released. */
export async function recordDelta(tx: Tx, finished: FinishedDelta): Promise<void> {
  const before = await tx.selectFrom('delta').where('id', '=', finished.deltaId).select('pack_object').executeTakeFirst();
  await recordObject(tx, finished.index, 'index');
  if (finished.pack !== null) await recordObject(tx, finished.pack, 'pack');
  await tx.deleteFrom('delta_patch').where('delta_id', '=', finished.deltaId).execute();
  await recordPatches(tx, finished);
  await recordWholes(tx, finished.derivations);
  await tx
    .updateTable('delta')
    .set({
      state: 'ready',
      index_object: finished.index.digest,
      pack_object: finished.pack?.digest ?? null,
      revision: sql<number>`nextval('delta_revision')`,
      detail: finished.notices.length === 0 ? null : finished.notices.join('\n').slice(0, 2_000),
      build_ms: Math.round(finished.buildMs),
      profile: finished.profile,
      is_refining: finished.isRefining,
      worker: null,
      lease_until: null,
      updated_at: new Date(),
    })
    .where('id', '=', finished.deltaId)
    .execute();
  const released = before?.pack_object ?? null;
  if (released !== null && released !== finished.pack?.digest) await releasePack(tx, released);
}

async function recordWholes(tx: Tx, derivations: readonly Derivation[]): Promise<void> {
  const wholes = derivations.flatMap((derivation) => {
    if (derivation.kind !== 'whole') return [];
    const { target, blob, encoding } = derivation;
    return [
      { ...target, object: blob.object, offset: blob.offset, encodedBytes: blob.bytes, encoding, encodedSha256: blob.sha256 },
    ];
  });
  await recordContents(tx, wholes);
}

/**
 * Patches with their bases and targets, whatever their number, and that the delta is built of them. A patch that was
 * recorded before, by this build or by another delta's, is not recorded again.
 */
async function recordPatches(tx: Tx, { deltaId, derivations, profile }: FinishedDelta): Promise<void> {
  const patches = derivations.flatMap((derivation) => {
    if (derivation.kind !== 'patch') return [];
    const { codec, blob, bases, targets } = derivation;
    const numbered = (contents: typeof bases) => contents.map((content, position) => ({ position, ...content }));
    return [{ codec, ...blob, bases: numbered(bases), targets: numbered(targets) }];
  });
  if (patches.length === 0) return;
  await sql`
    with input as (
      select * from jsonb_to_recordset(${JSON.stringify(patches)}::text::jsonb)
        as row (codec text, object text, "offset" bigint, bytes bigint, sha256 text, bases jsonb, targets jsonb)
    ), inserted as (
      insert into patch (codec, object, "offset", bytes, sha256, state, profile)
      select codec, object, "offset", bytes, sha256, 'ready', ${profile} from input
      on conflict (object, "offset") do nothing
      returning id, object, "offset"
    ), bases as (
      insert into patch_base (patch_id, position, sha256, bytes)
      select inserted.id, base.position, base.sha256, base.bytes
      from inserted join input using (object, "offset"),
        jsonb_to_recordset(input.bases) as base (position integer, sha256 text, bytes bigint)
    )
    insert into patch_target (patch_id, position, sha256, bytes)
    select inserted.id, target.position, target.sha256, target.bytes
    from inserted join input using (object, "offset"),
      jsonb_to_recordset(input.targets) as target (position integer, sha256 text, bytes bigint)`.execute(tx);
  await sql`
    insert into delta_patch (delta_id, patch_id)
    select ${deltaId}, patch.id
    from patch join jsonb_to_recordset(${JSON.stringify(patches)}::text::jsonb) as row (object text, "offset" bigint)
      on patch.object = row.object and patch."offset" = row."offset"
    on conflict do nothing`.execute(tx);
}
