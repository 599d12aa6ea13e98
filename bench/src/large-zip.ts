/**
 * What a patch takes that sees through a large zip: 20,000 entries, 300 MB, some of which changed. It is applied from file
 * to file by one worker of a terminal, in a process with nothing else; its memory is held against that of a bare Node, its
 * time against inflating what changed in the base and deflating what is there instead, which no way to make the target
 * can do without; and against the same with all of the base inflated.
 *
 *     node bench/dist/large-zip.js [--bytes 300000000] [--entries 20000] [--every 10]
 *
 * Prints a table; exits with 1 when applying takes more than 64 MiB, or when the target is wrong.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { deflated } from '@remendo/core/testing';
import { type AppliedPatch, applyOnePatch } from './apply-one-patch.js';
import { type LargeZips, writeLargeZips } from './large-zip-files.js';
import { bareNodeBytes, inChild } from './report/measured-child.js';
import { tableLines } from './report/print-report.js';
import { measured, type Usage } from './report/usage.js';

const memoryAboveNodeBytesMax = 64 * 1024 * 1024;

interface Applied extends AppliedPatch {
  readonly profile: string;
  readonly make: Usage;
}

async function main(options: { readonly bytes: number; readonly entries: number; readonly changedEvery: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-large-zip-'));
  try {
    const zips = writeLargeZips(folder, options);
    const recode = await measured(() => recodeChanged(zips));
    const inflate = await measured(() => zips.streams.forEach((stream) => void inflateRawSync(stream)));
    const nodeBytes = await bareNodeBytes();
    const all: Applied[] = [];
    for (const profile of ['compact', 'fast']) all.push(await apply(profile, zips, folder));
    for (const line of report(all, zips, { recode, inflate, nodeBytes, entries: options.entries }))
      process.stdout.write(`${line}\n`);
    const isGood = all.every(({ exact, apply: { peakBytes } }) => exact && peakBytes - nodeBytes <= memoryAboveNodeBytesMax);
    if (!isGood) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function recodeChanged({ changedStreams, changedPlains }: LargeZips): void {
  for (const stream of changedStreams) inflateRawSync(stream);
  for (const plain of changedPlains) deflated(plain);
}

async function apply(profile: string, { base, target }: LargeZips, folder: string): Promise<Applied> {
  const patchPath = join(folder, profile);
  const make = await inChild<Usage>('make-patch-alone.js', profile, base.path, target.path, patchPath);
  const applied = await applyOnePatch({ codec: 'remendo+containers', path: patchPath, base, target }, folder);
  return { profile, make, ...applied };
}

function report(
  all: readonly Applied[],
  { base, target, changedPlains }: LargeZips,
  {
    recode,
    inflate,
    nodeBytes,
    entries,
  }: { readonly recode: Usage; readonly inflate: Usage; readonly nodeBytes: number; readonly entries: number },
): readonly string[] {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const plainBytes = changedPlains.reduce((sum, plain) => sum + plain.length, 0);
  return [
    `Base ${megabytes(base.bytes)} MB, target ${megabytes(target.bytes)} MB; ${changedPlains.length} of ${entries} entries changed, ${megabytes(plainBytes)} MB inflated.`,
    `Inflating and deflating them takes ${recode.cpuSeconds.toFixed(1)} s, inflating all of the base ${inflate.cpuSeconds.toFixed(1)} s. A bare Node takes ${megabytes(nodeBytes)} MB, memory is what comes on top;`,
    `applying may take ${megabytes(memoryAboveNodeBytesMax)} MB. Seconds are of CPU.`,
    '',
    ...tableLines([
      ['profile', 'patch MB', 'make s', 'make MB', 'apply s', '÷ recoding', '÷ all inflated', 'apply MB', 'exact'],
      ...all.map(({ profile, bytes, make, apply: { cpuSeconds, peakBytes }, exact }) => [
        profile,
        (bytes / 1e6).toFixed(3),
        make.cpuSeconds.toFixed(1),
        megabytes(make.peakBytes - nodeBytes),
        cpuSeconds.toFixed(1),
        (cpuSeconds / recode.cpuSeconds).toFixed(2),
        (cpuSeconds / (recode.cpuSeconds + inflate.cpuSeconds)).toFixed(2),
        megabytes(peakBytes - nodeBytes),
        exact ? 'yes' : 'NO',
      ]),
    ]),
  ];
}

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '300000000' },
    entries: { type: 'string', default: '20000' },
    every: { type: 'string', default: '10' },
  },
});
const [bytes, entries, changedEvery] = [Number(values.bytes), Number(values.entries), Number(values.every)];
if (!(bytes > 0 && entries >= 1 && entries <= 65_535 && changedEvery > 1))
  throw new Error('--bytes, --entries up to 65,535, --every above 1');
await main({ bytes, entries, changedEvery });
