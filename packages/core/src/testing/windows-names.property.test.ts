import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { foldPath, parseReleasePath, type ReleasePath } from '../manifest/release-path.js';
import { checkProperty } from './check-property.js';
import { checkWindowsPath } from './windows-names.js';

const pieces = [
  'con',
  'NUL',
  'com1',
  'LPT¹',
  'aux',
  '.',
  ' ',
  '..',
  ':',
  '*',
  '?',
  '|',
  '~1',
  'readme',
  '.txt',
  '\\',
  '\t',
  'é',
  'a'.repeat(90),
];
const path = fc
  .array(
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
    { minLength: 1, maxLength: 4 },
  )
  .map((segments) => segments.join('/'));

describe('a path that a release may have', () => {
  it('is one that Windows takes as it is', async () => {
    let accepted = 0;
    await checkProperty(
      fc.property(path, (text) => {
        let parsed: ReleasePath;
        try {
          parsed = parseReleasePath(text);
        } catch (error) {
          expect(hasCode(error, 'MANIFEST_PATH_UNSAFE')).toBe(true);
          return;
        }
        accepted++;
        const native = `\\\\?\\C:\\${parsed.replaceAll('/', '\\')}`;
        expect(checkWindowsPath(native)).toBe(native.slice(4));
        expect(foldPath(parsed)).toBe(foldPath(parsed.toUpperCase().toLowerCase()));
      }),
      500,
    );
    expect(accepted).toBeGreaterThan(0);
  });
});
