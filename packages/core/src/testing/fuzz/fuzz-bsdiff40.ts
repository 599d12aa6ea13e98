/**
 * Fuzz targets of the BSDIFF40 applier and of its bzip2 decoder. Besides "an UpdaterError or nothing" they check what
 * was promised about work and output: never more bytes out than announced, never more reading than the bytes justify.
 */
import fc from 'fast-check';
import { type ByteSource, bufferSource } from '../../bytes/byte-source.js';
import { bsdiff40Codec } from '../../patch/bsdiff40/bsdiff40-codec.js';
import { Bzip2Reader } from '../../patch/bsdiff40/bzip2-reader.js';
import { Bsdiff40Encoder, encodeBsdiff40, encodeTriples } from '../bsdiff40-encoder.js';
import { encodeBzip2 } from '../bzip2-encoder.js';
import { memoryScratch } from '../memory-scratch.js';
import { hostilePatches } from './fuzz-hostile.js';
import { rarely } from './fuzz-inputs.js';
import type { FuzzTarget } from './fuzz-target.js';

/** No input makes more than this: targets are announced, streams are given up. */
const outputBytesMax = 1024 * 1024;
const baseBlockBytes = 32 * 1024;
/** Shorter than the base. */
const zeros = new Uint8Array(20_000);

/** Compressible, and different from place to place. */
const fuzzBase: Uint8Array = Uint8Array.from({ length: 40_000 }, (_, index) => (index * (1 + (index >> 7))) & 255);

/** The input is a patch; announced is what its header announces, up to a bound. */
export const fuzzBsdiff40: FuzzTarget = {
  name: 'bsdiff40',
  run: applyFuzzed,
  seeds: async () => [...bsdiff40Seeds(), ...(await hostilePatches('bsdiff40'))],
  made: () => patches,
};

/** What the bspatch family fell over: negative, huge and overflowing numbers, seeks out of range, steps without progress. */
const edges = [0n, 1n, -1n, -40n, 39_999n, 40_000n, 40_001n].concat(
  [31n, 32n, 53n, 63n].flatMap((bits) => [2n ** bits - 1n, -(2n ** bits) + 1n, 2n ** (bits - 1n)]),
);
/** Mostly small ones: a patch with one wrong number gets further than one with ten. */
const numberOf = (min: bigint): fc.Arbitrary<bigint> =>
  fc.oneof({ arbitrary: fc.bigInt({ min, max: 300n }), weight: 60 }, fc.constantFrom(...edges));
const triples = fc.array(fc.tuple(numberOf(0n), numberOf(0n), numberOf(-20n)), { maxLength: 12 });

const patches = fc
  .record({
    triples,
    lessBytes: fc.constantFrom(0, 0, 0, 1, 40),
    control: rarely(numberOf(0n)),
    diff: rarely(numberOf(0n)),
    target: rarely(numberOf(0n)),
    level: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ triples: all, lessBytes, control, diff, target, level }) => {
    const encoder = new Bsdiff40Encoder({ level, blockBytesMax: 300 }).control(encodeTriples(all));
    const [added, copied] = [sumOf(all, 0), sumOf(all, 1)];
    encoder.diff(zeros.subarray(0, Number(added) - lessBytes)).extra(fuzzBase.subarray(0, Number(copied) - lessBytes));
    const told = {
      ...(control === undefined ? {} : { controlBytes: control }),
      ...(diff === undefined ? {} : { diffBytes: diff }),
    };
    return encoder.finish({ ...told, targetBytes: target ?? added + copied });
  });

/** Of the numbers in one column, as far as a patch can have that many bytes. */
function sumOf(all: readonly (readonly bigint[])[], column: number): bigint {
  const sum = all.reduce((bytes, triple) => bytes + (triple[column] ?? 0n), 0n);
  return sum >= 0n && sum <= BigInt(zeros.length) ? sum : 100n;
}

/**
 * The input is a control stream before its compression: changes of a whole patch seldom get past its checksums, these
 * do. Diff and extra streams are zeros.
 */
export const fuzzBsdiff40Control: FuzzTarget = {
  name: 'bsdiff40-control',
  async run(bytes) {
    const encoder = new Bsdiff40Encoder().control(bytes).diff(zeros).extra(zeros);
    await applyFuzzed(encoder.finish({ targetBytes: BigInt(zeros.length) * 2n }));
  },
  seeds: async () => [
    encodeTriples([[zeros.length, zeros.length, 0]]),
    encodeTriples([
      [0, 0, 30_000],
      [10_000, zeros.length, -40_000],
      [zeros.length - 10_000, 0, 0],
    ]),
    encodeTriples(Array.from({ length: 200 }, (_, index) => [index % 2 === 0 ? 0 : 100, 0, -index])),
  ],
  made: () => triples.map((all) => encodeTriples(finished(all))),
};

/** With a last triple that brings the target to its end, where there is room for one. */
function finished(all: readonly (readonly bigint[])[]): readonly (readonly bigint[])[] {
  const sum = all.reduce((bytes, [add = 0n, copy = 0n]) => bytes + add + copy, 0n);
  const left = BigInt(zeros.length) * 2n - sum;
  return left > 0n && sum >= 0n ? [...all, [0n, left, 0n]] : all;
}

async function applyFuzzed(bytes: Uint8Array): Promise<void> {
  const announced = announcedBytes(bytes);
  let written = 0;
  const sink = {
    write: async (chunk: Uint8Array) => {
      written += chunk.length;
      if (written > announced) throw new Error(`${written} bytes were written, ${announced} were announced`);
    },
    read: async () => 0,
  };
  await bsdiff40Codec.apply({
    scratch: memoryScratch,
    // At the very most each byte of the target comes from another block of the base.
    bases: [metered(bufferSource(fuzzBase), (announced + 1) * baseBlockBytes)],
    patch: metered(bufferSource(bytes), bytes.length + 64),
    targets: [{ sink, bytes: announced }],
  });
  if (written !== announced) throw new Error(`${written} bytes were written, ${announced} were announced`);
}

/** Reads a stream to its end, or until it has made enough. */
export const fuzzBzip2: FuzzTarget = {
  name: 'bzip2',
  async run(bytes) {
    const reader = new Bzip2Reader(bufferSource(bytes));
    const piece = new Uint8Array(8 * 1024);
    for (let made = 0; made < outputBytesMax && (await reader.nextBlock()); ) {
      for (let count = reader.take(piece); count > 0 && made < outputBytesMax; count = reader.take(piece)) made += count;
    }
  },
  seeds: async () => bzip2Seeds(),
  made: () => bzip2Streams,
};

/** Of any blocks, with any words for their symbols that a decoder has to take. */
const bzip2Streams = fc
  .record({
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.constantFrom(0, 0, 1, 255), { maxLength: 600 }).map((all) => Uint8Array.from(all)),
    ),
    level: fc.integer({ min: 1, max: 9 }),
    blockBytesMax: fc.integer({ min: 5, max: 300 }),
    isSkewed: fc.boolean(),
  })
  .map(({ bytes, isSkewed, ...options }) =>
    encodeBzip2(bytes, { ...options, ...(isSkewed ? { codeLengths: skewedLengths } : {}) }),
  );

/** One symbol more each time with a word one bit longer, as far as words may be long. */
const skewedLengths = (alphabet: number): readonly number[] => {
  const steps = Math.min(alphabet - 2, 11);
  const rest = alphabet - steps;
  const bits = Math.ceil(Math.log2(rest));
  const shorter = 2 ** bits - rest;
  const flat = Array.from({ length: rest }, (_, symbol) => steps + (symbol < shorter ? bits - 1 : bits));
  return [...Array.from({ length: steps }, (_, step) => step + 1), ...flat];
};

function announcedBytes(patch: Uint8Array): number {
  if (patch.length < 32) return 100;
  const bytes = new DataView(patch.buffer, patch.byteOffset).getBigUint64(24, true);
  return bytes <= BigInt(outputBytesMax) ? Number(bytes) : 100;
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

function bsdiff40Seeds(): readonly Uint8Array[] {
  const target = Uint8Array.from({ length: 3_000 }, (_, index) => (fuzzBase[index + 5] ?? 0) + (index % 97 === 0 ? 1 : 0));
  const parts = [
    { basePosition: 5, add: 1_000, copy: 100 },
    { basePosition: 1_105, add: 1_500, copy: 0 },
    { basePosition: 0, add: 0, copy: 400 },
  ];
  return [
    encodeBsdiff40(fuzzBase, target, { parts }),
    encodeBsdiff40(fuzzBase, target, { parts, blockBytesMax: 200, level: 1 }),
    encodeBsdiff40(fuzzBase, target.subarray(0, 40), { parts: [{ basePosition: 39_990, add: 10, copy: 30 }] }),
    new Bsdiff40Encoder().finish(),
    new Bsdiff40Encoder().triple(30_000, 900_000, -5).diff(new Uint8Array(30_000)).extra(new Uint8Array(900_000)).finish(),
  ];
}

function bzip2Seeds(): readonly Uint8Array[] {
  return [
    encodeBzip2(new Uint8Array()),
    encodeBzip2(Uint8Array.of(1)),
    encodeBzip2(new Uint8Array(300_000)),
    encodeBzip2(fuzzBase.subarray(0, 2_000)),
    encodeBzip2(fuzzBase.subarray(0, 2_000), { blockBytesMax: 300, level: 1 }),
  ];
}
