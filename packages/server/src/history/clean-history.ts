/** Forgets what is older than the history is kept: update events and backup checks, in steps that hold nobody up. */
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';

const dayMs = 86_400_000;
/** Rows that one statement deletes. */
const batchRows = 5_000;

export interface CleanOptions {
  readonly historyDays: number;
  readonly now: Date;
  readonly signal?: AbortSignal;
}

/** @returns how many rows are gone. What is left when `signal` aborts goes the next time. */
export async function cleanHistory(db: Db, { historyDays, now, signal }: CleanOptions): Promise<number> {
  const oldest = new Date(now.getTime() - historyDays * dayMs);
  let gone = 0;
  for (const table of ['update_log', 'backup_check'] as const) {
    for (let batch = batchRows; batch === batchRows && !signal?.aborted; gone += batch) {
      const { numAffectedRows } = await sql`
        delete from ${sql.table(table)} where id in (
          select id from ${sql.table(table)} where received_at < ${oldest} order by received_at limit ${batchRows})`.execute(db);
      batch = Number(numAffectedRows ?? 0);
    }
  }
  return gone;
}
