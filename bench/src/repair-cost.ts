/**
 * What repairs cost: a release with a file of 200 MB and 2,000 small ones is installed from a real server, damaged in every
 * way in turn, and repaired. Bytes are bodies of requests and answers as the terminal sees them; seconds are those of the whole
 * command: reading the release, asking, building, verifying, the swap.
 *
 *     node bench/dist/repair-cost.js [--bytes 200000000] [--files 2000]
 *
 * Prints a table; exits with 1 when an install is not intact afterwards, when one byte costs more than three blocks and their
 * digests, or when the terminal takes more than 96 MiB above the same program that has done nothing yet.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createUpdater, nodeHost, type RepairReport, type Updater } from '@remendo/core';
import { runRemendo, startServer } from './demo/programs.js';
import { inChild } from './report/measured-child.js';
import { tableLines } from './report/print-report.js';

const token = 'a-token-for-measuring-0123456789';
const large = 'large.dll';
const memoryAboveIdleBytesMax = 96 * 1024 * 1024;

interface Damage {
  readonly name: string;
  /** @param bytes of the large file. */
  readonly make: (root: string, bytes: number) => Promise<void>;
}

const at = (root: string, ...names: readonly string[]): string => join(root, ...names);

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

/** Every so many bytes one is another, so that this share of the blocks differs. */
async function sprinkle(path: string, bytes: number, places: number): Promise<void> {
  for (let place = 0; place < places; place++)
    await overwrite(path, Math.floor(((place + 0.5) * bytes) / places), Buffer.from('\n?'));
}

const damages: readonly Damage[] = [
  { name: 'nothing', make: async () => {} },
  { name: 'one byte', make: (root, bytes) => overwrite(at(root, large), Math.floor(bytes * 0.7), Buffer.from('\n')) },
  { name: '1 % in one place', make: (root, bytes) => overwrite(at(root, large), bytes / 2, randomBytes(bytes / 100)) },
  { name: '60 single bytes, spread', make: (root, bytes) => sprinkle(at(root, large), bytes, 60) },
  { name: 'truncated by 1 %', make: (root, bytes) => truncate(at(root, large), Math.floor(bytes * 0.99)) },
  { name: 'truncated to 10 %', make: (root, bytes) => truncate(at(root, large), Math.floor(bytes / 10)) },
  { name: 'zero length', make: (root) => truncate(at(root, large), 0) },
  { name: 'all other bytes', make: (root, bytes) => scramble(at(root, large), bytes) },
  { name: 'missing', make: (root) => rm(at(root, large)) },
  { name: 'extra bytes at the end', make: (root) => writeFile(at(root, large), randomBytes(100_000), { flag: 'a' }) },
  { name: 'wrong mode', make: (root) => chmod(at(root, large), 0o755) },
  { name: 'a folder of 200 files deleted', make: (root) => rm(at(root, 'lib', '0'), { recursive: true }) },
  {
    name: 'file became a folder',
    make: async (root) => {
      await rm(at(root, 'lib', '1', '11.dll'));
      await mkdir(at(root, 'lib', '1', '11.dll'));
    },
  },
  {
    name: 'large file became a link',
    make: async (root) => {
      await rename(at(root, large), at(root, '..', 'elsewhere'));
      await symlink(at(root, '..', 'elsewhere'), at(root, large));
    },
  },
  {
    name: 'a copy lies beside it',
    make: async (root) => rename(at(root, large), at(root, 'large.bak')),
  },
  {
    name: 'state, manifest, version.txt, a byte',
    make: async (root, bytes) => {
      for (const own of ['.remendo/state.json', '.remendo/manifest.json', 'version.txt']) await rm(at(root, own));
      await overwrite(at(root, large), bytes / 3, Buffer.from('\n'));
    },
  },
];

/** Compresses to about half, and is nowhere the same. */
function writeLarge(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  const piece = Buffer.alloc(1 << 20);
  for (let offset = 0; offset < bytes; offset += piece.length) {
    for (let place = 0; place < piece.length; place += 64)
      createHash('sha256')
        .update(`${offset + place}`)
        .digest()
        .copy(piece, place);
    writeSync(file, piece, 0, Math.min(piece.length, bytes - offset));
  }
  closeSync(file);
}

async function scramble(path: string, bytes: number): Promise<void> {
  const file = openSync(path, 'r+');
  const piece = Buffer.alloc(1 << 20);
  for (let offset = 0; offset < bytes; offset += piece.length) {
    const count = readSync(file, piece, 0, piece.length, offset);
    for (let index = 0; index < count; index++) piece[index] = (piece[index] ?? 0) ^ 0x5a;
    writeSync(file, piece, 0, count, offset);
  }
  closeSync(file);
}

async function writeRelease(folder: string, bytes: number, files: number): Promise<void> {
  for (let number = 0; number < files; number++) {
    const parent = join(folder, 'lib', String(number % 10));
    await mkdir(parent, { recursive: true });
    await writeFile(join(parent, `${number}.dll`), createHash('sha512').update(String(number)).digest('hex').repeat(40));
  }
  writeLarge(join(folder, large), bytes);
}

/** What one repair did, as its own process saw it. */
interface Measured {
  readonly report: RepairReport;
  readonly isIntact: boolean;
  readonly seconds: number;
  /** With the start of the program. */
  readonly cpuSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly requests: number;
  readonly peakBytes: number;
}

function openUpdater(root: string, server: string) {
  const counts = { receivedBytes: 0, sentBytes: 0, requests: 0 };
  const counting: typeof fetch = async (input, init) => {
    const request = new Request(input as Request, init);
    counts.requests += 1;
    counts.sentBytes += Number(request.headers.get('content-length') ?? (await request.clone().arrayBuffer()).byteLength);
    const answer = await fetch(request);
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        counts.receivedBytes += chunk.length;
        controller.enqueue(chunk);
      },
    });
    return new Response(answer.body?.pipeThrough(counter) ?? null, answer);
  };
  const updater: Updater = createUpdater({
    root,
    server,
    application: 'erp',
    trust: { kind: 'signed', firstUse: true },
    host: { ...nodeHost(), fetch: counting },
  });
  return { updater, counts };
}

const peakOfThis = (): number => process.resourceUsage().maxRSS * 1024;

async function repairAlone(root: string, server: string): Promise<Measured> {
  const { updater, counts } = openUpdater(root, server);
  const began = performance.now();
  const report = await updater.repair();
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage();
  const peakBytes = peakOfThis();
  const { intact: isIntact } = await updater.verify();
  await updater.close();
  return { report, isIntact, seconds, cpuSeconds: (user + system) / 1e6, ...counts, peakBytes };
}

async function main(options: { readonly bytes: number; readonly files: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-repair-'));
  const server = await startServer(join(folder, 'server'), token, [
    '--new-application-access',
    'public',
    '--checks-per-minute',
    '1000',
  ]);
  try {
    await writeRelease(join(folder, 'release'), options.bytes, options.files);
    const environment = { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: token };
    const published = await runRemendo(['publish', join(folder, 'release'), '--application', 'erp', '--release', '1.0.0'], {
      env: environment,
    });
    if (published.code !== 0) throw new Error(published.stderr);
    const root = join(folder, 'root');
    const { updater } = openUpdater(root, server.url);
    await updater.update();
    await updater.close();
    const rows: Measured[] = [];
    for (const { name, make } of damages) {
      await make(root, options.bytes);
      const measured = await inChild<Measured>('repair-cost.js', 'repair', root, server.url);
      rows.push(measured);
      await rm(join(root, 'large.bak'), { force: true });
      await rm(join(root, `${large}.aside-1`), { force: true });
      process.stderr.write(`${name}: ${measured.report.kind}\n`);
    }
    report(rows, options, (await inChild<Pick<Measured, 'peakBytes'>>('repair-cost.js', 'idle')).peakBytes);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(rows: readonly Measured[], options: { readonly bytes: number; readonly files: number }, idleBytes: number): void {
  const number = new Intl.NumberFormat('en-US');
  const table = rows.map((measured, index) => [
    damages[index]?.name ?? '',
    number.format(measured.receivedBytes),
    number.format(measured.sentBytes),
    String(measured.requests),
    measured.seconds.toFixed(1),
    measured.cpuSeconds.toFixed(1),
    ((measured.peakBytes - idleBytes) / 1e6).toFixed(0),
    `${measured.report.kind}${measured.isIntact ? '' : ', NOT INTACT'}`,
  ]);
  process.stdout.write(
    `A file of ${number.format(options.bytes)} bytes and ${number.format(options.files)} small ones; MB of memory above the idle program, s of CPU beside s by the clock.\n\n`,
  );
  for (const line of tableLines([['damage', 'received', 'sent', 'requests', 's', 'CPU s', 'MB', 'outcome'], ...table]))
    process.stdout.write(`${line}\n`);
  const oneByte = rows[1];
  const isCheap = oneByte !== undefined && oneByte.receivedBytes + oneByte.sentBytes < 6 * Math.sqrt(options.bytes * 8);
  const isSmall = rows.every(({ peakBytes }) => peakBytes - idleBytes <= memoryAboveIdleBytesMax);
  if (!isCheap || !isSmall || rows.some(({ isIntact }) => !isIntact)) process.exitCode = 1;
}

const [job, root = '', serverUrl = ''] = process.argv.slice(2);
if (job === 'repair') process.stdout.write(JSON.stringify(await repairAlone(root, serverUrl)));
else if (job === 'idle') process.stdout.write(JSON.stringify({ peakBytes: peakOfThis() }));
else {
  const { values } = parseArgs({
    options: { bytes: { type: 'string', default: '200000000' }, files: { type: 'string', default: '2000' } },
  });
  await main({ bytes: Number(values.bytes), files: Number(values.files) });
}
