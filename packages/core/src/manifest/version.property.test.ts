import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkProperty } from '../testing/check-property.js';
import { compareVersions, encodeVersionText, isSemver, parseVersion, parseVersionText } from './version.js';

const part = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(0, 1, 65_534, 65_535));
const fourParts = fc.tuple(part, part, part, part);

const compareParts = (a: readonly number[], b: readonly number[]): number => {
  for (let index = 0; index < 4; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
};

it('four-part versions are in the order of what they are mapped to', async () => {
  const pair = fc.tuple(fourParts, fourParts, fc.integer({ min: 0, max: 4 })).map(([a, b, shared]) => {
    return [a, [...a.slice(0, shared), ...b.slice(shared)]] as const;
  });
  await checkProperty(
    fc.property(pair, ([a, b]) => {
      const [one, other] = [parseVersion(a.join('.')), parseVersion(b.join('.'))];
      expect(Math.sign(compareVersions(one.version, other.version))).toBe(compareParts(a, b));
      expect(one.version === other.version).toBe(compareParts(a, b) === 0);
      expect(one.displayVersion).toBe(a.join('.'));
    }),
    2_000,
  );
});

it('any bytes are a version or none, and a version is written as it is read', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
  );
  await checkProperty(
    fc.property(bytes, (text) => {
      const version = parseVersionText(text);
      if (version === null) return;
      expect(isSemver(version.version)).toBe(true);
      expect(parseVersionText(encodeVersionText(version))).toEqual(version);
    }),
    2_000,
  );
});
