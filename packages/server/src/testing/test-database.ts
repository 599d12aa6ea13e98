/** Databases of their own for tests: the embedded one, and PostgreSQL where REMENDO_TEST_POSTGRES says where one is. */
import { join } from 'node:path';
import { type Database, openDatabase } from '../database/open-database.js';
import { hasTestPostgres, newTestPostgres } from './test-postgres.test.support.js';
import { newDataFolder, removeFolder } from './test-server.js';

export type TestDatabaseKind = 'embedded' | 'postgres';
export const testDatabases: readonly TestDatabaseKind[] = hasTestPostgres ? ['embedded', 'postgres'] : ['embedded'];

export interface TestDatabase {
  readonly database: Database;
  /** Of the same tables, as another server has it; the embedded one has one session only. */
  another(): Promise<Database>;
  remove(): Promise<void>;
}

const onLost = (error: Error): never => {
  throw error;
};

export const openTestDatabase = (kind: TestDatabaseKind): Promise<TestDatabase> =>
  kind === 'embedded' ? openEmbedded() : openPostgres();

async function openEmbedded(): Promise<TestDatabase> {
  const folder = await newDataFolder();
  const database = await openDatabase({ kind: 'embedded', folder: join(folder, 'database') }, onLost);
  return {
    database,
    another: async () => database,
    async remove() {
      await database.close();
      await removeFolder(folder);
    },
  };
}

async function openPostgres(): Promise<TestDatabase> {
  const { url, remove } = await newTestPostgres();
  const open = (): Promise<Database> => openDatabase({ kind: 'postgres', url }, onLost);
  const database = await open();
  const others: Database[] = [];
  return {
    database,
    async another() {
      const other = await open();
      others.push(other);
      return other;
    },
    async remove() {
      for (const each of [database, ...others]) await each.close();
      await remove();
    },
  };
}
