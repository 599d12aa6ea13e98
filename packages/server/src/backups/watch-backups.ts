/**
 * The dead man's switch: a backup that nobody reports of any more may be no backup. Where the server itself was away, or its
 * clock was set, nobody could report: terminals get the time first that they take to come again.
 */
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';
import { type MonitorRow, notifyChange } from './notify-change.js';

/** Of one run; the rest is for the next one. */
const monitorsMax = 500;

/** Looks come every minute. */
const breakMinutes = 10;
/** Terminals come again after an hour at the latest. */
const comeAgainMs = 90 * 60_000;

/**
 * Marks the monitors whose next report is overdue and tells of each, once; the next report wakes it. Nobody expects one of a
 * terminal that was revoked.
 * @returns how many fell silent.
 */
export function watchBackups({ db, notifier }: { readonly db: Db; readonly notifier: Notifier }, now: Date): Promise<number> {
  return db.transaction().execute(async (tx) => {
    if (now.getTime() - (await watchedSince(tx, now)).getTime() < comeAgainMs) return 0;
    const { rows: overdue } = await sql<MonitorRow>`
      select backup_monitor.* from backup_monitor join customer on customer.id = backup_monitor.customer_id
      where not is_silent and customer.deleted_at is null
        and not exists (select 1 from terminal where terminal.id = backup_monitor.terminal_key and not terminal.is_enabled)
        and reported_at + make_interval(secs => interval_seconds + grace_seconds) < ${now}::timestamptz
      order by backup_monitor.id limit ${monitorsMax} for update of backup_monitor skip locked`.execute(tx);
    if (overdue.length === 0) return 0;
    const ids = overdue.map(({ id }) => id);
    await sql`update backup_monitor set is_silent = true where id = any(${ids}::integer[])`.execute(tx);
    for (const monitor of overdue) {
      const after = { ...monitor, is_silent: true };
      await notifyChange(tx, notifier, { before: monitor, after, detail: '', cause: monitor.reported_at.toISOString() });
    }
    return overdue.length;
  });
}

/** Since when one server or another has looked without a break; of several, clocks may differ. A new database: since ever. */
async function watchedSince(tx: Tx, now: Date): Promise<Date> {
  const { rows } = await sql<{ readonly began_at: Date }>`
    insert into watch (name, began_at, seen_at) values ('backups', timestamptz 'epoch', ${now}::timestamptz)
    on conflict (name) do update set seen_at = excluded.seen_at, began_at =
      case when abs(extract(epoch from excluded.seen_at - watch.seen_at)) <= ${breakMinutes * 60} then watch.began_at else excluded.seen_at end
    returning began_at`.execute(tx);
  return rows[0]?.began_at ?? now;
}
