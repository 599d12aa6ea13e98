/** The dead man's switch: a backup that nobody reports of any more may be no backup. */
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';
import { type MonitorRow, notifyChange } from './notify-change.js';

/** Of one run; the rest is for the next one. */
const monitorsMax = 500;

/**
 * Marks the monitors whose next report is overdue and tells of each, once; the next report wakes it.
 * @returns how many fell silent.
 */
export function watchBackups({ db, notifier }: { readonly db: Db; readonly notifier: Notifier }, now: Date): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const { rows: overdue } = await sql<MonitorRow>`
      select backup_monitor.* from backup_monitor join customer on customer.id = backup_monitor.customer_id
      where not is_silent and customer.deleted_at is null
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
