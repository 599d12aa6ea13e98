/** The contract on both databases, how they are opened, and what becomes of them when a process or a connection ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@remendo/core/testing';
import type { FastifyBaseLogger } from 'fastify';
import { Kysely, Migrator, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildDeltaKind } from '../jobs/build-delta-kind.js';
import { jobKinds } from '../jobs/job-kinds.js';
import { JobQueue } from '../jobs/job-queue.js';
import { openTestDatabase, testDatabases } from '../testing/test-database.js';
import { hasTestPostgres, newTestPostgres } from '../testing/test-postgres.test.support.js';
import { newDataFolder, removeFolder } from '../testing/test-server.js';
import { databaseContract } from './database.contract.js';
import { releasesMigration } from './migrations/0001-releases.js';
import { type DatabaseLocation, type Db, openDatabase } from './open-database.js';
import { PgliteClient } from './pglite-client.js';
import { pgliteDialect } from './pglite-dialect.js';
import type { Tables } from './tables.js';

const log = { warn() {}, error() {} } as unknown as FastifyBaseLogger;
const onLost = (error: Error): never => {
  throw error;
};

/** A place without tables. */
async function emptyPlace(kind: DatabaseLocation['kind']): Promise<DatabaseLocation> {
  if (kind === 'embedded') {
    const folder = await newDataFolder();
    onTestFinished(() => removeFolder(folder));
    return { kind, folder: join(folder, 'database') };
  }
  const { url, remove } = await newTestPostgres();
  onTestFinished(remove);
  return { kind, url };
}

/** Runs statements on the place with the tables of the first migration, as an older server left it. */
async function withFirstTables(location: DatabaseLocation, work: (db: Db) => Promise<void>): Promise<void> {
  const dialect =
    location.kind === 'embedded'
      ? pgliteDialect(new PgliteClient(location.folder, onLost))
      : new PostgresDialect({ pool: new pg.Pool({ connectionString: location.url }) });
  const db = new Kysely<Tables>({ dialect });
  const provider = { getMigrations: async () => ({ '0001-releases': releasesMigration }) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw error;
  await work(db);
  await db.destroy();
}

describe.each(testDatabases)('the %s database', (kind) => {
  databaseContract(() => openTestDatabase(kind));

  it('is there again when it is opened again', async () => {
    const place = await emptyPlace(kind);
    const first = await openDatabase(place, onLost);
    await first.db.insertInto('setting').values({ name: 'kept', value: 'yes' }).execute();
    await first.close();
    const second = await openDatabase(place, onLost);
    onTestFinished(() => second.close());
    expect(await second.db.selectFrom('setting').selectAll().execute()).toEqual([{ name: 'kept', value: 'yes' }]);
  });

  it('keeps what a server of before had: releases with their deltas, and the token that was made', async () => {
    const place = await emptyPlace(kind);
    const digest = (character: string): string => character.repeat(64);
    await withFirstTables(place, async (db) => {
      const object = (character: string, what: string) =>
        sql`insert into object (digest, bytes, kind) values (${digest(character)}, 1, ${what})`.execute(db);
      for (const [character, what] of Object.entries({ a: 'zip', b: 'manifest', c: 'index', d: 'pack' }))
        await object(character, what);
      await sql`insert into application (slug, name) values ('erp', 'ERP')`.execute(db);
      for (const version of ['1.0.0', '1.0.1']) {
        await sql`insert into release (application_id, version, type, state, title, description, changelog, breaking_changes,
            requires_backup, requires_downtime, rollback_compatible, mandatory)
          values (1, ${version}, 'stable', 'published', '', '', '', '', false, false, true, false)`.execute(db);
      }
      await sql`insert into build (release_id, platform, manifest_digest, manifest_object, zip_object, files, installed_bytes)
        select id, 'any', ${digest('b')}, ${digest('b')}, ${digest('a')}, 1, 1 from release`.execute(db);
      await sql`insert into delta (base_build_id, target_build_id, state, index_object, pack_object)
        values (1, 2, 'ready', ${digest('c')}, ${digest('d')})`.execute(db);
      await sql`insert into operator_token (name, token_sha256) values ('publisher', 'hash')`.execute(db);
    });
    const { db, close } = await openDatabase(place, onLost);
    onTestFinished(close);
    expect(await db.selectFrom('rollout').select(['share', 'state']).execute()).toEqual(
      Array(2).fill({ share: 10_000, state: 'running' }),
    );
    const uses = await db.selectFrom('object_use').select(['object', 'build_id']).orderBy('object').orderBy('build_id').execute();
    expect(uses.map(({ object, build_id }) => `${object[0]}${build_id}`)).toEqual(['a1', 'a2', 'b1', 'b2', 'c2', 'd2']);
    const tokens = await db.selectFrom('operator_token').innerJoin('operator', 'operator.id', 'operator_id').selectAll().execute();
    expect(tokens).toMatchObject([{ role: 'admin', token_sha256: 'hash' }]);
    expect(await db.selectFrom('delta').select(['state', 'is_refining', 'requests']).execute()).toEqual([
      { state: 'ready', is_refining: false, requests: 0 },
    ]);
  });
});

describe.skipIf(!hasTestPostgres)('PostgreSQL', () => {
  it('is made ready by several servers that start at the same time', async () => {
    const place = await emptyPlace('postgres');
    const opened = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const database = await openDatabase(place, onLost);
        return { database, queue: await JobQueue.open(database, log, jobKinds) };
      }),
    );
    const [first] = opened;
    const { rows } = await sql`select name from jobs.queue where name not like '\\_\\_%'`.execute(
      (first as (typeof opened)[0]).database.db,
    );
    expect(rows).toHaveLength(jobKinds.length);
    for (const { database, queue } of opened) {
      await queue.close();
      await database.close();
    }
  });

  it('may be away when a job ends: its end is told when it is back, and nobody needs to start anew', async () => {
    const place = await emptyPlace('postgres');
    const link = await openLink(place.kind === 'postgres' ? place.url : '');
    onTestFinished(() => link.close());
    const database = await openDatabase({ kind: 'postgres', url: link.url }, onLost);
    const queue = await JobQueue.open(database, log, [buildDeltaKind]);
    await queue.work(buildDeltaKind, 1, async ({ deltaId }) => {
      if (deltaId !== 2) return;
      link.cut();
      setTimeout(() => link.mend(), 2_500);
    });
    for (const deltaId of [1, 2, 3]) {
      await database.db.transaction().execute((tx) => queue.enqueue(tx, buildDeltaKind, { deltaId }, { key: String(deltaId) }));
    }
    await vi.waitFor(
      async () => {
        const { rows } = await sql`select 1 from jobs.job where name = 'build-delta' and state = 'completed'`.execute(database.db);
        expect(rows).toHaveLength(3);
      },
      { timeout: 120_000, interval: 200 },
    );
    await queue.close();
    await database.close();
  });
});

/** A way to PostgreSQL that can be cut and mended. */
async function openLink(target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  // It goes on to listen: others would be given its port.
  const server = createServer((socket) => {
    if (isCut) return void socket.destroy();
    const through = connect(Number(port), hostname);
    for (const one of [socket, through]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => sockets.delete(one));
    }
    socket.pipe(through).pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    mend() {
      isCut = false;
    },
    close() {
      cut();
      server.close();
    },
  };
}

const writerFile = fileURLToPath(new URL('../../dist/testing/write-until-killed.test.support.js', import.meta.url));
const kills = Number(process.env.REMENDO_TEST_KILLS ?? 2);
const runSeed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 1_000_000);

describe('the embedded database', () => {
  const writers: ChildProcess[] = [];
  afterAll(() => {
    for (const writer of writers) writer.kill('SIGKILL');
  });

  /** @returns the last number that the writer was told is written. */
  async function writeAndKill(folder: string, ms: number): Promise<number> {
    const writer = spawn(process.execPath, [writerFile, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    writers.push(writer);
    const closed = once(writer, 'close');
    let last = -1;
    const writing = new Promise<void>((resolve, reject) => {
      createInterface({ input: writer.stdout }).on('line', (line) => {
        last = Number(line);
        resolve();
      });
      closed.then(() => reject(new Error('the writer wrote nothing')));
    });
    await writing;
    await new Promise((resolve) => setTimeout(resolve, ms));
    writer.kill('SIGKILL');
    await closed;
    return last;
  }

  it(
    `has everything that was written when its process is killed (${kills} times)`,
    async () => {
      const folder = await newDataFolder();
      onTestFinished(() => removeFolder(folder));
      const random = seededRandom(runSeed);
      for (let kill = 0; kill < kills; kill++) {
        const ms = Math.floor(random() * 500);
        const acknowledged = await writeAndKill(folder, ms);
        const { db, close } = await openDatabase({ kind: 'embedded', folder: join(folder, 'database') }, onLost);
        const rows = await db.selectFrom('setting').select(['name', 'value']).execute();
        await close();
        const told = `REMENDO_TEST_SEED=${runSeed}, kill ${kill + 1}, ${acknowledged} acknowledged`;
        const numbers = rows.map(({ name }) => Number(name)).sort((a, b) => a - b);
        // Without a gap, at most one more than was told, and each row with the other of its transaction.
        expect(numbers, told).toEqual(Array.from({ length: numbers.length }, (_, index) => index));
        expect([acknowledged + 1, acknowledged + 2], told).toContain(numbers.length / 2);
        for (const { name, value } of rows) expect(value).toBe(`of ${Math.floor(Number(name) / 2)}`);
      }
    },
    60_000 + kills * 20_000,
  );
});
