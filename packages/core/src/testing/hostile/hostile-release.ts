/** The release that everything hostile is sent to, and small ones around single contents. */
import { digestOf } from '../../hash/digest.js';
import { createXxh64 } from '../../hash/xxh64.js';
import type { Manifest, ManifestFile } from '../../manifest/manifest.js';
import { validateManifest } from '../../manifest/parse-manifest.js';
import type { ReleasePath } from '../../manifest/release-path.js';
import { prose } from '../container-samples.js';

export type ReleaseBytes = Readonly<Record<string, Uint8Array>>;

/** Where the content is that patches change. */
export const patchedPath = 'data.bin';
export const baseVersion = '1.0.0';
export const targetVersion = '1.0.1';

export const baseContent = prose(4_000, 1);
export const targetContent = prose(4_000, 2);

const keptFile = { 'kept.txt': Buffer.from('is in every release') };

/** A release whose one content that changes is this. */
export const releaseAround = (content: Uint8Array): ReleaseBytes => ({ ...keptFile, [patchedPath]: content });

/** What terminals have, and what a harmless update makes of it. */
export const hostileBase = releaseAround(baseContent);
export const hostileTarget = releaseAround(targetContent);

export async function manifestOf(version: string, files: ReleaseBytes): Promise<Manifest> {
  const described: ManifestFile[] = [];
  for (const [path, bytes] of Object.entries(files)) {
    const hash = await createXxh64();
    hash.update(bytes);
    described.push({ path: path as ReleasePath, bytes: bytes.length, mode: 0o644, sha256: digestOf(bytes), xxh64: hash.digest() });
  }
  return validateManifest({
    format: 'remendo-manifest-1',
    application: 'erp',
    version,
    platform: 'any',
    files: described.sort((a, b) => (a.path < b.path ? -1 : 1)),
  });
}
