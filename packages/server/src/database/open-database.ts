import { CompiledQuery, Kysely, Migrator, type Transaction } from 'kysely';
import { releasesMigration } from './migrations/0001-releases.js';
import { PgliteClient } from './pglite-client.js';
import { pgliteDialect } from './pglite-dialect.js';
import type { Tables } from './tables.js';

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

/** What the job queue asks of a database. */
export interface SqlExecutor {
  executeSql(text: string, values?: readonly unknown[]): Promise<{ rows: object[] }>;
}

export interface Database {
  readonly db: Db;
  /** For statements outside transactions; inside one use `executorOf`, or it waits for ever for the only session. */
  readonly executor: SqlExecutor;
  close(): Promise<void>;
}

const migrations = { '0001-releases': releasesMigration };

/**
 * Opens the embedded database in a folder, makes it when it is not there (about 5 s), and brings its tables up to date.
 * The caller holds the data folder's lock: the database has none of its own, and a second opening would lose writes.
 * After the death of the process everything committed is there; a power cut may take the last commits, because the
 * embedded database does not sync its files.
 * @param onLost called when the database breaks down; the process had better end and start anew.
 */
export async function openDatabase(folder: string, onLost: (error: Error) => void): Promise<Database> {
  const client = new PgliteClient(folder, onLost);
  const db = new Kysely<Tables>({ dialect: pgliteDialect(client) });
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
  } catch (error) {
    await db.destroy().catch(() => {});
    throw error;
  }
  return { db, executor: sessionExecutor(client), close: () => db.destroy() };
}

function sessionExecutor(client: PgliteClient): SqlExecutor {
  return {
    async executeSql(text, values = []) {
      // The queue reports the end of a job without waiting for it; after closing there is nobody left to tell.
      if (client.ended) return { rows: [] };
      const release = await client.acquire();
      try {
        return { rows: [...(await client.run(text, values)).rows] };
      } catch (error) {
        // The queue sends whole transactions as one text; one that fails half-way must not leave the session in it.
        await client.run('rollback', []).catch(() => {});
        throw error;
      } finally {
        release();
      }
    },
  };
}

/** Lets the queue take part in a transaction: its jobs exist exactly when the transaction commits. */
export const executorOf = (tx: Tx): SqlExecutor => ({
  async executeSql(text, values = []) {
    const { rows } = await tx.executeQuery<object>(CompiledQuery.raw(text, [...values]));
    return { rows };
  },
});
