/**
 * One schema and one set of queries on two databases: PGlite, embedded, the default; and PostgreSQL, which several
 * servers share. What differs between them ends here.
 */
import { CompiledQuery, Kysely, Migrator, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { releasesMigration } from './migrations/0001-releases.js';
import { fleetMigration } from './migrations/0002-fleet.js';
import { signingMigration } from './migrations/0003-signing.js';
import { watchMigration } from './migrations/0004-watch.js';
import { PgliteClient } from './pglite-client.js';
import { pgliteDialect } from './pglite-dialect.js';
import { poolExecutor } from './pool-executor.js';
import { nothingChanged, type SqlExecutor } from './sql-executor.js';
import type { Tables } from './tables.js';

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

export interface Database {
  readonly db: Db;
  /** Whether other servers may work on it too. */
  readonly isShared: boolean;
  /** For statements outside transactions; inside one use `executorOf`, or the embedded database waits for ever for its only session. */
  readonly executor: SqlExecutor;
  /** PostgreSQL's connections, for what brings statements of its own; null: embedded. */
  readonly pool: pg.Pool | null;
  close(): Promise<void>;
}

export type DatabaseLocation =
  | { readonly kind: 'embedded'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string };

const migrations = {
  '0001-releases': releasesMigration,
  '0002-fleet': fleetMigration,
  '0003-signing': signingMigration,
  '0004-watch': watchMigration,
};

/** Connections of one server: as many as it has requests in the database at the same time, and jobs. */
const connectionsMax = 16;

/**
 * Opens the database and brings its tables up to date; servers that start at the same time wait for each other.
 *
 * The embedded one is made when it is not there (about 5 s). The caller holds the data folder's lock: the database has
 * none of its own, and a second opening would lose writes. After the death of the process everything committed is there;
 * a power cut may take the last commits, because the embedded database does not sync its files.
 * @param onLost called when the embedded database breaks down; the process had better end and start anew. Connections to
 * PostgreSQL that break are made again by themselves.
 */
export async function openDatabase(location: DatabaseLocation, onLost: (error: Error) => void): Promise<Database> {
  const database = location.kind === 'embedded' ? openEmbedded(location.folder, onLost) : openPostgres(location.url);
  try {
    const migrator = new Migrator({ db: database.db, provider: { getMigrations: async () => migrations } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
  } catch (error) {
    await database.close().catch(() => {});
    throw error;
  }
  return database;
}

function openEmbedded(folder: string, onLost: (error: Error) => void): Database {
  const client = new PgliteClient(folder, onLost);
  const db = new Kysely<Tables>({ dialect: pgliteDialect(client) });
  return { db, isShared: false, executor: sessionExecutor(client), pool: null, close: () => db.destroy() };
}

function openPostgres(url: string): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    application_name: 'remendo',
    types: { getTypeParser: (oid, format) => valueReaders[oid] ?? pg.types.getTypeParser(oid, format) },
  });
  // A connection that breaks: whoever is using it hears of it by the statement that fails, whoever asks next gets another one.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    isShared: true,
    pool,
    executor: poolExecutor(pool),
    close: () => db.destroy(),
  };
}

/** int8 counts bytes here, which a number holds exactly; days have no time zone to be moved by. The embedded one reads so too. */
const valueReaders: Readonly<Record<number, (text: string) => unknown>> = { 20: Number, 1082: String };

function sessionExecutor(client: PgliteClient): SqlExecutor {
  return {
    async executeSql(text, values = []) {
      const release = await client.acquire();
      try {
        if (client.ended) return nothingChanged;
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
