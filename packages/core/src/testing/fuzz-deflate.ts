/** Fuzz target of the deflate model: corrections and parameters come with a patch, so anything may be in them. */
import { deflateSync } from 'fflate';
import { type DeflateParameters, deflateVariants, giveBackDeflater, takeDeflater } from '../patch/deflate/deflater.js';
import { reproduce } from '../publish/deflate/reproduce-stream.js';
import { recordsSample, wordsSample } from './deflate-samples.js';
import type { FuzzTarget } from './fuzz.js';

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
};

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
