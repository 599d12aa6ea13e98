/** Everything an update fetches goes through here: into `.remendo/downloads`, proved before it is parsed. */
import { brotliDecompressSync } from 'node:zlib';
import { readWhole, sliceSource } from '../bytes/byte-source.js';
import type { Blob, DeltaObject } from '../delta/delta.js';
import { type Downloads, downloadRoom, fetchObjects } from '../download/fetch-ranges.js';
import { type ArrivedLocation, verifyArrived, verifyBlobs } from '../download/verify-arrived.js';
import { UpdaterError } from '../errors.js';
import { withFile } from '../file-system/file-source.js';
import { assertFreeBytes } from '../file-system/free-space.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { Manifest } from '../manifest/manifest.js';
import { parseManifestOfDigest } from '../manifest/parse-manifest.js';
import type { ObjectFetch } from '../planner/plan.js';
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
  const { fileSystem } = context.host;
  await verifyArrived(fileSystem, location, { sha256: object.digest, bytes: object.bytes });
  return withFile(fileSystem, location.path, { mode: 'read' }, (file) =>
    readWhole(sliceSource(file, location.offset, location.bytes)),
  );
}

/** A manifest by its own digest, from its stored (brotli) form. @throws UpdaterError MANIFEST_… */
export async function fetchManifest(
  context: UpdateContext,
  object: DeltaObject,
  digest: Digest,
  signal?: AbortSignal,
): Promise<Manifest> {
  const stored = await fetchSmallObject(context, object, limits.manifestBytesMax, signal);
  try {
    return parseManifestOfDigest(brotliDecompressSync(stored, { maxOutputLength: limits.manifestBytesMax }), digest);
  } catch (cause) {
    if (cause instanceof UpdaterError) throw cause;
    throw new UpdaterError('MANIFEST_INVALID', 'the manifest does not decompress', { cause });
  }
}
