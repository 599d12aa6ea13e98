/**
 * How much time and memory hashing a large file takes: a file of 1 GiB is hashed (SHA-256 and xxHash64 in one pass) in
 * a process of its own, whose peak memory is held against that of the same program doing nothing, and of bare Node.
 *
 *     node bench/dist/hash-large.js        prints one JSON object; exits with 1 when hashing takes more than 32 MiB, or
 *                                          when the hash is wrong
 *
 * The work is in child processes, because on Linux a process starts with the peak memory of the one that started it:
 * the one that starts them stays small.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashFile, nodeFileSystem } from '@remendo/core';

const fileBytes = 1024 ** 3;
const blockBytes = 8 * 1024 * 1024;
const hashingMemoryBytesMax = 32 * 1024 * 1024;

interface Hashed {
  readonly sha256: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Writes a block of made-up bytes again and again, numbered so that no two are equal; prints its SHA-256. */
function prepare(path: string): void {
  const block = Buffer.alloc(blockBytes);
  for (let index = 0, state = 1; index < block.length; index += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    block.writeInt32LE(state, index);
  }
  const hash = createHash('sha256');
  const file = openSync(path, 'w');
  for (let number = 0; number < fileBytes / blockBytes; number++) {
    block.writeInt32LE(number, 0);
    hash.update(block);
    writeSync(file, block);
  }
  closeSync(file);
  process.stdout.write(hash.digest('hex'));
}

async function hash(path: string): Promise<Hashed> {
  const start = performance.now();
  const { sha256, bytes } = await hashFile(nodeFileSystem(), path);
  return { sha256, bytes, seconds: (performance.now() - start) / 1_000, peakBytes: peakBytes() };
}

/** Of this process; `maxRSS` is in KiB. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

/** What the child prints. */
function inChild(job: string, path: string): string {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), job, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`${job} ended with ${child.status ?? child.signal}`);
  return child.stdout;
}

/** Of a Node that has loaded nothing of ours. */
function bareNodeBytes(): number {
  const code = 'console.log(process.resourceUsage().maxRSS * 1024)';
  return Number(spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).stdout);
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-hash-large-'));
  try {
    const path = join(folder, 'file');
    const expected = inChild('prepare', path);
    const hashed = JSON.parse(inChild('hash', path)) as Hashed;
    const hashingBytes = hashed.peakBytes - Number(inChild('idle', path));
    const report = {
      event: 'hash-large',
      bytes: hashed.bytes,
      exact: hashed.sha256 === expected,
      seconds: Math.round(hashed.seconds * 100) / 100,
      megabytes_per_second: Math.round(hashed.bytes / 1e6 / hashed.seconds),
      peak_bytes: hashed.peakBytes,
      above_bare_node_bytes: hashed.peakBytes - bareNodeBytes(),
      above_idle_bytes: hashingBytes,
      above_idle_bytes_max: hashingMemoryBytesMax,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    if (!report.exact || hashingBytes > hashingMemoryBytesMax) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [job, path = ''] = process.argv.slice(2);
if (job === 'prepare') prepare(path);
else if (job === 'hash') process.stdout.write(JSON.stringify(await hash(path)));
else if (job === 'idle') process.stdout.write(`${peakBytes()}`);
else await measure();
