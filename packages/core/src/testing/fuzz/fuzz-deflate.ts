/** Fuzz target of the deflate model: corrections and parameters come with a patch, so anything may be in them. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { deflateSync } from 'fflate';
import { UpdaterError } from '../../errors.js';
import { type DeflateParameters, deflateVariants, giveBackDeflater, takeDeflater } from '../../patch/deflate/deflater.js';
import { reproduce } from '../../publish/deflate/reproduce-stream.js';
import { recordsSample, wordsSample } from '../deflate-samples.js';
import type { FuzzTarget } from './fuzz-target.js';

const plains = [new Uint8Array(), wordsSample(700, 1), recordsSample(70_000, 2)];

/** The input is a variant, a level, a memLevel, which plain bytes, and then the corrections. */
export const fuzzDeflate: FuzzTarget = {
  name: 'deflate',
  async run(input) {
    const [variant = 0, level = 0, memLevel = 0, which = 0] = input;
    const parameters = { variant: deflateVariants[variant], level, memLevel } as DeflateParameters;
    deflateFuzzed(parameters, plains[which % plains.length] ?? new Uint8Array(), input.subarray(4));
  },
  seeds: async () => plains.flatMap((plain, which) => [1, 6, 9].map((level) => seedOf(plain, which, level as 1 | 6 | 9))),
  made: () => correctedStreams,
};

/** Numbers of events as they are written: how many tokens later, what it is, and what it needs. */
const eventNumbers = fc.oneof(fc.nat(40), fc.nat(3), fc.constantFrom(255, 4_095, 16_383, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32 - 1));
const varint = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];

const correctedStreams = fc
  .record({
    variant: fc.nat(deflateVariants.length),
    level: fc.nat(10),
    memLevel: fc.integer({ min: 0, max: 10 }),
    which: fc.nat(plains.length - 1),
    events: fc.array(
      fc.oneof(
        eventNumbers.map(varint),
        fc.uint8Array({ maxLength: 3 }).map((bytes) => [...bytes]),
      ),
      { maxLength: 40 },
    ),
  })
  .map(({ variant, level, memLevel, which, events }) => Uint8Array.of(variant, level, memLevel, which, ...events.flat()));

const readBytesMax = 200_000;

/** The input is a stream that a maker meets in a file. What it knows how to make again, it has made. */
export const fuzzDeflateReader: FuzzTarget = {
  name: 'deflate-reader',
  async run(input) {
    const inflated = inflate(input);
    const found = reproduce({ plain: inflated.plain, compressed: input.subarray(0, inflated.consumed) });
    if (found !== null) deflateFuzzed(found.parameters, inflated.plain, found.corrections ?? new Uint8Array());
  },
  seeds: async () =>
    plains.flatMap((plain) =>
      [1, 6, 9].flatMap((level) => [deflateRawSync(plain, { level }), deflateSync(plain, { level: level as 1 | 6 | 9 })]),
    ),
};

function inflate(input: Uint8Array): { readonly plain: Uint8Array; readonly consumed: number } {
  try {
    const { buffer, engine } = inflateRawSync(input, { maxOutputLength: readBytesMax, info: true }) as unknown as {
      readonly buffer: Uint8Array;
      readonly engine: { readonly bytesWritten: number };
    };
    return { plain: buffer, consumed: engine.bytesWritten };
  } catch (cause) {
    throw new UpdaterError('PATCH_INVALID', 'this does not inflate', { cause });
  }
}

/** The corrections of a stream by another compressor. */
function seedOf(plain: Uint8Array, which: number, level: 1 | 6 | 9): Uint8Array {
  const found = reproduce({ plain, compressed: deflateSync(plain, { level }) });
  if (found === null) return Uint8Array.of(0, level, 8, which);
  const { parameters, corrections } = found;
  return Uint8Array.of(
    deflateVariants.indexOf(parameters.variant),
    parameters.level,
    parameters.memLevel,
    which,
    ...(corrections ?? []),
  );
}

function deflateFuzzed(parameters: DeflateParameters, plain: Uint8Array, corrections: Uint8Array): void {
  // No token takes more than 48 bits, and no event more than five times its own length.
  const bytesMax = plain.length * 6 + corrections.length * 5 + 64;
  const deflater = takeDeflater();
  try {
    deflater.open(parameters, corrections);
    let bytes = 0;
    const count = (part: Uint8Array): void => {
      bytes += part.length;
      if (bytes > bytesMax) throw new Error(`${bytes} bytes were made of ${plain.length} and ${corrections.length}`);
    };
    for (let at = 0; at < plain.length; at += 30_000) {
      for (const part of deflater.write(plain.subarray(at, at + 30_000))) count(part);
    }
    for (const part of deflater.end()) count(part);
  } finally {
    giveBackDeflater(deflater);
  }
}
