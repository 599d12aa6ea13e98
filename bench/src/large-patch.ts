/**
 * How much time and memory a large patch takes: a BSDIFF40 patch for a file of 300 MB is applied from file to file in a
 * process of its own, whose peak memory is held against that of a process that does nothing.
 *
 *     node bench/dist/large-patch.js        prints one JSON object; exits with 1 above 64 MiB, or when the target is wrong
 *
 * The patch is written by the tests' encoder: most of the target is the base, with a byte changed here and there, some of
 * it moved, and three per cent of it new. The work is in three child processes, because on Linux a process starts with
 * the peak memory of the one that started it: the one that starts them stays small.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyPatch, type Digest, nodeFileSystem } from '@remendo/core';
import { Bsdiff40Encoder } from '@remendo/core/testing';

const pieceBytes = 1_000_000;
const pieces = 300;
const newBytesPerPiece = 30_000;
const memoryAboveNodeBytesMax = 64 * 1024 * 1024;

interface Recipe {
  readonly base: { readonly sha256: Digest; readonly bytes: number };
  readonly target: { readonly sha256: Digest; readonly bytes: number };
}

interface Measured {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Fills with bytes that depend on the seed only (xorshift32). */
function fillRandom(into: Uint8Array, seed: number): Uint8Array {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length >> 2);
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return into;
}

/** Every seventh piece of the target is another piece of the base. */
const basePieceOf = (piece: number): number => (piece % 7 === 3 ? (piece * 113) % pieces : piece);

/** Writes base and patch, piece by piece. */
function prepare(folder: string): void {
  const base = openSync(join(folder, 'base'), 'w');
  const [baseHash, targetHash] = [createHash('sha256'), createHash('sha256')];
  const encoder = new Bsdiff40Encoder();
  const piece = new Uint8Array(pieceBytes);
  const diff = new Uint8Array(pieceBytes - newBytesPerPiece);
  const added = new Uint8Array(newBytesPerPiece);
  for (let index = 0; index < pieces; index++) {
    fillRandom(piece, index);
    writeSync(base, piece);
    baseHash.update(piece);
    fillRandom(piece, basePieceOf(index));
    diff.fill(0);
    for (let at = index % 1_000; at < diff.length; at += 1_000) diff[at] = 1 + (at % 255);
    fillRandom(added, 1_000_000 + index);
    encoder.triple(diff.length, added.length, (basePieceOf(index + 1) - basePieceOf(index)) * pieceBytes - diff.length);
    encoder.diff(diff).extra(added);
    targetHash.update(piece.subarray(0, diff.length).map((byte, at) => byte + (diff[at] ?? 0))).update(added);
  }
  closeSync(base);
  writeFileSync(join(folder, 'patch'), encoder.finish());
  const contentOf = (hash: ReturnType<typeof createHash>) => ({ sha256: hash.digest('hex') as Digest, bytes: pieces * pieceBytes });
  const recipe: Recipe = { base: contentOf(baseHash), target: contentOf(targetHash) };
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
}

/** `applyPatch` throws unless the target's SHA-256 is right. */
async function apply(folder: string): Promise<Measured> {
  const { base, target } = JSON.parse(readFileSync(join(folder, 'recipe.json'), 'utf8')) as Recipe;
  const fileSystem = nodeFileSystem();
  const start = performance.now();
  const handles = {
    base: await fileSystem.open(join(folder, 'base'), 'read'),
    patch: await fileSystem.open(join(folder, 'patch'), 'read'),
    target: await fileSystem.open(join(folder, 'target'), 'create'),
  };
  let offset = 0;
  const sink = {
    async write(chunk: Uint8Array): Promise<void> {
      await handles.target.write(offset, chunk);
      offset += chunk.length;
    },
  };
  await applyPatch({
    codec: 'bsdiff40',
    bases: [{ source: handles.base, content: base }],
    patch: handles.patch,
    targets: [{ sink, content: target }],
  });
  for (const handle of Object.values(handles)) await handle.close();
  return { seconds: (performance.now() - start) / 1_000, peakBytes: peakBytes() };
}

/** Of this process; `maxRSS` is in KiB. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

function inChild(job: string, folder: string): string {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), job, folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`the ${job} process ended with ${child.status ?? child.signal}`);
  return child.stdout;
}

/** A process that runs nothing of ours. */
function bareNodeBytes(): number {
  const code = 'console.log(process.resourceUsage().maxRSS * 1024)';
  return Number(spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).stdout);
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-large-patch-'));
  try {
    inChild('prepare', folder);
    const { seconds, peakBytes } = JSON.parse(inChild('apply', folder)) as Measured;
    const { target } = JSON.parse(readFileSync(join(folder, 'recipe.json'), 'utf8')) as Recipe;
    const memoryAboveNodeBytes = peakBytes - bareNodeBytes();
    const report = {
      event: 'large-patch',
      base_bytes: statSync(join(folder, 'base')).size,
      patch_bytes: statSync(join(folder, 'patch')).size,
      target_bytes: target.bytes,
      exact: await isOnDisk(join(folder, 'target'), target.sha256),
      seconds: Math.round(seconds * 100) / 100,
      megabytes_per_second: Math.round(target.bytes / 1e5 / seconds) / 10,
      peak_bytes: peakBytes,
      above_bare_node_bytes: memoryAboveNodeBytes,
      above_bare_node_bytes_max: memoryAboveNodeBytesMax,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    if (!report.exact || memoryAboveNodeBytes > memoryAboveNodeBytesMax) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Hashes the target's file as it lies there. */
async function isOnDisk(path: string, sha256: Digest): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex') === sha256;
}

const [job, folder = ''] = process.argv.slice(2);
if (job === 'prepare') prepare(folder);
else if (job === 'apply') process.stdout.write(JSON.stringify(await apply(folder)));
else await measure();
