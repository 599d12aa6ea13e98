import { join } from 'node:path';
import { sourceChunks } from '../bytes/byte-source.js';
import type { Blob, Derivation } from '../delta/delta.js';
import { fileSink, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type Digest, DigestStream } from '../hash/digest.js';
import type { BuiltContent } from './build-content.js';

/** The one object in which all blobs of a delta lie. */
export interface DeltaPack {
  readonly digest: Digest;
  readonly bytes: number;
  readonly path: string;
}

export interface PackedContents {
  /** Null when there was nothing to pack. */
  readonly pack: DeltaPack | null;
  /** One for each content, in their order. */
  readonly derivations: readonly Derivation[];
}

/**
 * Joins the stored forms in their order into `<folder>/pack`, synced to disk; intermediate files are removed as they
 * are packed.
 */
export async function packContents(
  fileSystem: FileSystem,
  built: readonly BuiltContent[],
  options: { readonly folder: string; readonly signal?: AbortSignal | undefined },
): Promise<PackedContents> {
  if (built.length === 0) return { pack: null, derivations: [] };
  const path = join(options.folder, 'pack');
  return withFile(fileSystem, path, { mode: 'create' }, async (handle) => {
    const packDigest = new DigestStream();
    const blobs: Omit<Blob, 'object'>[] = [];
    for (const content of built) {
      const offset = handle.bytes;
      const sink = fileSink(handle, offset);
      const blobDigest = new DigestStream();
      await withFile(fileSystem, content.path, { mode: 'read' }, async (source) => {
        for await (const chunk of sourceChunks(source, options)) {
          packDigest.update(chunk);
          blobDigest.update(chunk);
          await sink.write(chunk);
        }
      });
      blobs.push({ offset, bytes: handle.bytes - offset, sha256: blobDigest.digest() });
      if (content.isIntermediate) await fileSystem.removeFile(content.path);
    }
    await handle.sync();
    const pack = { digest: packDigest.digest(), bytes: handle.bytes, path };
    const derivations = blobs.flatMap((blob, index) => {
      const content = built[index];
      return content === undefined ? [] : [derivationOf(content, { object: pack.digest, ...blob })];
    });
    return { pack, derivations };
  });
}

const derivationOf = ({ pair, stored }: BuiltContent, blob: Blob): Derivation =>
  stored.kind === 'whole'
    ? { kind: 'whole', target: pair.target, encoding: stored.encoding, blob }
    : { kind: 'patch', codec: stored.codec, bases: [stored.base], targets: [pair.target], blob };
