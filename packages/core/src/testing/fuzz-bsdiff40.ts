/**
 * Fuzz targets of the BSDIFF40 applier and of its bzip2 decoder. Besides "an UpdaterError or nothing" they check what
 * was promised about work and output: never more bytes out than announced, never more reading than the bytes justify.
 */
import { type ByteSource, bufferSource } from '../bytes/byte-source.js';
import { bsdiff40Codec } from '../patch/bsdiff40/bsdiff40-codec.js';
import { Bzip2Reader } from '../patch/bsdiff40/bzip2-reader.js';
import { Bsdiff40Encoder, encodeBsdiff40, encodeTriples } from './bsdiff40-encoder.js';
import { encodeBzip2 } from './bzip2-encoder.js';
import type { FuzzTarget } from './fuzz.js';
import { memoryScratch } from './memory-scratch.js';

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
  seeds: async () => bsdiff40Seeds(),
};

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
};

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
