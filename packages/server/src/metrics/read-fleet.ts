/** The state of the fleet in numbers, by one statement; who asks again soon gets the same. */
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { FleetCounts } from './fleet-gauges.js';

const keptMs = 15_000;
/** Labels of a gauge: of a fleet with more versions than this, the most frequent ones. */
const versionsMax = 500;

/** @returns a function that reads the fleet, at most once in 15 s, one after the other. */
export function fleetReader(db: Db): () => Promise<FleetCounts> {
  let kept: { readonly at: number; readonly counts: Promise<FleetCounts> } | null = null;
  return () => {
    if (kept !== null && performance.now() - kept.at < keptMs) return kept.counts;
    const read = { at: performance.now(), counts: readFleet(db) };
    kept = read;
    // A failure is not kept: the next one asks again.
    read.counts.catch(() => {
      if (kept === read) kept = null;
    });
    return read.counts;
  };
}

async function readFleet(db: Db): Promise<FleetCounts> {
  const { rows } = await sql<FleetCounts>`
    select
      (${listOf(sql`select application.slug as application, coalesce(sighting.version, '') as version, count(*)::int as count
        from sighting join application on application.id = sighting.application_id
        where sighting.checked_at > now() - interval '30 days'
        group by 1, 2 order by 3 desc limit ${versionsMax}`)}) as terminals,
      (select count(*)::int from terminal where is_enabled and is_silent) as "silentTerminals",
      (${listOf(sql`select case when is_silent then 'silent' when state = 'ok' then 'ok' else 'failing' end as state, count(*)::int as count
        from backup_monitor join customer on customer.id = backup_monitor.customer_id
        where customer.deleted_at is null group by 1`)}) as backups,
      (${listOf(sql`select rollout.state, count(*)::int as count from rollout join release on release.id = rollout.release_id
        where release.state in ('testing', 'published') group by 1`)}) as rollouts,
      (${listOf(sql`select state, count(*)::int as count from delta group by 1`)}) as deltas,
      (${listOf(sql`select channel, state, count(*)::int as count from notification_delivery group by 1, 2`)}) as deliveries`.execute(
    db,
  );
  const [counts] = rows;
  if (counts === undefined) throw new Error('a count without rows');
  return counts;
}

const listOf = (query: ReturnType<typeof sql>) =>
  sql`select coalesce(jsonb_agg(to_jsonb(counted)), '[]') from (${query}) as counted`;
