import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { deflateSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { isUpdaterError } from '../../errors.js';
import { type DeflateParameters, deflateVariants, giveBackDeflater, takeDeflater } from '../../patch/deflate/deflater.js';
import { checkProperty } from '../../testing/check-property.js';
import { noiseSample, recordsSample, wordsSample } from '../../testing/deflate-samples.js';
import { fuzzDeflate } from '../../testing/fuzz/fuzz-deflate.js';
import { fuzzInputs } from '../../testing/fuzz/fuzz-inputs.js';
import { reproduce } from './reproduce-stream.js';

const part = fc
  .tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 1, max: 9 }))
  .chain(([bytes, seed]) =>
    fc.constantFrom(wordsSample(bytes, seed), recordsSample(bytes, seed), noiseSample(bytes >> 4, seed), new Uint8Array(bytes)),
  );
const plainBytes = fc.array(part, { maxLength: 4 }).map((parts): Uint8Array => new Uint8Array(Buffer.concat(parts)));
const level = fc.integer({ min: 1, max: 9 });
const parameters: fc.Arbitrary<DeflateParameters> = fc.record({
  variant: fc.constantFrom(...deflateVariants),
  level,
  memLevel: level,
});

function made(plain: Uint8Array, chosen: DeflateParameters, corrections: Uint8Array | null, writeBytes = 65_536): Buffer {
  const deflater = takeDeflater();
  deflater.open(chosen, corrections);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += writeBytes) {
    for (const output of deflater.write(plain.subarray(at, at + writeBytes))) parts.push(output.slice());
  }
  for (const output of deflater.end()) parts.push(output.slice());
  giveBackDeflater(deflater);
  return Buffer.concat(parts);
}

describe('deflate streams', () => {
  it('inflate to the plain bytes, by whatever parameters they were made', async () => {
    const property = fc.property(plainBytes, parameters, fc.integer({ min: 500, max: 90_000 }), (plain, chosen, writeBytes) => {
      expect(Buffer.compare(inflateRawSync(made(plain, chosen, null, writeBytes)), plain)).toBe(0);
    });
    await checkProperty(property, 40);
  });

  it('are made again as other compressors made them, whatever is reproduced', async () => {
    const property = fc.property(
      plainBytes,
      level,
      fc.integer({ min: 0, max: 4 }),
      fc.boolean(),
      (plain, chosen, strategy, isNode) => {
        const compressed = isNode ? deflateRawSync(plain, { level: chosen, strategy }) : deflateSync(plain, { level: chosen as 1 });
        const found = reproduce({ plain, compressed });
        if (found !== null) expect(Buffer.compare(made(plain, found.parameters, found.corrections), compressed)).toBe(0);
      },
    );
    await checkProperty(property, 40);
  });

  it('are refused or made within bounds, whatever the corrections say', async () => {
    const inputs = fuzzInputs(await fuzzDeflate.seeds());
    const property = fc.asyncProperty(inputs, async (input) => {
      await fuzzDeflate.run(input).catch((error: unknown) => {
        if (!isUpdaterError(error) || error.code !== 'PATCH_INVALID') throw error;
      });
    });
    await checkProperty(property, 300);
  });
});
