/**
 * How much time and memory a large patch takes: patches of both codecs for a file of 300 MB are applied from file to file
 * by one worker of a terminal, in a process with nothing else, whose peak memory is held against that of a bare Node.
 *
 *     node bench/dist/large-patch.js [--bytes 300000000]
 *
 * Prints a table; exits with 1 when applying takes more than 64 MiB, or when a target is wrong.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ContentFile, DeriveJob, Digest } from '@remendo/core';
import { type LargeFiles, writeLargeFiles } from './large-files.js';
import { bareNodeBytes, inChild } from './report/measured-child.js';
import { tableLines } from './report/print-report.js';
import type { Usage } from './report/usage.js';

const memoryAboveNodeBytesMax = 64 * 1024 * 1024;

interface LargePatch {
  readonly name: string;
  readonly codec: 'bsdiff40' | 'remendo';
  readonly path: string;
  /** Null for the one that was written, not made. */
  readonly make: Usage | null;
}

interface Applied extends LargePatch {
  readonly bytes: number;
  readonly apply: Usage;
  readonly exact: boolean;
}

async function main(bytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-large-patch-'));
  try {
    const files = writeLargeFiles(folder, bytes);
    const nodeBytes = await bareNodeBytes();
    const all: Applied[] = [];
    for (const patch of await makePatches(files, folder)) all.push(await apply(patch, files, folder));
    for (const line of report(all, files, nodeBytes)) process.stdout.write(`${line}\n`);
    const isGood = all.every(({ exact, apply: { peakBytes } }) => exact && peakBytes - nodeBytes <= memoryAboveNodeBytesMax);
    if (!isGood) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makePatches({ base, target, bsdiff40Path }: LargeFiles, folder: string): Promise<readonly LargePatch[]> {
  const patches: LargePatch[] = [{ name: 'bsdiff40', codec: 'bsdiff40', path: bsdiff40Path, make: null }];
  for (const profile of ['compact', 'fast']) {
    const path = join(folder, profile);
    const make = await inChild<Usage>('make-patch-alone.js', profile, base.path, target.path, path);
    patches.push({ name: `remendo ${profile}`, codec: 'remendo', path, make });
  }
  return patches;
}

async function apply(patch: LargePatch, { base, target }: LargeFiles, folder: string): Promise<Applied> {
  const { size: bytes } = await stat(patch.path);
  const made: ContentFile = { ...target, path: join(folder, 'made') };
  const job: DeriveJob = {
    how: { kind: 'patch', codec: patch.codec },
    blob: { path: patch.path, offset: 0, bytes, sha256: await digestOfFile(patch.path) },
    bases: [base],
    targets: [made],
  };
  const jobsPath = join(folder, 'jobs.json');
  await writeFile(jobsPath, JSON.stringify([job]));
  const { answer, usage } = await inChild<{ answer: { ok: boolean }; usage: Usage }>('derive-alone.js', jobsPath);
  const exact = answer.ok && (await digestOfFile(made.path)) === target.sha256;
  await rm(made.path, { force: true });
  return { ...patch, bytes, apply: usage, exact };
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex') as Digest;
}

function report(all: readonly Applied[], { base, target }: LargeFiles, nodeBytes: number): readonly string[] {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  return [
    `Base ${megabytes(base.bytes)} MB, target ${megabytes(target.bytes)} MB. A bare Node takes ${megabytes(nodeBytes)} MB, memory is what comes on top;`,
    `applying may take ${megabytes(memoryAboveNodeBytesMax)} MB. Seconds are of CPU.`,
    '',
    ...tableLines([
      ['patch', 'MB', 'make s', 'make MB', 'apply s', 'apply MB/s', 'apply MB', 'exact'],
      ...all.map(({ name, bytes, make, apply: { cpuSeconds, peakBytes }, exact }) => [
        name,
        megabytes(bytes),
        make === null ? '–' : make.cpuSeconds.toFixed(1),
        make === null ? '–' : megabytes(make.peakBytes - nodeBytes),
        cpuSeconds.toFixed(1),
        megabytes(target.bytes / cpuSeconds),
        megabytes(peakBytes - nodeBytes),
        exact ? 'yes' : 'NO',
      ]),
    ]),
  ];
}

const { values } = parseArgs({ options: { bytes: { type: 'string', default: '300000000' } } });
const bytes = Number(values.bytes);
if (!(bytes > 0)) throw new Error('--bytes is a number of bytes above 0');
await main(bytes);
