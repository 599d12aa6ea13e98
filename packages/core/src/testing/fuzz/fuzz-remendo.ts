/**
 * Fuzz targets of the `remendo` codec. Besides "an UpdaterError or nothing" they check what was promised about work and
 * output: never more bytes out than announced, never more reading than these bytes justify.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import fc from 'fast-check';
import { type ByteSource, bufferSource, type ReadableSink } from '../../bytes/byte-source.js';
import { type CompactStreams, encodeCompact } from '../../patch/remendo/compact-encoder.js';
import { encodeFast } from '../../patch/remendo/fast-encoder.js';
import { encodePatchHeader, transformNames } from '../../patch/remendo/patch-header.js';
import { remendoCodec } from '../../patch/remendo/remendo-codec.js';
import { memoryScratch } from '../memory-scratch.js';
import { type BlocksSample, type BlockWish, blocksOfWishes, joined, patchOfBlocks } from '../remendo-samples.js';
import { hostilePatches } from './fuzz-hostile.js';
import type { FuzzTarget } from './fuzz-target.js';

const baseBlockBytes = 32 * 1024;
const sizes = { windowBits: 16, historyBits: 12, guessBits: 14 };

/** What is announced, whatever the patch is; an empty target in the middle, so that two ends lie there. */
const small = [3_000, 0, 5_000] as const;
/** So much that references go back beyond the smallest window, and beyond what is written at once. */
const large = [90_000, 0, 310_000] as const;
const bytesOf = (targetBytes: readonly number[]): number => targetBytes.reduce((sum, bytes) => sum + bytes, 0);

/** Compressible, and different from place to place; read as two bases. */
const fuzzBase: Uint8Array = Uint8Array.from({ length: 40_000 }, (_, index) => (index * (1 + (index >> 7))) & 255);
const bases = [fuzzBase.subarray(0, 15_000), fuzzBase.subarray(15_000)];

const wish = (from: BlockWish['from'], place: number, copied: number, fresh: number): BlockWish => ({
  from,
  place,
  copied,
  fresh,
  wrongEvery: 60,
});
const shortBlocks = Array.from({ length: 90 }, (_, index) => wish('anywhere', (index * 0.618) % 1, index % 90, index % 9));
const longBlocks = [wish('base', 0.1, 4_000, 100), wish('lately', 0.99, 3_000, 0)];
const scattered = Array.from({ length: 800 }, (_, index) => wish('base', (index * 0.37) % 1, 1, index % 3));
const farBlocks = [
  wish('base', 0.1, 30_000, 70),
  ...Array.from({ length: 40 }, (_, index) => wish('anywhere', (index * 0.618) % 1, 9_000, index % 3)),
];

/** The blocks, and one of new bytes up to the end of the targets. */
function complete(wishes: readonly BlockWish[], targetBytes: readonly number[]): BlocksSample {
  const { space } = blocksOfWishes(fuzzBase, wishes, 1);
  const missing = bytesOf(targetBytes) - (space.all.length - space.baseBytes);
  return blocksOfWishes(fuzzBase, [...wishes, wish('base', 0, 0, missing)], 1);
}

function streamsOf(wishes: readonly BlockWish[]): CompactStreams {
  const { blocks, space } = complete(wishes, small);
  return encodeCompact(blocks, space, sizes);
}

/** Made when it is wanted first: whoever imports this file need not fuzz. */
function once<T>(make: () => T): () => T {
  let made: T | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
const shortStreams = once(() => streamsOf(shortBlocks));
const longStreams = once(() => streamsOf(longBlocks));

const fastStreams = once((): readonly Uint8Array[] => {
  const { blocks, space } = complete(shortBlocks, small);
  const streams = encodeFast(blocks, space);
  return [streams.blocks, streams.runs, streams.wrong, streams.fresh];
});

const patchOf = (wishes: readonly BlockWish[], targetBytes: readonly number[], patchSizes: typeof sizes | null): Uint8Array => {
  const { blocks, space } = complete(wishes, targetBytes);
  return patchOfBlocks(blocks, space, patchSizes);
};

/** The input is a patch of either profile. */
export const fuzzRemendo: FuzzTarget = {
  name: 'remendo',
  run: (bytes) => applyFuzzed(bytes, small),
  seeds: async () => [
    ...[shortBlocks, longBlocks].flatMap((wishes) => [patchOf(wishes, small, sizes), patchOf(wishes, small, null)]),
    ...(await hostilePatches('remendo')),
  ],
  made: () => headedPatches,
};

const lengthArbitrary = fc.oneof(
  { arbitrary: fc.constant(null), weight: 4 },
  fc.constantFrom(0, 1, 100, 5_000, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);
const transformArbitrary = fc.record({
  name: fc.constantFrom(...transformNames),
  data: fc.uint8Array({ maxLength: 20 }),
  savedBytes: fc.constantFrom(0, 9, 2 ** 40),
});

/** Streams that are right behind a header of which a field or two are not. */
const headedPatches = fc
  .record({
    profile: fc.constantFrom('compact' as const, 'fast' as const),
    decodeCost: fc.constantFrom(0, 5, 2 ** 53 - 1),
    bits: fc.tuple(fc.constantFrom(0, 0, 1, 5, -1), fc.constantFrom(0, 0, 1, 12, -1), fc.constantFrom(0, 0, 1, 8, -1)),
    transforms: fc.array(transformArbitrary, { maxLength: 2 }),
    lengths: fc.tuple(lengthArbitrary, lengthArbitrary, lengthArbitrary),
  })
  .map(({ profile, decodeCost, bits, transforms, lengths }) => {
    const streams = profile === 'compact' ? [shortStreams().blocks, shortStreams().bytes] : fastStreams();
    const told = streams.map((stream, index) => lengths[index] ?? stream.length);
    const { windowBits, historyBits, guessBits } = sizes;
    const wrong = { windowBits: windowBits + bits[0], historyBits: historyBits + bits[1], guessBits: guessBits + bits[2] };
    const header = encodePatchHeader({ profile, decodeCost, sizes: profile === 'compact' ? wrong : null }, transforms, told);
    return joined([header, ...transforms.map(({ data }) => data), ...streams]);
  });

/** The input is a patch of either profile for targets that do not fit into the decoders' buffers. */
export const fuzzRemendoFar: FuzzTarget = {
  name: 'remendo-far',
  run: (bytes) => applyFuzzed(bytes, large),
  seeds: async () => [patchOf(farBlocks, large, sizes), patchOf(farBlocks, large, null)],
};

/** The input is a compact patch's block list, behind a header that is right; its bytes are whatever is there. */
export const fuzzRemendoBlocks: FuzzTarget = {
  name: 'remendo-blocks',
  run: (bytes) => applyFuzzed(compactPatch({ blocks: bytes, bytes: shortStreams().bytes }), small),
  seeds: async () => [shortBlocks, longBlocks, scattered].map((wishes) => streamsOf(wishes).blocks),
};

/** The input is a compact patch's bytes, behind a header and blocks that are right: there is no end to what it may mean. */
export const fuzzRemendoBytes: FuzzTarget = {
  name: 'remendo-bytes',
  run: (bytes) => applyFuzzed(compactPatch({ blocks: longStreams().blocks, bytes }), small),
  seeds: async () => [longStreams().bytes, shortStreams().bytes],
};

/**
 * The input is a fast patch's four streams before their compression, each after its length in two bytes: changes of a
 * whole patch seldom get past brotli, these do.
 */
export const fuzzRemendoFast: FuzzTarget = {
  name: 'remendo-fast',
  run: (bytes) => applyFuzzed(fastPatch(bytes), small),
  seeds: async () => [shortBlocks, longBlocks, scattered].map(fastSeed),
};

function compactPatch({ blocks, bytes }: CompactStreams): Uint8Array {
  return joined([encodePatchHeader({ profile: 'compact', decodeCost: 0, sizes }, [], [blocks.length]), blocks, bytes]);
}

function fastPatch(input: Uint8Array): Uint8Array {
  const streams: Uint8Array[] = [];
  for (let stream = 0, at = 0; stream < 4; stream++) {
    const end = at + 2 + ((input[at] ?? 0) << 8) + (input[at + 1] ?? 0);
    streams.push(brotliCompressSync(input.subarray(at + 2, end), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }));
    at = end;
  }
  const lengths = streams.map((stream) => stream.length);
  return joined([encodePatchHeader({ profile: 'fast', decodeCost: 0, sizes: null }, [], lengths), ...streams]);
}

function fastSeed(wishes: readonly BlockWish[]): Uint8Array {
  const { blocks, space } = complete(wishes, small);
  const streams = encodeFast(blocks, space);
  return joined(
    [streams.blocks, streams.runs, streams.wrong, streams.fresh].map((stream) => {
      const bytes = brotliDecompressSync(stream);
      return joined([Uint8Array.of(bytes.length >> 8, bytes.length), bytes]);
    }),
  );
}

async function applyFuzzed(patch: Uint8Array, targetBytes: readonly number[]): Promise<void> {
  const announced = bytesOf(targetBytes);
  const sinks = targetBytes.map((bytes) => new FuzzSink(bytes, announced));
  await remendoCodec.apply({
    scratch: memoryScratch,
    // At the very most each byte of the targets comes from another block of a base.
    bases: bases.map((base) => metered(bufferSource(base), announced * baseBlockBytes)),
    patch: metered(bufferSource(patch), patch.length + 64),
    targets: sinks.map((sink, index) => ({ sink, bytes: targetBytes[index] as number })),
  });
  for (const sink of sinks) sink.assertFull();
}

/** Refuses what was not announced, and to give back what it was not given; made bytes are read once for each that copies one. */
class FuzzSink implements ReadableSink {
  readonly #bytes: Uint8Array;
  #written = 0;
  #read = 0;

  constructor(
    bytes: number,
    private readonly readMax: number,
  ) {
    this.#bytes = new Uint8Array(bytes);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#written + chunk.length > this.#bytes.length) throw new Error(`more than ${this.#bytes.length} bytes were written`);
    this.#bytes.set(chunk, this.#written);
    this.#written += chunk.length;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    if (offset + into.length > this.#written) throw new Error(`bytes at ${offset} are wanted, ${this.#written} were written`);
    into.set(this.#bytes.subarray(offset, offset + into.length));
    this.#read += into.length;
    if (this.#read > this.readMax) throw new Error(`${this.#read} bytes were read to make ${this.readMax}`);
    return into.length;
  }

  assertFull(): void {
    if (this.#written !== this.#bytes.length) throw new Error(`${this.#written} of ${this.#bytes.length} bytes were written`);
  }
}

/** Fails when more is read than `bytesMax`: work has to be in proportion. */
function metered(source: ByteSource, bytesMax: number): ByteSource {
  let readBytes = 0;
  return {
    bytes: source.bytes,
    async read(offset, into) {
      const count = await source.read(offset, into);
      readBytes += count;
      if (readBytes > bytesMax) throw new Error(`${readBytes} bytes were read, ${bytesMax} are enough`);
      return count;
    },
  };
}
