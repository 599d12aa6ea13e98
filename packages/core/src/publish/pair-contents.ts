import type { Content } from '../delta/delta.js';
import type { Digest } from '../hash/digest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';

export interface ContentPair {
  /** A content the target has and the base has not. */
  readonly target: Content;
  /** Its first path in the target. */
  readonly path: string;
  /** What it is most likely a new version of; null when nothing in the base looks like it. */
  readonly base: Content | null;
}

/**
 * For each new content of the target the content of the base to patch from: the one at the same path, else among the
 * files that the target no longer has the only one with the same path but for the numbers in it
 * (`sharp-0.33/lib/index.js`), with the same file name, or with the same name but for the numbers in it
 * (`libvips-8.17.2.dll`). In the order of the target's paths, each content once.
 */
export function pairContents(base: Manifest, target: Manifest): readonly ContentPair[] {
  const held = new Set(base.files.map((file) => file.sha256));
  const byPath = new Map(base.files.map((file) => [file.path as string, file]));
  const targetPaths = new Set(target.files.map((file) => file.path));
  const gone = base.files.filter((file) => !targetPaths.has(file.path));
  const likenesses = [pathStem, fileName, nameStem].map((key) => ({ key, files: groupOnce(gone, key) }));
  const pairs = new Map<Digest, ContentPair>();
  for (const file of target.files) {
    if (held.has(file.sha256) || pairs.has(file.sha256)) continue;
    const like = likenesses.map(({ key, files }) => files.get(key(file)));
    const base = byPath.get(file.path) ?? like.find((found) => found !== undefined);
    pairs.set(file.sha256, { target: contentOf(file), path: file.path, base: base === undefined ? null : contentOf(base) });
  }
  return [...pairs.values()];
}

const contentOf = ({ sha256, bytes }: ManifestFile): Content => ({ sha256, bytes });

const withoutNumbers = (text: string): string => text.replaceAll(/\d+/g, '#');
const pathStem = (file: ManifestFile): string => withoutNumbers(file.path.toLowerCase());
const fileName = (file: ManifestFile): string => file.path.slice(file.path.lastIndexOf('/') + 1).toLowerCase();
const nameStem = (file: ManifestFile): string => withoutNumbers(fileName(file));

/** By key; keys that several files share name none of them. */
function groupOnce(files: readonly ManifestFile[], key: (file: ManifestFile) => string): ReadonlyMap<string, ManifestFile> {
  const found = new Map<string, ManifestFile | null>();
  for (const file of files) found.set(key(file), found.has(key(file)) ? null : file);
  return new Map([...found].filter((entry): entry is [string, ManifestFile] => entry[1] !== null));
}
