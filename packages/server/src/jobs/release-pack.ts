/** Deltas that leave the store: those that were built again smaller, and those that a storage budget has no room for. */
import { sql } from 'kysely';
import type { Tx } from '../database/open-database.js';
import { terminalsWith } from './claim-delta.js';

/**
 * No plan names the pack any more, but for patches in it that other deltas are built of. Its bytes stay until they are
 * collected as garbage.
 */
export async function releasePack(tx: Tx, pack: string): Promise<void> {
  await sql`
    delete from patch where object = ${pack}
      and not exists (select 1 from delta_patch where delta_patch.patch_id = patch.id)`.execute(tx);
  await sql`
    delete from content where object = ${pack}
      and not exists (select 1 from patch where patch.object = ${pack})
      and not exists (select 1 from delta where delta.pack_object = ${pack})`.execute(tx);
}

interface StoredDelta {
  readonly id: number;
  readonly pack_object: string | null;
  readonly bytes: number;
}

/**
 * Lets deltas go until the others fit into the budget, those first whose base the fewest terminals have.
 * @returns the deltas that went.
 */
export async function keepDeltaBudget(tx: Tx, bytesMax: number): Promise<readonly number[]> {
  const { rows } = await sql<StoredDelta>`
    select delta.id, delta.pack_object,
      coalesce((select bytes from object where digest = delta.index_object), 0)
        + coalesce((select bytes from object where digest = delta.pack_object), 0) as bytes
    from delta
    join build as base on base.id = delta.base_build_id
    join release as base_release on base_release.id = base.release_id
    where delta.state = 'ready'
    order by ${terminalsWith()} desc, delta.requests desc, delta.id desc`.execute(tx);
  let total = 0;
  const evicted = rows.filter(({ bytes }) => {
    total += bytes;
    return total > bytesMax;
  });
  for (const { id, pack_object } of evicted) {
    await tx
      .updateTable('delta')
      .set({ state: 'evicted', index_object: null, pack_object: null, is_refining: false, profile: null, updated_at: new Date() })
      .where('id', '=', id)
      .execute();
    await tx.deleteFrom('delta_patch').where('delta_id', '=', id).execute();
    if (pack_object !== null) await releasePack(tx, pack_object);
  }
  return evicted.map(({ id }) => id);
}
