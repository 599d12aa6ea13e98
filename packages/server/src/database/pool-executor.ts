/**
 * PostgreSQL as the job queue asks it. The queue reports how jobs ended without waiting for the answer, and a refusal that
 * nobody hears would end the process: so what the queue asks while the database is away waits until it is back. Asking
 * twice does no harm, because a job may run twice.
 */
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { nothingChanged, type SqlExecutor } from './sql-executor.js';

const retryMs = 1_000;

export const poolExecutor = (pool: pg.Pool): SqlExecutor => ({
  async executeSql(text, values = []) {
    for (;;) {
      if (pool.ending) return nothingChanged;
      try {
        return await execute(pool, text, values);
      } catch (error) {
        if (!isAway(error) && !pool.ending) throw error;
        await wait(retryMs, undefined, { ref: false });
      }
    }
  },
});

async function execute(pool: pg.Pool, text: string, values: readonly unknown[]): Promise<{ rows: object[] }> {
  const client = await pool.connect();
  try {
    const result = await client.query(text, [...values]);
    client.release();
    // Several statements in one text give several results.
    return { rows: (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [] };
  } catch (error) {
    // The queue sends whole transactions as one text: one that failed half-way is left open, and the connection ends with it.
    client.release(true);
    throw error;
  }
}

/** No connection, one that broke, a server that is starting or stopping (class 57), or a deadlock, which passes too. */
const isAway = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) || /^(?:08|57P0|53300|40P01)/.test(error.code ?? '');
