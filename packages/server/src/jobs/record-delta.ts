import type { Derivation, Digest } from '@remendo/core';
import { sql } from 'kysely';
import type { Tx } from '../database/open-database.js';
import { recordContents, recordObject } from '../releases/record-release.js';

export interface FinishedDelta {
  readonly deltaId: number;
  readonly derivations: readonly Derivation[];
  readonly index: { readonly digest: Digest; readonly bytes: number };
  readonly pack: { readonly digest: Digest; readonly bytes: number } | null;
  readonly notices: readonly string[];
  readonly buildMs: number;
}

/** The delta is ready, and everything in its pack is known by content, in one transaction. */
export async function recordDelta(tx: Tx, finished: FinishedDelta): Promise<void> {
  await recordObject(tx, finished.index, 'index');
  if (finished.pack !== null) await recordObject(tx, finished.pack, 'pack');
  await recordPatches(tx, finished.deltaId, finished.derivations);
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
      updated_at: new Date(),
    })
    .where('id', '=', finished.deltaId)
    .execute();
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
async function recordPatches(tx: Tx, deltaId: number, derivations: readonly Derivation[]): Promise<void> {
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
      insert into patch (codec, object, "offset", bytes, sha256, state)
      select codec, object, "offset", bytes, sha256, 'ready' from input
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
