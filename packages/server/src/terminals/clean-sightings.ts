/** Forgets terminals that nobody enrolled and that did not check for as long as the history is kept, in steps that hold nobody up. */
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { CleanOptions } from '../history/clean-history.js';

const dayMs = 86_400_000;
/** Rows that one statement deletes. */
const batchRows = 5_000;

/** @returns how many are gone. What is left when `signal` aborts goes the next time. */
export async function cleanSightings(db: Db, { historyDays, now, signal }: CleanOptions): Promise<number> {
  const oldest = new Date(now.getTime() - historyDays * dayMs);
  let gone = 0;
  for (let batch = batchRows; batch === batchRows && !signal?.aborted; gone += batch) {
    const { numAffectedRows } = await sql`
      delete from sighting where ctid = any(array(
        select ctid from sighting where terminal_id is null and checked_at < ${oldest} limit ${batchRows}))`.execute(db);
    batch = Number(numAffectedRows ?? 0);
  }
  return gone;
}
