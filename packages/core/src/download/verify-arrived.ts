/**
 * The one door for bytes from outside (invariant 7, first half): whatever was fetched, from whichever source, passes
 * `verifyArrived` before anything parses it. The digests it is held against are those the server announced in its plan;
 * signed metadata replaces where they come from, not this step: once digests are taken from a signed manifest or a
 * signed list of objects, nothing unsigned gets past here.
 */
import { type ByteSource, sliceSource } from '../bytes/byte-source.js';
import type { Blob } from '../delta/delta.js';
import { UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type Digest, digestOfSource } from '../hash/digest.js';
import type { ByteRange } from '../planner/plan.js';
import { covers } from './download-folder.js';

/** Bytes [offset, offset + bytes) of a file. */
export interface ArrivedLocation extends ByteRange {
  readonly path: string;
}

/** A file that holds bytes [offset, offset + bytes) of an object, from its own start. */
export interface ArrivedRange extends ByteRange {
  readonly path: string;
  readonly digest: Digest;
}

/**
 * Proves that a file holds, at that place, exactly the announced bytes. Reads it once, in constant memory.
 * @throws UpdaterError DOWNLOAD_DIGEST_MISMATCH, also when the file is too short; STORAGE_… when it can not be read;
 *   the signal's reason once that is aborted.
 */
export async function verifyArrived(
  fileSystem: FileSystem,
  location: ArrivedLocation,
  announced: { readonly sha256: Digest; readonly bytes: number },
  signal?: AbortSignal,
): Promise<void> {
  const file = await fileSystem.open(location.path, 'read');
  try {
    await assertAnnounced(sliceSource(file, location.offset, location.bytes), announced, signal);
  } finally {
    await file.close();
  }
}

/**
 * The same for a file that is open, and that is read on from this very handle: nobody can put another in its place between
 * the proof and the use.
 * @throws UpdaterError as `verifyArrived`.
 */
export async function assertAnnounced(
  source: ByteSource,
  announced: { readonly sha256: Digest; readonly bytes: number },
  signal?: AbortSignal,
): Promise<void> {
  const actual = source.bytes === announced.bytes ? await digestOfSource(source, signal) : `${source.bytes} bytes`;
  if (actual === announced.sha256) return;
  throw new UpdaterError('DOWNLOAD_DIGEST_MISMATCH', 'a downloaded file does not hold the bytes that were announced', {
    details: { expected: announced.sha256, expectedBytes: announced.bytes, actual },
  });
}

/**
 * Verifies ranges by the blobs that lie in them: what to give to `fetchObjects`, so that a torn or corrupt range is
 * found, and fetched anew, while it is being downloaded. Bytes between blobs stay unverified, and unused.
 */
export function verifyBlobs(
  fileSystem: FileSystem,
  blobs: readonly Blob[],
): (range: ArrivedRange, signal?: AbortSignal) => Promise<void> {
  const byObject = new Map<Digest, Blob[]>();
  for (const blob of blobs) {
    const others = byObject.get(blob.object);
    if (others === undefined) byObject.set(blob.object, [blob]);
    else others.push(blob);
  }
  return async (range, signal) => {
    for (const blob of byObject.get(range.digest) ?? []) {
      if (!covers(range, blob)) continue;
      await verifyArrived(fileSystem, { path: range.path, offset: blob.offset - range.offset, bytes: blob.bytes }, blob, signal);
    }
  };
}
