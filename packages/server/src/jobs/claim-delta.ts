/**
 * Which delta is built next, and by whom. A worker takes the one that most terminals in the field would use, and holds it
 * by a lease that it renews while it lives: when a server is killed, its delta is free again half a minute later, and
 * whoever comes first gets it.
 */
import { hostname } from 'node:os';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import { type BuildRecord, findBuildById } from '../releases/release-records.js';
import { attemptsMax, enqueueDelta } from './build-delta-kind.js';
import type { JobQueue } from './job-queue.js';

export interface ClaimedDelta {
  readonly id: number;
  readonly base: BuildRecord;
  readonly target: BuildRecord;
  /** It is served already, and is built again to become smaller. */
  readonly isRefining: boolean;
}

const leaseSeconds = 30;
export const leaseRenewMs = 10_000;

/** Like that of no other process, also not of one that had the same number before. */
export const workerName = (): string => `${hostname()}/${process.pid}/${Date.now().toString(36)}`;

interface ClaimedRow {
  readonly id: number;
  readonly base_build_id: number;
  readonly target_build_id: number;
  readonly is_refining: boolean;
}

/**
 * Takes the wanted delta from the base version that most terminals have; where nothing is wanted, one to be made smaller.
 * @returns null when there is nothing to build.
 */
export async function claimDelta(db: Db, worker: string): Promise<ClaimedDelta | null> {
  const { rows } = await sql<ClaimedRow>`
    with next as (
      select delta.id from delta
      join build as base on base.id = delta.base_build_id
      join release as base_release on base_release.id = base.release_id
      where (delta.state = 'wanted' or (delta.state = 'ready' and delta.is_refining))
        and (delta.lease_until is null or delta.lease_until < now())
      order by delta.state = 'wanted' desc, ${terminalsWith()} desc, delta.requests desc, delta.id
      limit 1
      for update of delta skip locked
    )
    update delta set state = case when delta.state = 'ready' then 'ready' else 'building' end,
      worker = ${worker}, lease_until = now() + make_interval(secs => ${leaseSeconds}), updated_at = now()
    from next where delta.id = next.id
    returning delta.id, delta.base_build_id, delta.target_build_id, delta.is_refining`.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  const base = await findBuildById(db, row.base_build_id);
  const target = await findBuildById(db, row.target_build_id);
  if (base === null || target === null) throw new Error(`a build of delta ${row.id} is gone`);
  return { id: row.id, base, target, isRefining: row.is_refining };
}

/** How many terminals were seen with the base's version, in a statement with `base` and `base_release`. */
export const terminalsWith = () => sql<number>`(select count(*) from sighting
  where sighting.application_id = base_release.application_id and sighting.platform = base.platform
    and sighting.version = base_release.version)`;

/** @returns false when it is somebody else's by now: the build is to be given up. */
export async function renewLease(db: Db, deltaId: number, worker: string): Promise<boolean> {
  const { rows } = await sql`
    update delta set lease_until = now() + make_interval(secs => ${leaseSeconds})
    where id = ${deltaId} and worker = ${worker} returning id`.execute(db);
  return rows.length > 0;
}

/**
 * Deltas whose builders died are free again, unless building them keeps ending so; and every delta that is to be built has
 * a job.
 * @param all whatever the leases say: nobody else can be building.
 */
export async function sweepDeltas(tx: Tx, queue: JobQueue, { all }: { readonly all: boolean }): Promise<void> {
  const isOver = all ? sql<boolean>`true` : sql<boolean>`lease_until < now()`;
  await sql`
    update delta set attempts = attempts + 1, worker = null, lease_until = null, updated_at = now(),
      state = case when state = 'ready' then 'ready' when attempts >= ${attemptsMax - 1} then 'rejected' else 'wanted' end,
      is_refining = is_refining and attempts < ${attemptsMax - 1},
      detail = case when state = 'ready' then detail else 'the server ended while this delta was built' end
    where (state = 'building' or (state = 'ready' and is_refining)) and worker is not null and ${isOver}`.execute(tx);
  const { rows } = await sql<{ id: number }>`
    select id from delta where (state = 'wanted' or (state = 'ready' and is_refining))
      and (lease_until is null or lease_until < now()) order by id`.execute(tx);
  for (const { id } of rows) await enqueueDelta(queue, tx, id);
}
