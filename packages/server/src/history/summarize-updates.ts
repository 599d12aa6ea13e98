/**
 * The update history in numbers. An update is one attempt of a terminal: the events with one `update_id`, or, where a
 * terminal names none, those with the same versions and `started_at`. What its last event says is what became of it, and
 * when that happened decides whether it lies in the asked time, so neighbouring times share no update. Bytes of an update
 * are the largest it told; a completed one took from its beginning to its end as told, else from its first event to its last.
 */
import type { MetricsSummary } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import { allOf, equals, ofCustomer } from './conditions.js';
import type { RecordScope } from './record-scope.js';
import { conditionOf, type UpdateFilter } from './update-filter.js';

export interface SummaryFilter extends UpdateFilter {
  readonly applicationId: number;
  readonly since: Date;
  /** A terminal that did not check for longer runs nothing any more. */
  readonly activeSince: Date;
}

type Told = Omit<MetricsSummary, 'versions' | 'success_rate' | 'failure_rate'>;

/** Rows of each list; the errors are the most frequent ones, and so are the rest. */
const errorsMax = 20;
const groupsMax = 200;

export async function summarizeUpdates(db: Db, scope: RecordScope, filter: SummaryFilter): Promise<MetricsSummary> {
  const told = await countUpdates(db, scope, filter);
  const ended = told.completed + told.failed + told.rolled_back;
  return {
    ...told,
    success_rate: ended === 0 ? null : told.completed / ended,
    failure_rate: ended === 0 ? null : (told.failed + told.rolled_back) / ended,
    versions: await countVersions(db, scope, filter),
  };
}

const counts = sql`count(*)::int as updates, count(*) filter (where state = 'completed')::int as completed,
  count(*) filter (where state = 'failed')::int as failed, count(*) filter (where state = 'rolled_back')::int as rolled_back`;

/** Groups with the most updates first. */
const grouped = (name: string, column: string) => sql`(
  select coalesce(jsonb_agg(to_jsonb(counted)), '[]')
  from (select ${sql.ref(column)} as ${sql.ref(name)}, ${counts} from asked group by 1 order by 2 desc, 1 limit ${groupsMax}) as counted)`;

const secondsAt = (share: number) =>
  sql`round((percentile_cont(${share}::float8) within group (order by seconds) filter (where state = 'completed'))::numeric, 3)::float8`;

/** What people sent may add up to more than a number can tell. */
const total = (column: string) => sql`least(coalesce(sum(${sql.ref(column)}), 0), ${Number.MAX_SAFE_INTEGER}::bigint)::bigint`;

async function countUpdates(db: Db, scope: RecordScope, { until, ...filter }: SummaryFilter): Promise<Told> {
  const attempt = sql`terminal_key, platform, update_id, coalesce(update_id, concat_ws(' ', version_from, '>', version_to, started_at))`;
  const { rows } = await sql<Told>`
    with latest as (
      select distinct on (${attempt}) state, error_code, version_to, branch, at,
        extract(epoch from coalesce(finished_at, at) - min(coalesce(started_at, at)) over (partition by ${attempt})) as duration,
        max(downloaded_bytes) over (partition by ${attempt}) as downloaded_bytes,
        max(saved_bytes) over (partition by ${attempt}) as saved_bytes
      from update_log where ${conditionOf(scope, filter)}
      order by ${attempt}, at desc, id desc
    ), asked as materialized (
      select *, greatest(duration, 0)::float8 as seconds from latest where ${until === undefined ? sql`true` : sql`at < ${until}`}
    )
    select ${counts}, ${total('downloaded_bytes')} as downloaded_bytes, ${total('saved_bytes')} as saved_bytes,
      round((avg(seconds) filter (where state = 'completed'))::numeric, 3)::float8 as mean_seconds,
      ${secondsAt(0.5)} as p50_seconds, ${secondsAt(0.95)} as p95_seconds,
      (select coalesce(jsonb_agg(to_jsonb(counted)), '[]') from (
        select error_code, count(*)::int as count from asked where state in ('failed', 'rolled_back') and error_code is not null
        group by 1 order by 2 desc, 1 limit ${errorsMax}) as counted) as errors,
      ${grouped('version', 'version_to')} as by_version, ${grouped('branch', 'branch')} as by_branch
    from asked`.execute(db);
  const [told] = rows;
  if (told === undefined) throw new Error('a count without rows');
  return told;
}

/** From who checked last, whatever the history says. */
async function countVersions(db: Db, scope: RecordScope, filter: SummaryFilter): Promise<MetricsSummary['versions']> {
  const { applicationId, platform, branch, customer, activeSince } = filter;
  const condition = allOf([
    ...equals('sighting.customer_id', scope.customerId),
    ...equals('sighting.terminal_key', scope.terminalKey),
    ...equals('sighting.application_id', applicationId),
    ...equals('sighting.platform', platform),
    ...equals('terminal.branch', branch),
    ...ofCustomer('sighting.customer_id', customer),
  ]);
  return db
    .selectFrom('sighting')
    .leftJoin('terminal', 'terminal.id', 'sighting.terminal_id')
    .where(condition)
    .where('checked_at', '>=', activeSince)
    .select(({ fn }) => ['version', fn.countAll<number>().as('terminals')])
    .groupBy('version')
    .orderBy('terminals', 'desc')
    .orderBy('version')
    .limit(groupsMax)
    .execute();
}
