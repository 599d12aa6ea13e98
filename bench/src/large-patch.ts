/**
 * How much time and memory a large patch takes: a BSDIFF40 patch for a file of 300 MB is applied from file to file by one
 * worker of a terminal, in a process with nothing else, whose peak memory is held against that of a bare Node.
 *
 *     node bench/dist/large-patch.js        prints one JSON object; exits with 1 above 64 MiB, or when the target is wrong
 *
 * The patch is written by the tests' encoder: most of the target is the base, with a byte changed here and there, some of
 * it moved, and three per cent of it new.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@remendo/core';
import { Bsdiff40Encoder } from '@remendo/core/testing';
import { bareNodeBytes, inChild } from './report/measured-child.js';
import type { Usage } from './report/usage.js';

const pieceBytes = 1_000_000;
const pieces = 300;
const newBytesPerPiece = 30_000;
const memoryAboveNodeBytesMax = 64 * 1024 * 1024;

interface Measured {
  readonly answer: { readonly ok: boolean };
  readonly usage: Usage;
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

/** Writes base and patch, piece by piece, and the worker's job. */
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
  const patch = encoder.finish();
  writeFileSync(join(folder, 'patch'), patch);
  const file = (name: string, bytes: number, hash: Hash) => ({
    path: join(folder, name),
    bytes,
    sha256: hash.digest('hex') as Digest,
  });
  const job = {
    how: { kind: 'patch', codec: 'bsdiff40' },
    blob: { ...file('patch', patch.length, createHash('sha256').update(patch)), offset: 0 },
    bases: [file('base', pieces * pieceBytes, baseHash)],
    targets: [file('target', pieces * pieceBytes, targetHash)],
  };
  writeFileSync(join(folder, 'jobs.json'), JSON.stringify([job]));
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-large-patch-'));
  try {
    const jobsPath = join(folder, 'jobs.json');
    prepare(folder);
    const { answer, usage } = await inChild<Measured>('derive-alone.js', jobsPath);
    const { wallSeconds: seconds, peakBytes } = usage;
    const [{ targets }] = JSON.parse(readFileSync(jobsPath, 'utf8')) as [{ targets: [{ bytes: number; sha256: Digest }] }];
    const [target] = targets;
    const memoryAboveNodeBytes = peakBytes - (await bareNodeBytes());
    const report = {
      event: 'large-patch',
      base_bytes: statSync(join(folder, 'base')).size,
      patch_bytes: statSync(join(folder, 'patch')).size,
      target_bytes: target.bytes,
      exact: answer.ok && (await isOnDisk(join(folder, 'target'), target.sha256)),
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

await measure();
