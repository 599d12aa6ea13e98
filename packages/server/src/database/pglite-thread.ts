/**
 * PGlite in a thread of its own: it computes where it runs, and the event loop that answers terminals must not wait for
 * it. Messages in: a statement with parameters, or a text of several statements without. Messages out: rows or the
 * database's error. Statements run one after the other, in the order they came.
 */
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import type { PgliteAnswer, PgliteRequest } from './pglite-client.js';

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread');

/** A day (type 1082) stays the text it is. */
const parsers = { 1082: (text: string) => text };
const open = openPrivately((workerData as { folder: string }).folder);

/** Nobody else looks into it, also where others can look into the data folder. */
async function openPrivately(folder: string): Promise<PGlite> {
  const database = await openDatabase(folder);
  if (process.platform !== 'win32') await chmod(folder, 0o700);
  return database;
}

/**
 * A new database begins as a copy of the one that the build made. While it is made, a file beside it says so: what a kill
 * left half-made is made anew.
 */
async function openDatabase(folder: string): Promise<PGlite> {
  const mark = `${folder}.making`;
  if (existsSync(join(folder, 'PG_VERSION')) && !existsSync(mark)) return PGlite.create({ dataDir: folder, parsers });
  await writeFile(mark, '');
  await rm(folder, { recursive: true, force: true });
  const database = await PGlite.create({ dataDir: folder, parsers, ...(await readSeed()) });
  await rm(mark);
  return database;
}

/** Nothing where the build left none: the database is then made from scratch, which takes longer. */
async function readSeed(): Promise<{ readonly loadDataDir?: Blob }> {
  const folder = new URL('.', import.meta.url);
  const name = (await readdir(folder)).find((file) => /^seed-.*\.tar\.gz$/.test(file));
  return name === undefined ? {} : { loadDataDir: new Blob([await readFile(new URL(name, folder))], { type: 'application/gzip' }) };
}

async function answer(request: PgliteRequest): Promise<PgliteAnswer> {
  try {
    const database = await open;
    if (request.kind === 'close') {
      await database.close();
      return { id: request.id, rows: [], affectedRows: 0 };
    }
    if (request.kind === 'query') {
      const { rows, affectedRows } = await database.query<Record<string, unknown>>(request.sql, [...request.parameters]);
      return { id: request.id, rows, affectedRows: affectedRows ?? rows.length };
    }
    const last = (await database.exec(request.sql)).at(-1);
    return { id: request.id, rows: last?.rows ?? [], affectedRows: last?.affectedRows ?? 0 };
  } catch (error) {
    const { message, code, detail, constraint } = error as { message: string; code?: string; detail?: string; constraint?: string };
    return { id: request.id, error: { message, code, detail, constraint } };
  }
}

let tail: Promise<void> = Promise.resolve();
port.on('message', (request: PgliteRequest) => {
  tail = tail.then(async () => {
    port.postMessage(await answer(request));
    if (request.kind === 'close') port.close();
  });
});
