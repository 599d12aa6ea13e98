/**
 * Fuzz targets of the transform `containers`: its data as it lies in a patch, the numbers in it, and the streams of a base.
 * Besides "an UpdaterError or nothing" they check that no more is written than was announced and that no scratch is left.
 */
import { BufferSink, bufferSource } from '../../bytes/byte-source.js';
import { type ContainersData, decodeContainers, encodeContainers } from '../../patch/containers/containers-data.js';
import { unfold } from '../../patch/containers/unfold.js';
import { codedNumbers } from '../../publish/containers/encode-data.js';
import { planContainers } from '../../publish/containers/plan-containers.js';
import { edited, gzipOf, makeContainedPatchOf, pngOf, prose, zipOf, zlibOf } from '../container-samples.js';
import { MemoryScratch } from '../memory-scratch.js';
import { applySample, joined } from '../remendo-samples.js';
import type { FuzzTarget } from './fuzz-target.js';
import { variedValue } from './vary-json.js';

/** More than any input announces that is taken seriously. */
const scratchBytesMax = 64 * 1024 * 1024;
const targetBytes = 12_000;

interface Sample {
  readonly base: Uint8Array;
  readonly target: Uint8Array;
  readonly data: Uint8Array;
  readonly view: Uint8Array;
}

function sampleOf(): Sample {
  const contents = [0, 1, 2].map((index) => ({ name: `e${index}`, content: prose(1_500, index) }));
  const base = joined([zipOf(contents), gzipOf(zipOf(contents.slice(1))), pngOf(prose(800, 9), 200)]);
  const changed = contents.map(({ name, content }) => ({ name, content: edited(content, 0.4) }));
  const target = joined([zipOf(changed), gzipOf(zipOf(changed.slice(1))), pngOf(edited(prose(800, 9), 0.3), 200)]);
  const plan = planContainers({ base, target });
  if (plan === null) throw new Error('the sample has nothing to see through');
  const view = new Uint8Array(plan.targetViewBytes);
  plan.fillTarget(view);
  return { base, target, data: plan.data, view };
}

let made: Sample | null = null;
/** Made when it is wanted first: whoever imports this file need not fuzz. */
const sample = (): Sample => {
  made ??= sampleOf();
  return made;
};

/** The input is the transform's data. */
export const fuzzContainers: FuzzTarget = {
  name: 'containers',
  run: (bytes) => unfoldFuzzed(bytes, sample().base),
  seeds: async () => [sample().data],
};

/** The input is the numbers of the data before they are coded: changes get past the coder this way. */
export const fuzzContainerStreams: FuzzTarget = {
  name: 'container-streams',
  run: (bytes) => unfoldFuzzed(codedNumbers(bytes), sample().base),
  seeds: async () => [encodeContainers(await decodeContainers(bufferSource(sample().data)))],
  made: async () => variedValue(await decodeContainers(bufferSource(sample().data))).map(encodeOrNothing),
};

/** Not every number can be written where it now stands. */
function encodeOrNothing(data: ContainersData): Uint8Array {
  try {
    return encodeContainers(data);
  } catch {
    return new Uint8Array();
  }
}

/** The input is a base of which a patch says that there are streams in it. */
export const fuzzContainedBase: FuzzTarget = {
  name: 'contained-base',
  run: (bytes) => unfoldFuzzed(sample().data, bytes),
  seeds: async () => [sample().base],
};

/**
 * The input is a file that a maker looks for streams in: zips, gzip members, PNGs, what PDFs and others have. A patch from it
 * to another file, and one back, makes what it was made for.
 */
export const fuzzContainerMaker: FuzzTarget = {
  name: 'container-maker',
  run: async (bytes) => {
    const other = sample().target;
    await applySample(makeContainedPatchOf({ bases: [bytes], targets: [other] }), { bases: [bytes], targets: [other] });
    await applySample(makeContainedPatchOf({ bases: [other], targets: [bytes] }), { bases: [other], targets: [bytes] });
  },
  seeds: async () => [
    sample().base,
    zipOf([
      { name: 'a', content: prose(900, 4), descriptor: true },
      { name: 'b', content: prose(300, 5), method: 0 },
    ]),
    gzipOf(prose(2_000, 6)),
    pngOf(prose(2_000, 7)),
    joined([
      Buffer.from('%PDF-1.7\n1 0 obj\n<</Filter/FlateDecode/Length 1>>stream\n'),
      zlibOf(prose(2_000, 8)),
      Buffer.from('\nendstream'),
    ]),
  ],
};

async function unfoldFuzzed(data: Uint8Array, base: Uint8Array): Promise<void> {
  const scratch = new MemoryScratch(scratchBytesMax);
  const sink = new BufferSink(targetBytes);
  const error: unknown = await unfoldAndFill(data, { base, sink, scratch }).catch((thrown: unknown) => thrown);
  if (scratch.open > 0) throw new Error(`${scratch.open} of ${scratch.opened} scratch files are left`);
  if (error !== undefined) throw error;
}

async function unfoldAndFill(
  data: Uint8Array,
  { base, sink, scratch }: { readonly base: Uint8Array; readonly sink: BufferSink; readonly scratch: MemoryScratch },
): Promise<void> {
  const bytes = sample().target.length;
  const targets = [{ sink, bytes }];
  const files = await unfold(bufferSource(data), { bases: [bufferSource(base)], targets, scratch: scratch.openScratch });
  try {
    for (const source of files.bases) await readAll(source.read.bind(source), Math.min(source.bytes, scratchBytesMax));
    for (const target of files.targets) {
      const { view } = sample();
      for (let at = 0; at < Math.min(target.bytes, view.length); at += 700)
        await target.sink.write(view.subarray(at, Math.min(at + 700, target.bytes)));
      await readAll(target.sink.read.bind(target.sink), Math.min(target.bytes, view.length));
    }
    await files.finish();
    if (sink.toBuffer().length !== bytes) throw new Error('what was announced as finished is not whole');
  } finally {
    await files.close();
  }
}

async function readAll(read: (offset: number, into: Uint8Array) => Promise<number>, bytes: number): Promise<void> {
  const into = new Uint8Array(1_000);
  for (let offset = 0; offset < bytes; offset += into.length) {
    const wanted = into.subarray(0, Math.min(into.length, bytes - offset));
    if ((await read(offset, wanted)) !== wanted.length) throw new Error(`a view has nothing at ${offset}`);
  }
}
