/** The doors of the library: what reads each kind of input, called as an embedder would. */
import { join } from 'node:path';
import { bufferSource } from '../../bytes/byte-source.js';
import { decodeDeltaFile } from '../../delta/delta-file.js';
import { decodeDeltaIndex } from '../../delta/delta-index.js';
import { resolveDelta } from '../../delta/resolve-delta.js';
import { verifyArrived } from '../../download/verify-arrived.js';
import { type ErrorCode, isUpdaterError } from '../../errors.js';
import { withFile } from '../../file-system/file-source.js';
import type { FileSystem } from '../../file-system/file-system.js';
import { digestOf } from '../../hash/digest.js';
import { parseManifest } from '../../manifest/parse-manifest.js';
import { installLayout } from '../../transaction/install-layout.js';
import { parseJournalBytes } from '../../transaction/journal.js';
import { readInstalled } from '../../update/install-state.js';
import { deriveContents } from '../../workers/derive-contents.js';
import { openZip } from '../../zip/read-zip.js';
import type { HostileInput } from './hostile-fixture.js';
import { baseVersion, hostileBase, manifestOf } from './hostile-release.js';

export interface LibraryDisk {
  readonly fileSystem: FileSystem;
  /** Empty, and empty again afterwards but for what was to be made. */
  readonly folder: string;
}

/** Kinds that come to the library only through an update. */
export type LibraryInput = Exclude<HostileInput, { readonly kind: 'answer' | 'link' | 'swap' }>;

/**
 * Reads the input to its end.
 * @returns the code it is refused with; null when it is taken, or set aside.
 * @throws whatever is no `UpdaterError`: a finding.
 */
export async function refusalInLibrary(input: LibraryInput, disk: LibraryDisk): Promise<ErrorCode | null> {
  try {
    await read(input, disk);
    return null;
  } catch (error) {
    if (isUpdaterError(error)) return error.code;
    throw error;
  }
}

async function read(input: LibraryInput, disk: LibraryDisk): Promise<void> {
  switch (input.kind) {
    case 'zip':
      return readZip(input.bytes);
    case 'blob':
      return derive(input, disk);
    case 'index':
      return void resolveDelta(decodeDeltaIndex(input.encoded), await manifestOf(baseVersion, hostileBase));
    case 'delta':
      return readDelta(input.bytes, disk);
    case 'manifest':
      return void parseManifest(input.bytes);
    case 'journal':
      return void (await parseJournalBytes(input.bytes));
    case 'own-file':
      return readOwnFile(input, disk);
  }
}

async function readZip(bytes: Uint8Array): Promise<void> {
  const zip = await openZip(bufferSource(bytes));
  try {
    for (const entry of zip.entries) for await (const _ of entry.read());
  } finally {
    zip.close();
  }
}

const write = (disk: LibraryDisk, name: string, bytes: Uint8Array): Promise<void> =>
  withFile(disk.fileSystem, join(disk.folder, name), { mode: 'create' }, (handle) => handle.write(0, bytes));

async function derive({ how, base, target, blob }: LibraryInput & { readonly kind: 'blob' }, disk: LibraryDisk): Promise<void> {
  const files = { base, blob };
  for (const [name, bytes] of Object.entries(files)) await write(disk, name, bytes);
  const contentAt = (name: string, bytes: Uint8Array) => ({
    path: join(disk.folder, name),
    bytes: bytes.length,
    sha256: digestOf(bytes),
  });
  const job = {
    how,
    blob: { ...contentAt('blob', blob), offset: 0 },
    bases: how.kind === 'patch' ? [contentAt('base', base)] : [],
    targets: [contentAt('target', target)],
  };
  try {
    await deriveContents(disk.fileSystem, job);
  } finally {
    for (const name of ['base', 'blob', 'target']) await disk.fileSystem.removeFile(join(disk.folder, name));
  }
}

/** Head, index, and the blobs as they are held against their digests. */
async function readDelta(bytes: Uint8Array, disk: LibraryDisk): Promise<void> {
  const { index, bodyOffset } = await decodeDeltaFile(bufferSource(bytes));
  resolveDelta(index, await manifestOf(baseVersion, hostileBase));
  await write(disk, 'delta', bytes);
  try {
    for (const { blob } of index.derivations) {
      const location = { path: join(disk.folder, 'delta'), offset: bodyOffset + blob.offset, bytes: blob.bytes };
      await verifyArrived(disk.fileSystem, location, blob);
    }
  } finally {
    await disk.fileSystem.removeFile(join(disk.folder, 'delta'));
  }
}

/** Such a file is as good as none: an install that has nothing else is not known. */
async function readOwnFile({ path, bytes }: LibraryInput & { readonly kind: 'own-file' }, disk: LibraryDisk): Promise<void> {
  const layout = installLayout(disk.folder);
  await disk.fileSystem.makeDirectory(layout.home);
  await write(disk, path, bytes);
  try {
    const { version, manifest, blocked } = await readInstalled(disk.fileSystem, layout);
    if (version !== null || manifest !== null || blocked.length > 0) throw new Error(`${path} was believed`);
  } finally {
    await disk.fileSystem.removeFile(join(disk.folder, path));
    await disk.fileSystem.removeDirectory(layout.home);
  }
}
