/** Fuzz targets of what describes a release: manifests, versions, the hash that tells files apart. */
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { UpdaterError } from '../../errors.js';
import { createXxh64 } from '../../hash/xxh64.js';
import { encodeManifest } from '../../manifest/encode-manifest.js';
import type { Manifest } from '../../manifest/manifest.js';
import { parseManifest } from '../../manifest/parse-manifest.js';
import { isOwnPath, parseReleasePath } from '../../manifest/release-path.js';
import { compareVersions, encodeVersionText, isSemver, parseVersionText, shownVersion } from '../../manifest/version.js';
import { sampleFile, sampleManifest } from '../arbitrary-manifest.js';
import { hostileSeeds } from './fuzz-hostile.js';
import type { FuzzTarget } from './fuzz-target.js';
import { type Json, jsonBytes, variedJson } from './vary-json.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Two releases that have files, contents and folders in common. */
export const fuzzReleases: { readonly base: Manifest; readonly target: Manifest } = {
  base: sampleManifest('1.0.0', [
    sampleFile('bin/app.exe', 1, 0o755),
    sampleFile('docs/ação.txt', 2),
    sampleFile('gone.txt', 3),
    sampleFile('lib/a.dll', 4),
  ]),
  target: sampleManifest('1.0.1', [
    sampleFile('bin/app.exe', 11, 0o755),
    sampleFile('docs/ação.txt', 2),
    sampleFile('docs/more.txt', 12),
    sampleFile('lib/b.dll', 4),
  ]),
};
const { base, target } = fuzzReleases;

/** A parsed manifest is the one value whose canonical form the bytes are, and its paths are safe. */
export const fuzzManifest: FuzzTarget = {
  name: 'manifest',
  async run(bytes) {
    const manifest = parseManifest(bytes);
    if (Buffer.compare(encodeManifest(manifest), bytes) !== 0) throw new Error('the manifest has two spellings');
    for (const { path } of manifest.files) {
      if (parseReleasePath(path) !== path || isOwnPath(path)) throw new Error(`${path} is not a safe path`);
    }
  },
  seeds: async () => [
    encodeManifest(base),
    encodeManifest(target),
    encodeManifest({ ...base, files: [] }),
    encodeManifest({ ...base, files: base.files.slice(0, 1), version: '1.2.196612', displayVersion: '1.2.3.4' }),
    ...(await hostileSeeds('manifest', ({ bytes }) => bytes)),
  ],
  made: () => {
    const varied = variedJson({ ...base, displayVersion: '1.0.0.0' } as unknown as Json);
    return fc.oneof({ arbitrary: varied.map(canonicalBytes), weight: 3 }, { arbitrary: jsonBytes(varied), weight: 1 });
  },
};

/** What has a canonical form gets past the last check. */
function canonicalBytes(value: Json): Uint8Array {
  try {
    return text(canonicalize(value) ?? '');
  } catch {
    return text(JSON.stringify(value));
  }
}

/** A version that was read is semver, and is read again from what is written of it. */
export const fuzzVersionText: FuzzTarget = {
  name: 'version-text',
  async run(bytes) {
    const version = parseVersionText(bytes);
    if (version === null) throw new UpdaterError('RELEASE_VERSION_INVALID', 'no version');
    const again = parseVersionText(encodeVersionText(version));
    if (!isSemver(version.version) || again === null || shownVersion(again) !== shownVersion(version)) {
      throw new Error(`${JSON.stringify(version)} is not read again`);
    }
    if (compareVersions(version.version, again.version) !== 0) throw new Error(`${version.version} is not as new as itself`);
  },
  seeds: async () => [text('1.2.3\n'), text('v1.2.3.4\r\n'), text('\ufeff1.2.3-rc.1+b\n'), Buffer.from('\ufeff1.2.3.4', 'utf16le')],
  made: () => versionTexts.map(text),
};

const versionParts = '0 1 01 65535 65536 99999 9007199254740991 9007199254740992 - + . . . rc v'.split(' ');
const versionTexts = fc.array(fc.constantFrom(...versionParts, ' '), { maxLength: 24 }).map((parts) => parts.join(''));

/** The input is hashed whole and in two pieces; a hash is 16 hex digits and no matter of pieces. */
export const fuzzXxh64: FuzzTarget = {
  name: 'xxh64',
  async run(bytes) {
    const [whole, pieces] = [await createXxh64(), await createXxh64()];
    whole.update(bytes);
    const middle = (bytes[0] ?? 0) % (bytes.length + 1);
    pieces.update(bytes.subarray(0, middle));
    pieces.update(bytes.subarray(middle));
    const digest = whole.digest();
    if (!/^[0-9a-f]{16}$/.test(digest) || pieces.digest() !== digest) throw new Error(`${digest} is not the hash of the pieces`);
  },
  seeds: async () => [new Uint8Array(), text('a'), new Uint8Array(70_000)],
};
