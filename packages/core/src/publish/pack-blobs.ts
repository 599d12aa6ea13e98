import { join } from 'node:path';
import { sourceChunks } from '../bytes/byte-source.js';
import type { Blob, Derivation } from '../delta/delta.js';
import { fileSink, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type Digest, DigestStream } from '../hash/digest.js';
import type { BuiltBlob } from './build-group.js';

/** The one object in which all blobs of a delta lie. */
export interface DeltaPack {
  readonly digest: Digest;
  readonly bytes: number;
  readonly path: string;
}

export interface PackedBlobs {
  /** Null when there was nothing to pack. */
  readonly pack: DeltaPack | null;
  /** One for each blob, in their order. */
  readonly derivations: readonly Derivation[];
}

/**
 * Joins the stored forms in their order into `<folder>/pack`, synced to disk; intermediate files are removed as they
 * are packed.
 */
export async function packBlobs(
  fileSystem: FileSystem,
  built: readonly BuiltBlob[],
  options: { readonly folder: string; readonly signal?: AbortSignal | undefined },
): Promise<PackedBlobs> {
  if (built.length === 0) return { pack: null, derivations: [] };
  const path = join(options.folder, 'pack');
  return withFile(fileSystem, path, { mode: 'create' }, async (handle) => {
    const packDigest = new DigestStream();
    const places: (readonly [BuiltBlob['stored'], Omit<Blob, 'object'>])[] = [];
    for (const blob of built) {
      const offset = handle.bytes;
      const sink = fileSink(handle, offset);
      const blobDigest = new DigestStream();
      await withFile(fileSystem, blob.path, { mode: 'read' }, async (source) => {
        for await (const chunk of sourceChunks(source, options)) {
          packDigest.update(chunk);
          blobDigest.update(chunk);
          await sink.write(chunk);
        }
      });
      places.push([blob.stored, { offset, bytes: handle.bytes - offset, sha256: blobDigest.digest() }]);
      if (blob.isIntermediate) await fileSystem.removeFile(blob.path);
    }
    await handle.sync();
    const pack = { digest: packDigest.digest(), bytes: handle.bytes, path };
    return { pack, derivations: places.map(([stored, place]) => ({ ...stored, blob: { object: pack.digest, ...place } })) };
  });
}
