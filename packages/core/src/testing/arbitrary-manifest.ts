import fc from 'fast-check';
import { type Digest, digestOf } from '../hash/digest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { validateManifest } from '../manifest/parse-manifest.js';
import { foldPath, type ReleasePath } from '../manifest/release-path.js';

/** What a content's number stands for: the same number is the same content everywhere. */
export const sampleContent = (number: number): { readonly sha256: Digest; readonly bytes: number; readonly xxh64: string } => {
  const sha256 = digestOf(`content ${number}`);
  return { sha256, bytes: (number * 7919) % 100_000, xxh64: sha256.slice(0, 16) };
};

export const sampleFile = (path: string, content: number, mode = 0o644): ManifestFile => ({
  path: path as ReleasePath,
  mode,
  ...sampleContent(content),
});

/** A valid manifest of these files, in any order. */
export const sampleManifest = (version: string, files: readonly ManifestFile[]): Manifest =>
  validateManifest({
    format: 'remendo-manifest-1',
    application: 'erp',
    version,
    platform: 'any',
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  });

const name = fc.constantFrom('a', 'app.js', 'bin', 'ação.txt', 'lib-1', 'lib-2', 'x.dll', '.env', '日本', '👍', 'z z', 'data[1]');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
const file = fc.record({ path, content: fc.nat(30), executable: fc.boolean() });

/** Manifests whose contents and paths often recur in each other. */
export const arbitraryManifest: fc.Arbitrary<Manifest> = fc
  .record({ files: fc.array(file, { maxLength: 20 }), patch: fc.nat(50) })
  .map(({ files, patch }) => sampleManifest(`1.0.${patch}`, withoutCollisions(files)));

/** Leaves out what would be the same path as another, or lie below a file. */
function withoutCollisions(
  files: readonly { readonly path: string; readonly content: number; readonly executable: boolean }[],
): readonly ManifestFile[] {
  const kept = new Map<string, ManifestFile>();
  for (const { path, content, executable } of files) {
    const folded = foldPath(path);
    const collides = [...kept.keys()].some(
      (other) => other === folded || other.startsWith(`${folded}/`) || folded.startsWith(`${other}/`),
    );
    if (!collides) kept.set(folded, sampleFile(path, content, executable ? 0o755 : 0o644));
  }
  return [...kept.values()];
}
