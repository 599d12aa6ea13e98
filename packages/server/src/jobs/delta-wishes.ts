/**
 * Which deltas the field asks for: plans count the pair they are for, and a pair that has none, or has it no more, is
 * wanted from then on. Counted in memory and written a few seconds later, so that a plan waits for no write.
 */
import { compareVersions, errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import { WriteBehind } from '../database/write-behind.js';
import type { BuildRecord } from '../releases/release-records.js';
import { buildDeltaKind, enqueueDelta } from './build-delta-kind.js';
import type { JobQueue } from './job-queue.js';

/** Different pairs between two writes; what comes beyond is asked for again. */
const pairsMax = 1_000;

interface Wish {
  readonly base: number;
  readonly target: number;
  count: number;
}

export class DeltaWishes extends WriteBehind {
  readonly #ports: { readonly db: Db; readonly changes: Changes; readonly queue: JobQueue; readonly log: FastifyBaseLogger };
  #waiting = new Map<string, Wish>();

  constructor(ports: { readonly db: Db; readonly changes: Changes; readonly queue: JobQueue; readonly log: FastifyBaseLogger }) {
    super();
    this.#ports = ports;
  }

  /** Deltas lead to newer published releases only, from what is stored. */
  wish(base: BuildRecord, target: BuildRecord): void {
    if (target.state !== 'published' || base.is_removed || compareVersions(base.version, target.version) >= 0) return;
    const key = `${base.buildId} ${target.buildId}`;
    const known = this.#waiting.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#waiting.size < pairsMax) this.#waiting.set(key, { base: base.buildId, target: target.buildId, count: 1 });
  }

  protected override async writeWaiting(): Promise<void> {
    const wishes = [...this.#waiting.values()];
    this.#waiting = new Map();
    if (wishes.length === 0) return;
    try {
      const unbuilt = await countRequests(this.#ports.db, wishes);
      if (unbuilt.length > 0) {
        await this.#ports.changes.change(['catalogue'], async (tx) => {
          for (const wish of unbuilt) await wantDelta(tx, this.#ports.queue, wish);
        });
        this.#ports.queue.wake(buildDeltaKind);
      }
    } catch (error) {
      this.#ports.log.warn({ event: 'delta_wishes_failed', errors: errorChain(error) }, 'wishes for deltas are lost');
    }
  }
}

/** @returns those that no delta was ever begun for, or whose delta went to keep the budget. */
async function countRequests(db: Db, wishes: readonly Wish[]): Promise<readonly Wish[]> {
  const { rows } = await sql<{ base: number; target: number }>`
    with wish as (
      select * from jsonb_to_recordset(${JSON.stringify(wishes)}::text::jsonb) as row (base integer, target integer, count integer)
    ), counted as (
      update delta set requests = requests + wish.count from wish
      where delta.base_build_id = wish.base and delta.target_build_id = wish.target
      returning delta.base_build_id, delta.target_build_id, delta.state
    )
    select wish.base, wish.target from wish
    left join counted on counted.base_build_id = wish.base and counted.target_build_id = wish.target
    where counted.state is null or counted.state = 'evicted'`.execute(db);
  const unbuilt = new Set(rows.map((row) => `${row.base} ${row.target}`));
  return wishes.filter((wish) => unbuilt.has(`${wish.base} ${wish.target}`));
}

async function wantDelta(tx: Tx, queue: JobQueue, { base, target, count }: Wish): Promise<void> {
  const row = await tx
    .insertInto('delta')
    .values({ base_build_id: base, target_build_id: target, requests: count })
    .onConflict((conflict) =>
      conflict
        .columns(['base_build_id', 'target_build_id'])
        .doUpdateSet({ state: 'wanted', attempts: 0, updated_at: new Date() })
        .where('delta.state', '=', 'evicted'),
    )
    .returning('id')
    .executeTakeFirst();
  if (row !== undefined) await enqueueDelta(queue, tx, row.id);
}
