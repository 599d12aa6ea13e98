/**
 * The PostgreSQL that tests run against: `REMENDO_TEST_POSTGRES=postgres://user@127.0.0.1:5499/postgres`, which
 * `scripts/start-postgres.sh` starts and prints. Everybody gets a database of their own in it.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';

const serverUrl = process.env.REMENDO_TEST_POSTGRES;

export const hasTestPostgres = serverUrl !== undefined && serverUrl !== '';

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
  return { url: url.href, remove: () => administer(`drop database ${name} with (force)`) };
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
