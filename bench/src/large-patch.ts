/**
 * How much time and memory a large patch takes: patches of both codecs for a file of 300 MB are applied from file to file
 * by one worker of a terminal, in a process with nothing else, whose peak memory is held against that of a bare Node.
 *
 *     node bench/dist/large-patch.js [--bytes 300000000]
 *
 * Prints a table; exits with 1 when applying takes more than 64 MiB, or when a target is wrong.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type AppliedPatch, applyOnePatch } from './apply-one-patch.js';
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

type Applied = LargePatch & AppliedPatch;

async function main(bytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-large-patch-'));
  try {
    const files = writeLargeFiles(folder, bytes);
    const nodeBytes = await bareNodeBytes();
    const all: Applied[] = [];
    for (const patch of await makePatches(files, folder))
      all.push({ ...patch, ...(await applyOnePatch({ ...files, ...patch }, folder)) });
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
