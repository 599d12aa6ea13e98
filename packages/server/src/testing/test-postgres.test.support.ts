/**
 * The PostgreSQL that tests run against: `REMENDO_TEST_POSTGRES=postgres://user@127.0.0.1:5499/postgres`, which
 * `scripts/start-postgres.sh` starts and prints. Everybody gets a database of their own in it.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';

const serverUrl = process.env.REMENDO_TEST_POSTGRES;

export const hasTestPostgres = serverUrl !== undefined && serverUrl !== '';

const objectInUse = '55006';
const removeTriesMax = 10;

export interface TestPostgres {
  /** Of an empty database. */
  readonly url: string;
  /** Whoever is still connected is cut off. */
  remove(): Promise<void>;
}

export async function newTestPostgres(): Promise<TestPostgres> {
  const name = `remendo_test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(serverUrl ?? '');
  url.pathname = `/${name}`;
  await administer(`create database ${name}`);
  return { url: url.href, remove: () => remove(name) };
}

/** Those who are cut off have five seconds to be gone, which a busy machine may not give them. */
async function remove(name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await administer(`drop database ${name} with (force)`);
    } catch (error) {
      if ((error as { code?: string }).code !== objectInUse || tries === removeTriesMax) throw error;
    }
  }
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
