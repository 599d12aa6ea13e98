import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../database/open-database.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { RequestCounter } from './request-counter.js';

const { log } = fastify({ logger: { level: 'silent' } });
const outcome = (counter: RequestCounter, key: string) =>
  counter.take(key).then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );

async function outcomes(counter: RequestCounter, key: string, count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let n = 0; n < count; n++) found.push(await outcome(counter, key));
  return found;
}

/** Of a window that does not end while it is filled. */
const windowSeconds = 3_600;

describe('a counter in memory', () => {
  const counter = new RequestCounter({ database: { pool: null }, log, name: 'test', perMinute: 2 });

  it('refuses a key that has had its minute, and no other', async () => {
    expect(await outcomes(counter, 'a', 4)).toEqual(['taken', 'taken', 'LIMIT_RATE', 'LIMIT_RATE']);
    expect(await outcome(counter, 'b')).toBe('taken');
    expect(() => counter.refuseIfOver('a')).toThrow('try again in');
    counter.refuseIfOver('b');
  });

  it('lets everything through rather than take ever more memory', async () => {
    const flooded = new RequestCounter({ database: { pool: null }, log, name: 'test', perMinute: 1, windowSeconds });
    for (let n = 0; n < 200_000; n++) await flooded.take(`key ${n}`);
    expect(await outcomes(flooded, 'one more', 3)).toEqual(['taken', 'taken', 'taken']);
  });
});

describe('a strict counter in memory', () => {
  it('refuses everything for the rest of the minute rather than count nothing', async () => {
    const flooded = new RequestCounter({
      database: { pool: null },
      log,
      name: 'test',
      perMinute: 5,
      windowSeconds,
      isStrict: true,
    });
    for (let n = 0; n < 200_000; n++) await flooded.take(`key ${n}`);
    expect(await outcomes(flooded, 'one more', 2)).toEqual(['LIMIT_RATE', 'LIMIT_RATE']);
    expect(() => flooded.refuseIfOver('one more')).toThrow('try again in');
  });
});

describe.skipIf(!testDatabases.includes('postgres'))('counters on PostgreSQL', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openTestDatabase('postgres');
  });

  afterAll(() => database?.remove());

  const onDatabase = (of: Database) => new RequestCounter({ database: of, log, name: 'test', perMinute: 3 });

  it('count what several servers see, together', async () => {
    const counters = [onDatabase(database.database), onDatabase(await database.another())];
    const found = await Promise.all([...Array(6).keys()].map((n) => outcome(counters[n % 2] as RequestCounter, 'a')));
    expect(found.filter((each) => each === 'taken')).toHaveLength(3);
  });

  it('let everything through when the database does not answer', async () => {
    const lost = await database.another();
    await lost.close();
    expect(await outcomes(onDatabase(lost), 'b', 5)).toEqual(Array(5).fill('taken'));
  });
});
