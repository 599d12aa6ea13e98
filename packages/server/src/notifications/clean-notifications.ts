/** Forgets notifications, and what was delivered of them, in steps that hold nobody up. */
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { CleanOptions } from '../history/clean-history.js';

const dayMs = 86_400_000;
/** Rows that one statement deletes. */
const batchRows = 5_000;

/**
 * Those that were read are kept as long as the history, those that nobody reads twice as long.
 * @returns how many are gone.
 */
export async function cleanNotifications(db: Db, { historyDays, now, signal }: CleanOptions): Promise<number> {
  const before = (days: number): Date => new Date(now.getTime() - days * dayMs);
  let gone = 0;
  for (let batch = batchRows; batch === batchRows && !signal?.aborted; gone += batch) {
    const { numAffectedRows } = await sql`
      delete from notification where id in (
        select id from notification
        where created_at < ${before(historyDays)} and (read_at is not null or created_at < ${before(2 * historyDays)})
        order by id limit ${batchRows})`.execute(db);
    batch = Number(numAffectedRows ?? 0);
  }
  return gone;
}
