import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { isUpdaterError } from '../errors.js';
import { digestOf } from '../hash/digest.js';
import { buildZip, type ZipEntrySpec } from '../testing/zip-builder.js';
import { scanZip } from './scan-zip.js';

const identity = { application: 'erp', platform: 'any', version: '1.2.196612', displayVersion: '1.2.3.4' };
const file: ZipEntrySpec = { name: 'bin/app', content: 'app', mode: 0o100755 };

async function verdict(entries: readonly ZipEntrySpec[]): Promise<string> {
  try {
    const scanned = await scanZip(bufferSource(buildZip(entries)), identity);
    scanned.zip.close();
    return scanned.manifest.files.map(({ path }) => path).join(' ');
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe("a release's zip is scanned", () => {
  it('into its manifest and the places of its contents, each content once', async () => {
    const text = 'the same text, the same text, the same text';
    const bytes = buildZip([
      file,
      { name: 'a', content: text },
      { name: 'b', content: text, method: 0 },
      { name: 'empty', method: 0 },
    ]);
    const { manifest, contents, entryOf, zip } = await scanZip(bufferSource(bytes), identity);
    zip.close();
    expect(manifest.files.map(({ path, mode, sha256 }) => [path, mode, sha256])).toEqual([
      ['a', 0o644, digestOf(text)],
      ['b', 0o644, digestOf(text)],
      ['bin/app', 0o755, digestOf('app')],
      ['empty', 0o644, digestOf('')],
    ]);
    expect(manifest).toMatchObject(identity);
    expect(contents.map((content) => content.sha256)).toEqual([digestOf('app'), digestOf(text), digestOf('')]);
    for (const { offset, encodedBytes, encodedSha256 } of contents) {
      expect(digestOf(bytes.subarray(offset, offset + encodedBytes))).toBe(encodedSha256);
    }
    expect(entryOf.get(digestOf(text))?.path).toBe('a');
  });

  it.each<readonly [what: string, versionText: string | Uint8Array]>([
    ['as it is shown', '1.2.3.4\r\n'],
    ['as semver', '1.2.196612'],
    ['with a v', 'v1.2.3.4'],
    ['in UTF-16', Buffer.from('\ufeff1.2.3.4', 'utf16le')],
  ])('with a version.txt that agrees, %s, which is left out', async (_, content) => {
    expect(await verdict([{ name: 'version.txt', content }, file])).toBe('bin/app');
  });
});

describe("a release's zip is refused", () => {
  it.each<readonly [what: string, entries: readonly ZipEntrySpec[], verdict: RegExp]>([
    ['without files', [], /^ARTIFACT_INVALID: the zip has no files/],
    ['with folders only', [{ name: 'd/', method: 0 }], /^ARTIFACT_INVALID: the zip has no files/],
    ['with version.txt only', [{ name: 'version.txt', content: '1.2.3.4' }], /^ARTIFACT_INVALID: the zip has no files/],
    [
      'of another version',
      [{ name: 'version.txt', content: '1.2.3.5' }, file],
      /^RELEASE_VERSION_DISAGREES: .*1\.2\.3\.5.*1\.2\.3\.4/,
    ],
    ['of no version', [{ name: 'version.txt', content: 'soon' }, file], /^RELEASE_VERSION_DISAGREES: .*no version/],
    ['of an empty version', [{ name: 'VERSION.TXT', content: '' }, file], /^RELEASE_VERSION_DISAGREES/],
    ['with a large version.txt', [{ name: 'version.txt', content: new Uint8Array(70_000) }, file], /^LIMIT_EXCEEDED/],
    [
      "with the updater's files",
      [file, { name: '.remendo/journal', content: 'x' }],
      /^MANIFEST_PATH_UNSAFE: "\.remendo\/journal" is refused/,
    ],
    [
      "with the updater's files in capitals",
      [file, { name: '.Remendo', content: 'x' }],
      /^MANIFEST_PATH_UNSAFE: "\.Remendo" is refused/,
    ],
    [
      'with a file below version.txt',
      [file, { name: 'version.txt/x', content: '1.2.3.4' }],
      /^MANIFEST_PATH_UNSAFE: "version\.txt\/x"/,
    ],
    ['with a damaged file', [file, { name: 'a', content: 'abc', crc32: 5 }], /^ARTIFACT_INVALID: a does not have the CRC-32/],
    ['with a path that leads out', [{ name: '../x', content: 'x' }], /^MANIFEST_PATH_UNSAFE/],
  ])('%s', async (_, entries, expected) => expect(await verdict(entries)).toMatch(expected));

  it('when it is aborted', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(scanZip(bufferSource(buildZip([file])), identity, abort.signal)).rejects.toThrow('enough');
  });
});
