import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { hasCode, isUpdaterError } from '../errors.js';
import { arbitraryDelta } from '../testing/arbitrary-delta.js';
import { sampleFile, sampleManifest } from '../testing/arbitrary-manifest.js';
import { checkProperty } from '../testing/check-property.js';
import { fuzzInputs } from '../testing/fuzz/fuzz-inputs.js';
import { decodeDeltaFile, encodeDeltaFileHead } from './delta-file.js';
import { compressIndex, decodeDeltaIndex, encodeDeltaIndex, encodePlainIndex } from './delta-index.js';
import { contentsDigest, indexDelta, resolveDelta } from './resolve-delta.js';

/** What it gives, or the UpdaterError it refuses with; anything else it throws fails the test. */
function attempt<T>(run: () => T): { readonly value: T } | { readonly code: string } {
  try {
    return { value: run() };
  } catch (error) {
    if (isUpdaterError(error)) return { code: error.code };
    throw error;
  }
}

describe('whatever the delta is', () => {
  it('its index, encoded, decoded and resolved on its base, is the delta', async () => {
    await checkProperty(
      fc.property(arbitraryDelta, (delta) => {
        const index = indexDelta(delta);
        const decoded = decodeDeltaIndex(encodeDeltaIndex(index));
        expect(decoded).toEqual(index);
        expect(resolveDelta(decoded, delta.base)).toEqual(delta);
      }),
      300,
    );
  });

  it('its index is refused on any other base, and modes of the base do not count', async () => {
    await checkProperty(
      fc.property(arbitraryDelta, fc.nat(), (delta, pick) => {
        const index = indexDelta(delta);
        const { base } = delta;
        const withModes = { ...base, files: base.files.map((file) => ({ ...file, mode: file.mode ^ 0o644 ^ 0o755 })) };
        expect(attempt(() => resolveDelta(index, withModes).target)).toEqual({ value: delta.target });
        const more = sampleManifest('9.9.9', [...base.files, sampleFile('zz/more', 77)]);
        expect(attempt(() => resolveDelta(index, more))).toEqual({ code: 'DELTA_BASE_MISMATCH' });
        if (base.files.length === 0) return;
        const at = pick % base.files.length;
        const fewer = { ...base, files: base.files.filter((_, position) => position !== at) };
        const other = { ...base, files: base.files.map((file, position) => (position === at ? sampleFile(file.path, 78) : file)) };
        for (const wrong of [fewer, other])
          expect(attempt(() => resolveDelta(index, wrong))).toEqual({ code: 'DELTA_BASE_MISMATCH' });
        expect(contentsDigest(other)).not.toBe(index.baseContentsDigest);
      }),
      100,
    );
  });

  it('any bytes as its index give a value or a refusal, and never another target than the named one', async () => {
    const changed = arbitraryDelta.chain((delta) => {
      const plain = encodePlainIndex(indexDelta(delta));
      const compressed = encodeDeltaIndex(indexDelta(delta));
      return fc.tuple(
        fc.constant(delta),
        fc.oneof(
          { arbitrary: fuzzInputs([plain]).map(compressIndex), weight: 9 },
          { arbitrary: fuzzInputs([compressed]), weight: 1 },
        ),
      );
    });
    await checkProperty(
      fc.property(changed, ([delta, bytes]) => {
        const decoded = attempt(() => decodeDeltaIndex(bytes));
        if ('code' in decoded) {
          expect(['DELTA_INVALID', 'LIMIT_EXCEEDED', 'PATCH_CODEC_UNKNOWN']).toContain(decoded.code);
          return;
        }
        const resolved = attempt(() => resolveDelta(decoded.value, delta.base));
        if ('code' in resolved || decoded.value.targetManifestDigest !== indexDelta(delta).targetManifestDigest) return;
        expect(resolved.value.target).toEqual(delta.target);
      }),
      600,
    );
  });

  it('any bytes as a delta file give a value or a refusal', async () => {
    const file = arbitraryDelta.map((delta) => {
      const [object] = delta.objects;
      if (object === undefined || delta.objects.length > 1)
        return encodeDeltaFileHead(indexDelta({ ...delta, target: delta.base, derivations: [] }));
      return encodeDeltaFileHead(indexDelta(delta));
    });
    await checkProperty(
      fc.asyncProperty(
        file.chain((bytes) => fuzzInputs([bytes])),
        async (bytes) => {
          try {
            await decodeDeltaFile(bufferSource(bytes));
          } catch (error) {
            if (!hasCode(error, 'DELTA_INVALID', 'LIMIT_EXCEEDED', 'PATCH_CODEC_UNKNOWN')) throw error;
          }
        },
      ),
      400,
    );
  });
});
