/** Releases in memory, and a maker of patches of several contents that needs no kernels: what the tests of this folder share. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Derivation, derivationBases, derivationTargets } from '../delta/delta.js';
import { contentsOf } from '../delta/resolve-delta.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { parseReleasePath } from '../manifest/release-path.js';
import type { CodecName } from '../patch/codec-name.js';
import type { PatchReport } from '../patch/describe-patch.js';
import type { MemoryFileSystem } from '../testing/memory-file-system.js';
import { seededRandom } from '../testing/seeded-random.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { BuiltDelta } from './build-delta.js';
import type { PatchMaker } from './patch-maker.js';
import type { ReleaseOnDisk } from './release-on-disk.js';
import { scanFolder } from './scan-folder.js';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export async function writeFiles(fileSystem: MemoryFileSystem, root: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const whole = `${root}/${parseReleasePath(path)}`;
    await fileSystem.makeDirectory(whole.slice(0, whole.lastIndexOf('/')));
    const handle = await fileSystem.open(whole, 'create');
    await handle.write(0, Buffer.from(content));
    await handle.close();
  }
}

/** A release of the files, under a folder of its version's name. */
export async function releaseInMemory(fileSystem: MemoryFileSystem, version: string, files: Files): Promise<ReleaseOnDisk> {
  const root = `/${version}`;
  await fileSystem.makeDirectory(root);
  await writeFiles(fileSystem, root, files);
  const { manifest, filePaths } = await scanFolder(fileSystem, root, { application: 'erp', platform: 'any', version });
  const places = new Map(manifest.files.map((file) => [file.sha256, filePaths.get(file.path) ?? '']));
  return {
    manifest,
    pathOf(sha256) {
      const path = places.get(sha256);
      if (path === undefined) throw new TypeError(`${version} does not have ${sha256}`);
      return path;
    },
  };
}

/** Bytes that do not compress. */
export function noise(seed: number, bytes: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
}

/** The same bytes with a few changes and an insertion, as a new build of a program is. */
export function newBuild(bytes: Uint8Array, step = 4_001): Uint8Array {
  const changed = Buffer.concat([bytes.subarray(0, 1_000), Buffer.from('inserted'), bytes.subarray(1_000)]);
  for (let at = 500; at < changed.length; at += step) changed[at] = (changed[at] ?? 0) ^ 0x55;
  return changed;
}

async function readAll(fileSystem: MemoryFileSystem, paths: readonly string[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const path of paths) {
    const handle = await fileSystem.open(path, 'read');
    const bytes = Buffer.alloc(handle.bytes);
    await handle.read(0, bytes);
    await handle.close();
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** Of a patch that is none of ours. */
export const reportOf = (codec: CodecName): PatchReport => ({
  codec,
  profile: null,
  decodeCost: null,
  transforms: [],
  causes: { header: 0, transforms: 0, blocks: 0, bytes: 0 },
});

/** Its patches are the targets deflated, with the last 32 KiB of the bases before them, behind the digest of all bases. */
export function solidMaker(fileSystem: MemoryFileSystem, options: Partial<PatchMaker> = {}): PatchMaker {
  return {
    codec: 'bsdiff40',
    capacity: { basesMax: 4_096, targetsMax: 4_096, bytesMax: 2 ** 31 },
    available: async () => ({ ok: true }),
    async make({ basePaths, targetPaths, patchPath }) {
      if (basePaths.length === 0 && targetPaths.length === 0) throw new UpdaterError('PATCH_INVALID', 'nothing to make');
      const bases = await readAll(fileSystem, basePaths);
      const targets = deflateRawSync(await readAll(fileSystem, targetPaths), dictionaryOf(bases));
      const handle = await fileSystem.open(patchPath, 'create');
      await handle.write(0, Buffer.concat([Buffer.from(digestOf(bases), 'hex'), targets]));
      await handle.close();
      return reportOf('bsdiff40');
    },
    ...options,
  };
}

const dictionaryOf = (bases: Uint8Array) => (bases.length === 0 ? {} : { dictionary: bases.subarray(-32_768) });

/** Carries out all derivations in their order, patches of `solidMaker` among them. @returns whether the target is there. */
export async function reachesTarget(
  fileSystem: MemoryFileSystem,
  { delta }: BuiltDelta,
  from: { readonly base: ReleaseOnDisk; readonly packs: ReadonlyMap<Digest, string> },
): Promise<boolean> {
  const made = new Map<Digest, string>(contentsOf(from.base.manifest).map(({ sha256 }) => [sha256, from.base.pathOf(sha256)]));
  await fileSystem.makeDirectory('/made');
  for (const derivation of delta.derivations) {
    const basePaths = derivationBases(derivation).map(({ sha256 }) => made.get(sha256) ?? 'a base that is not there');
    await carryOut(fileSystem, derivation, { basePaths, packPath: from.packs.get(derivation.blob.object) ?? '' });
    for (const { sha256 } of derivationTargets(derivation)) made.set(sha256, `/made/${sha256}`);
  }
  for (const { sha256 } of delta.target.files) {
    const path = made.get(sha256);
    if (path === undefined || digestOf(await readAll(fileSystem, [path])) !== sha256) return false;
  }
  return true;
}

async function carryOut(
  fileSystem: MemoryFileSystem,
  derivation: Derivation,
  { basePaths, packPath }: { readonly basePaths: readonly string[]; readonly packPath: string },
): Promise<void> {
  const { offset, bytes, sha256 } = derivation.blob;
  if (derivation.kind === 'whole') {
    const job = { how: { kind: 'whole' as const, encoding: derivation.encoding }, blob: { path: packPath, offset, bytes, sha256 } };
    const targets = [{ ...derivation.target, path: `/made/${derivation.target.sha256}` }];
    return inlineDeriver(fileSystem).derive({ ...job, bases: [], targets });
  }
  const blob = (await readAll(fileSystem, [packPath])).subarray(offset, offset + bytes);
  const bases = await readAll(fileSystem, basePaths);
  if (digestOf(blob) !== sha256 || digestOf(bases) !== blob.toString('hex', 0, 32)) throw new Error('another blob or other bases');
  let targets = inflateRawSync(blob.subarray(32), dictionaryOf(bases));
  for (const target of derivation.targets) {
    await writeFiles(fileSystem, '/made', { [target.sha256]: targets.subarray(0, target.bytes) });
    targets = targets.subarray(target.bytes);
  }
}
