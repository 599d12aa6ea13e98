/**
 * One derivation, from files to files: checks what arrived, decodes it, and proves every target by its digest. Runs in a
 * worker or in place; everything it needs is in the job.
 */
import { createBrotliDecompress, createInflateRaw } from 'node:zlib';
import { inflateSync } from 'fflate';
import { type ByteSink, type ByteSource, readWhole, sliceSource, sourceChunks } from '../bytes/byte-source.js';
import { transformChunks } from '../bytes/transform-chunks.js';
import type { Content, EncodingName } from '../delta/delta.js';
import { assertAnnounced } from '../download/verify-arrived.js';
import { isUpdaterError, UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { OpenFiles } from '../file-system/open-files.js';
import { scratchFiles } from '../file-system/scratch-files.js';
import { type Digest, DigestStream } from '../hash/digest.js';
import { applyPatch } from '../patch/apply-patch.js';
import type { OpenScratch } from '../patch/patch-codec.js';

export interface ContentFile extends Content {
  readonly path: string;
}

export interface DeriveJob {
  readonly how: { readonly kind: 'patch'; readonly codec: string } | { readonly kind: 'whole'; readonly encoding: EncodingName };
  /** Where the blob lies, and its digest. */
  readonly blob: { readonly path: string; readonly offset: number; readonly bytes: number; readonly sha256: Digest };
  readonly bases: readonly ContentFile[];
  /** Files to be made; what is there before is overwritten. */
  readonly targets: readonly ContentFile[];
}

/** Below this a content is inflated in memory at once; streams cost more than they save there. */
const inMemoryBytesMax = 256 * 1024;

/**
 * Makes the job's targets. Afterwards each target file holds exactly its content, synced to disk.
 * @throws UpdaterError DOWNLOAD_DIGEST_MISMATCH, PATCH_…, STORAGE_…; target files are then to be thrown away.
 */
export async function deriveContents(fileSystem: FileSystem, job: DeriveJob, signal?: AbortSignal): Promise<void> {
  const file = await fileSystem.open(job.blob.path, 'read');
  const files = new OpenFiles(fileSystem);
  try {
    const blob = sliceSource(file, job.blob.offset, job.blob.bytes);
    await assertAnnounced(blob, job.blob, signal);
    const bases = [];
    for (const content of job.bases) bases.push({ source: await files.source(content.path), content });
    const targets = [];
    for (const content of job.targets) targets.push({ sink: await files.target(content.path), content });
    const abort = signal === undefined ? {} : { signal };
    if (job.how.kind === 'patch')
      await applyPatch({ codec: job.how.codec, bases, patch: blob, targets, scratch: scratchBeside(fileSystem, job), ...abort });
    else
      for (const target of targets)
        await writeProved(decode(blob, job.how.encoding, target.content.bytes), { ...target, ...abort });
    await files.finish();
  } finally {
    await files.close();
    await file.close();
  }
}

/** Beside the first target: in staging, on the volume of the install, and cleared away with it after a crash. */
const scratchBeside = (fileSystem: FileSystem, { targets }: DeriveJob): OpenScratch =>
  scratchFiles(fileSystem, `${targets[0]?.path ?? ''}.scratch-`);

/**
 * Writes chunks to the sink, never more than the content has, and proves them.
 * @throws UpdaterError PATCH_TARGET_MISMATCH when they are not the content.
 */
export async function writeProved(
  chunks: AsyncIterable<Uint8Array>,
  to: { readonly content: Content; readonly sink: ByteSink; readonly signal?: AbortSignal },
): Promise<void> {
  const digest = new DigestStream();
  let bytes = 0;
  for await (const chunk of chunks) {
    to.signal?.throwIfAborted();
    bytes += chunk.length;
    if (bytes > to.content.bytes) throw mismatch(to.content, `more than ${to.content.bytes} bytes`);
    digest.update(chunk);
    await to.sink.write(chunk);
  }
  const sha256 = digest.digest();
  if (sha256 !== to.content.sha256) throw mismatch(to.content, sha256);
}

const mismatch = (content: Content, actual: string): UpdaterError =>
  new UpdaterError('PATCH_TARGET_MISMATCH', `the whole content ${content.sha256} came out as ${actual}`, {
    details: { expected: content.sha256, actual },
  });

async function* decode(blob: ByteSource, encoding: EncodingName, bytesMax: number): AsyncIterable<Uint8Array> {
  if (encoding === 'identity') return yield* sourceChunks(blob);
  try {
    if (encoding === 'brotli') yield* transformChunks(sourceChunks(blob), createBrotliDecompress());
    else if (Math.max(bytesMax, blob.bytes) <= inMemoryBytesMax) yield inflate(await readWhole(blob), bytesMax);
    else yield* transformChunks(sourceChunks(blob), createInflateRaw());
  } catch (cause) {
    if (isUpdaterError(cause)) throw cause;
    throw new UpdaterError('PATCH_INVALID', `a whole content does not decode by ${encoding}`, { cause });
  }
}

/** fflate fills `out` and never grows it: one byte more than allowed shows what is too long. */
const inflate = (encoded: Uint8Array, bytesMax: number): Uint8Array => inflateSync(encoded, { out: new Uint8Array(bytesMax + 1) });
