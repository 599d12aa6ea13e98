/** Everything an update fetches goes through here: into `.remendo/downloads`, proved before it is parsed. */
import { brotliDecompressSync } from 'node:zlib';
import { bufferSource, readWhole, sliceSource } from '../bytes/byte-source.js';
import type { Blob, DeltaObject } from '../delta/delta.js';
import { type Downloads, downloadRoom, fetchObjects } from '../download/fetch-ranges.js';
import { type ArrivedLocation, assertAnnounced, verifyBlobs } from '../download/verify-arrived.js';
import { UpdaterError } from '../errors.js';
import { withFile } from '../file-system/file-source.js';
import { assertFreeBytes } from '../file-system/free-space.js';
import type { Manifest } from '../manifest/manifest.js';
import { parseManifestOfDigest } from '../manifest/parse-manifest.js';
import type { ObjectFetch } from '../planner/plan.js';
import type { VerifiedManifest } from '../trust/release-trust.js';
import type { UpdateContext } from './update-context.js';

/**
 * Fetches what is not on disk yet, going on where an earlier attempt stopped, and tells its progress. Whatever size the
 * server claims, nothing is fetched that the disk has no room for.
 * @param options.blobs lie in the fetched ranges: a range with a damaged one is fetched anew.
 * @param options.keepsDamaged take also what is damaged at its source: whoever reads a blob proves it.
 */
export async function fetchAll(
  context: UpdateContext,
  fetches: readonly ObjectFetch[],
  options: { readonly blobs?: readonly Blob[]; readonly keepsDamaged?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Downloads> {
  const { host, layout } = context;
  const place = { fileSystem: host.fileSystem, folder: layout.downloads };
  await assertFreeBytes(host.fileSystem, layout.home, await downloadRoom({ ...place, fetches }));
  return fetchObjects({
    ...place,
    source: context.source,
    fetches,
    verify: verifyBlobs(host.fileSystem, options.blobs ?? []),
    keepsDamaged: options.keepsDamaged ?? false,
    clock: host.clock,
    bandwidthBytesPerSecond: context.bandwidthBytesPerSecond,
    signal: options.signal,
    onProgress: ({ bytesDone, bytesTotal }) => context.emit({ kind: 'download-progressed', bytesDone, bytesTotal }),
  });
}

/** A whole object of limited size, in memory, its digest proved. */
export async function fetchSmallObject(
  context: UpdateContext,
  object: DeltaObject,
  bytesMax: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (object.bytes > bytesMax) throw new UpdaterError('LIMIT_EXCEEDED', `object ${object.digest} has more than ${bytesMax} bytes`);
  const whole: Blob = { object: object.digest, offset: 0, bytes: object.bytes, sha256: object.digest };
  const downloads = await fetchAll(context, [wholeObject(object)], signal === undefined ? {} : { signal });
  return readArrived(context, downloads.locate(whole), object);
}

/** All of an object, as one range. */
export const wholeObject = (object: DeltaObject): ObjectFetch => ({
  digest: object.digest,
  objectBytes: object.bytes,
  ranges: object.bytes === 0 ? [] : [{ offset: 0, bytes: object.bytes }],
});

async function readArrived(context: UpdateContext, location: ArrivedLocation, object: DeltaObject): Promise<Uint8Array> {
  return withFile(context.host.fileSystem, location.path, { mode: 'read' }, async (file) => {
    const bytes = await readWhole(sliceSource(file, location.offset, location.bytes));
    // What is in memory now is what is used.
    await assertAnnounced(bufferSource(bytes), { sha256: object.digest, bytes: object.bytes });
    return bytes;
  });
}

/** By how much an encoding may make longer what it can not make shorter: deflate adds 5 bytes to 64 KiB, brotli less. */
export const encodingSpareBytes = (bytes: number): number => 1_024 + Math.ceil(bytes / 1_024);

/** A manifest by its own digest, from its stored (brotli) form. @throws UpdaterError MANIFEST_…, LIMIT_EXCEEDED */
export async function fetchManifest(
  context: UpdateContext,
  object: DeltaObject,
  { digest, bytesMax }: VerifiedManifest,
  signal?: AbortSignal,
): Promise<Manifest> {
  const stored = await fetchSmallObject(context, object, bytesMax + encodingSpareBytes(bytesMax), signal);
  try {
    return parseManifestOfDigest(brotliDecompressSync(stored, { maxOutputLength: bytesMax }), digest);
  } catch (cause) {
    if (cause instanceof UpdaterError) throw cause;
    const isTooLong = (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    const message = isTooLong ? `the manifest has more than ${bytesMax} bytes` : 'the manifest does not decompress';
    throw new UpdaterError(isTooLong ? 'LIMIT_EXCEEDED' : 'MANIFEST_INVALID', message, { cause });
  }
}
