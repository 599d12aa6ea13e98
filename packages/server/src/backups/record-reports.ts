/**
 * What branches report of their backups. A monitor is in the state of its newest check, or silent; whoever watches is told
 * when that changes and never while it stays: at once when something is wrong, and when all is well again. A report that
 * is known already changes nothing, one that was overtaken by a newer one goes into the history only. One that is hours older
 * was not overtaken, for terminals tell in order: their clock was set back, and what they say now counts.
 */
import type { BackupReport, BackupReportsAnswer } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import { parseMoment, parseMomentOrNull } from '../history/moments.js';
import type { Notifier } from '../notifications/notifier.js';
import { type MonitorRow, notifyChange } from './notify-change.js';

export interface ReportPorts {
  readonly db: Db;
  readonly notifier: Notifier;
}

export interface ReportSource {
  readonly customerId: number;
  readonly terminalKey: string;
  /** Of an enrolled terminal; null: what the report says. */
  readonly branch: string | null;
}

/** When this returns, every report is stored and has had its effects, once. @throws UpdaterError REQUEST_INVALID. */
export async function recordReports(
  { db, notifier }: ReportPorts,
  source: ReportSource,
  { reports, now }: { readonly reports: readonly BackupReport[]; readonly now: Date },
): Promise<BackupReportsAnswer> {
  const rows = reports.map((report) => rowOf(source, report));
  return db.transaction().execute(async (tx) => {
    const monitors = await lockMonitors(tx, source, rows);
    const stored = await storeChecks(tx, source, rows);
    for (const monitor of monitors) {
      const isNew = new Set(stored.filter(({ monitor_id }) => monitor_id === monitor.id).map(({ report_id }) => report_id));
      const newest = newestOf(rows.filter(({ job, report_id }) => job === monitor.job && isNew.has(report_id)));
      if (newest !== null) await advance(tx, notifier, { monitor, newest, now });
    }
    return { accepted: stored.length, duplicates: reports.length - stored.length };
  });
}

function rowOf(source: ReportSource, report: BackupReport) {
  return {
    ...report,
    branch: source.branch ?? report.branch ?? '',
    files: report.files ?? null,
    total_bytes: report.total_bytes ?? null,
    newest_at: parseMomentOrNull('newest_at', report.newest_at),
    detail: report.detail ?? '',
    at: parseMoment('at', report.at),
  };
}

type Row = ReturnType<typeof rowOf>;

const overtakenMsMax = 3_600_000;

const isNewer = (at: Date, than: Date): boolean => at >= than || than.getTime() - at.getTime() > overtakenMsMax;

/** Of those of one moment the last one told. */
const newestOf = (rows: readonly Row[]): Row | null =>
  rows.reduce<Row | null>((newest, row) => (newest === null || isNewer(row.at, newest.at) ? row : newest), null);

/** Of the jobs that report, in one order. A job that reports for the first time was well before. */
async function lockMonitors(tx: Tx, { customerId, terminalKey }: ReportSource, rows: readonly Row[]) {
  const jobs = [...new Map(rows.map((row) => [row.job, row])).values()];
  await sql`
    insert into backup_monitor
      (customer_id, terminal_key, branch, job, interval_seconds, grace_seconds, state, checked_at, reported_at)
    select ${customerId}::integer, ${terminalKey}::text, given.branch, given.job, given.interval_seconds, given.grace_seconds,
      'ok', timestamptz 'epoch', timestamptz 'epoch'
    from jsonb_to_recordset(${JSON.stringify(jobs)}::text::jsonb)
      as given (branch text, job text, interval_seconds integer, grace_seconds integer)
    order by given.job
    on conflict (customer_id, terminal_key, job) do nothing`.execute(tx);
  return tx
    .selectFrom('backup_monitor')
    .where('customer_id', '=', customerId)
    .where('terminal_key', '=', terminalKey)
    .where('job', '=', sql<string>`any(${jobs.map(({ job }) => job)}::text[])`)
    .selectAll()
    .orderBy('job')
    .forUpdate()
    .execute();
}

/** @returns those that were not known. */
async function storeChecks(tx: Tx, { customerId, terminalKey }: ReportSource, rows: readonly Row[]) {
  const { rows: stored } = await sql<{ readonly monitor_id: number; readonly report_id: string }>`
    insert into backup_check (monitor_id, report_id, state, files, total_bytes, newest_at, detail, at)
    select backup_monitor.id, given.report_id, given.state, given.files, given.total_bytes, given.newest_at, given.detail, given.at
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as given (job text, report_id text, state text, files integer,
      total_bytes bigint, newest_at timestamptz, detail text, at timestamptz)
    join backup_monitor on backup_monitor.job = given.job
      and backup_monitor.customer_id = ${customerId} and backup_monitor.terminal_key = ${terminalKey}
    order by given.at, given.report_id
    on conflict (monitor_id, report_id) do nothing
    returning monitor_id, report_id`.execute(tx);
  return stored;
}

interface Advance {
  readonly monitor: MonitorRow;
  readonly newest: Row;
  readonly now: Date;
}

/** The job was heard of, whatever the age of what it said; only a newer check says how it is. */
async function advance(tx: Tx, notifier: Notifier, { monitor, newest, now }: Advance): Promise<void> {
  const { state, branch, interval_seconds, grace_seconds, at } = newest;
  // A clock that is ahead must not make later checks look old.
  const checked_at = at < now ? at : now;
  const isNews = isNewer(checked_at, monitor.checked_at);
  const told = isNews ? { state, branch, interval_seconds, grace_seconds, checked_at } : {};
  const after = { ...monitor, ...told, is_silent: false, reported_at: now };
  await tx
    .updateTable('backup_monitor')
    .set({ ...told, is_silent: false, reported_at: now })
    .where('id', '=', monitor.id)
    .execute();
  await notifyChange(tx, notifier, { before: monitor, after, detail: isNews ? newest.detail : '', cause: newest.report_id });
}
