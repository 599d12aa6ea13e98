/** Between an index's numbers and a delta's meaning: needs the base manifest on both sides. */
import { UpdaterError } from '../errors.js';
import { type Digest, DigestStream } from '../hash/digest.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { validateManifest } from '../manifest/parse-manifest.js';
import type { ReleasePath } from '../manifest/release-path.js';
import { type Content, type Delta, type Derivation, derivationBases, derivationTargets } from './delta.js';
import type { DeltaIndex } from './delta-index.js';
import type { IndexFile } from './index-files.js';

/** SHA-256 over `<sha256> <path>\n` of every file, in order: what a base has to agree in. */
export function contentsDigest(manifest: Manifest): Digest {
  const stream = new DigestStream();
  for (const file of manifest.files) stream.update(Buffer.from(`${file.sha256} ${file.path}\n`));
  return stream.digest();
}

/** Distinct contents of a manifest in the order of its files. */
export function contentsOf(manifest: Manifest): readonly Content[] {
  const contents = new Map<Digest, Content>();
  for (const file of manifest.files)
    if (!contents.has(file.sha256)) contents.set(file.sha256, { sha256: file.sha256, bytes: file.bytes });
  return [...contents.values()];
}

/**
 * The index of a delta. The delta must be sound: every derivation's bases exist before it, every content of the target
 * exists at the end (a TypeError otherwise: that is a mistake of the caller's, not bad input).
 */
export function indexDelta(delta: Delta): DeltaIndex {
  const base = contentsOf(delta.base);
  const numbers = new Map(base.map((content, index) => [content.sha256, index]));
  const numberOf = (sha256: Digest): number => {
    const number = numbers.get(sha256);
    if (number === undefined) throw new TypeError(`no derivation makes content ${sha256}`);
    return number;
  };
  let next = base.length;
  const objects = new Map(delta.objects.map((object, index) => [object.digest, index]));
  const derivations = delta.derivations.map((derivation) => {
    const object = objects.get(derivation.blob.object);
    if (object === undefined) throw new TypeError(`object ${derivation.blob.object} is not listed`);
    const blob = { ...derivation.blob, object };
    const bases = derivationBases(derivation).map((content) => numberOf(content.sha256));
    for (const target of derivationTargets(derivation)) {
      if (!numbers.has(target.sha256)) numbers.set(target.sha256, next);
      next += 1;
    }
    return derivation.kind === 'whole' ? { ...derivation, blob } : { ...derivation, bases, blob };
  });
  const targetPaths = new Set(delta.target.files.map((file) => file.path));
  return {
    baseContentsDigest: contentsDigest(delta.base),
    baseVersion: delta.base.version,
    baseFiles: delta.base.files.length,
    baseContents: base.length,
    application: delta.target.application,
    platform: delta.target.platform,
    version: delta.target.version,
    displayVersion: delta.target.displayVersion ?? '',
    targetManifestDigest: manifestDigest(delta.target),
    objects: delta.objects,
    derivations,
    files: indexFiles(delta, numberOf, base.length),
    removed: positions(delta.base.files, (file) => !targetPaths.has(file.path)),
    executable: positions(delta.target.files, (file) => file.mode === 0o755),
  };
}

function indexFiles({ base, target }: Delta, numberOf: (sha256: Digest) => number, baseContents: number): readonly IndexFile[] {
  const placeOf = new Map(base.files.map((file, position) => [file.path, { position, sha256: file.sha256 }]));
  const files = target.files
    .filter((file) => placeOf.get(file.path)?.sha256 !== file.sha256)
    .map(({ path, sha256, xxh64 }): IndexFile => {
      const position = placeOf.get(path)?.position;
      const content = numberOf(sha256);
      const place = position === undefined ? { path } : { position };
      return content < baseContents ? { ...place, content } : { ...place, content, xxh64 };
    });
  return [...files.filter((file) => 'position' in file), ...files.filter((file) => 'path' in file)];
}

const positions = <T>(items: readonly T[], wanted: (item: T) => boolean): readonly number[] =>
  items.flatMap((item, index) => (wanted(item) ? [index] : []));

/**
 * Gives an index its meaning on the base it was made for: the target manifest, proved by its digest, and derivations
 * by content.
 * @throws UpdaterError DELTA_BASE_MISMATCH when the base is another one, DELTA_INVALID or MANIFEST_… when it is not sound.
 */
export function resolveDelta(index: DeltaIndex, base: Manifest): Delta {
  const contents = [...contentsOf(base)];
  if (
    contentsDigest(base) !== index.baseContentsDigest ||
    contents.length !== index.baseContents ||
    base.files.length !== index.baseFiles
  ) {
    throw new UpdaterError('DELTA_BASE_MISMATCH', `the delta starts from another state than ${base.application} ${base.version}`, {
      details: { baseVersion: index.baseVersion },
    });
  }
  const contentAt = (number: number): Content => {
    const content = contents[number];
    if (content === undefined) throw new UpdaterError('DELTA_INVALID', `content ${number} does not exist`);
    return content;
  };
  const derivations = index.derivations.map((derivation): Derivation => {
    const object = index.objects[derivation.blob.object]?.digest as Digest;
    const blob = { ...derivation.blob, object };
    const resolved: Derivation =
      derivation.kind === 'whole' ? { ...derivation, blob } : { ...derivation, bases: derivation.bases.map(contentAt), blob };
    contents.push(...derivationTargets(resolved));
    return resolved;
  });
  const target = targetManifest(index, base, contentAt);
  const actual = manifestDigest(target);
  if (actual !== index.targetManifestDigest) {
    throw new UpdaterError('DELTA_INVALID', 'the delta does not lead to the manifest it names', {
      details: { expected: index.targetManifestDigest, actual },
    });
  }
  return { base, target, objects: index.objects, derivations };
}

function targetManifest(index: DeltaIndex, base: Manifest, contentAt: (number: number) => Content): Manifest {
  const removed = new Set(index.removed);
  const xxh64 = new Map(base.files.map((file) => [file.sha256, file.xxh64]));
  const pathAt = (position: number): ReleasePath => {
    const file = base.files[position];
    if (file === undefined) throw new UpdaterError('DELTA_INVALID', `base file ${position} does not exist`);
    return file.path;
  };
  const files = new Map<string, ManifestFile>();
  base.files.forEach((file, position) => {
    if (!removed.has(position)) files.set(file.path, file);
  });
  for (const file of index.files) {
    const content = contentAt(file.content);
    // The path is proved safe by validateManifest below, before anything uses it.
    const path = 'path' in file ? (file.path as ReleasePath) : pathAt(file.position);
    files.set(path, {
      ...content,
      path,
      mode: 0o644,
      xxh64: file.xxh64 ?? xxh64.get(content.sha256) ?? '',
    });
  }
  const executable = new Set(index.executable);
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return validateManifest({
    format: 'remendo-manifest-1',
    application: index.application,
    version: index.version,
    ...(index.displayVersion === '' ? {} : { displayVersion: index.displayVersion }),
    platform: index.platform,
    files: sorted.map((file, position) => ({
      path: file.path,
      bytes: file.bytes,
      mode: executable.has(position) ? 0o755 : 0o644,
      sha256: file.sha256,
      xxh64: file.xxh64,
    })),
  });
}
