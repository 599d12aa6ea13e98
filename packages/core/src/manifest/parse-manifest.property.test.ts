import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isUpdaterError } from '../errors.js';
import { arbitraryManifest } from '../testing/arbitrary-manifest.js';
import { checkProperty } from '../testing/check-property.js';
import { fuzzInputs } from '../testing/fuzz/fuzz-inputs.js';
import { encodeManifest } from './encode-manifest.js';
import { parseManifest } from './parse-manifest.js';

it('what is encoded is parsed to the same manifest', async () => {
  await checkProperty(
    fc.property(arbitraryManifest, (manifest) => {
      expect(parseManifest(encodeManifest(manifest))).toEqual(manifest);
    }),
    300,
  );
});

it('any change of the bytes gives another manifest or a refusal', async () => {
  const changed = arbitraryManifest.chain((manifest) => {
    const encoded = encodeManifest(manifest);
    return fc.tuple(fc.constant(encoded), fuzzInputs([encoded]));
  });
  await checkProperty(
    fc.property(changed, ([encoded, bytes]) => {
      try {
        const parsed = parseManifest(bytes);
        expect(Buffer.compare(encodeManifest(parsed), bytes)).toBe(0);
        expect(Buffer.compare(encoded, bytes) === 0).toBe(Buffer.compare(encodeManifest(parsed), encoded) === 0);
      } catch (error) {
        if (!isUpdaterError(error)) throw error;
      }
    }),
    500,
  );
});
