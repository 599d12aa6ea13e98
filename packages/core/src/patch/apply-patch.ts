/**
 * The only way to apply a patch: whatever the codec does, what reaches a sink is at most what was announced, and what
 * is announced as done has the announced digest. A codec is trusted with neither.
 */
import type { ByteSource, ReadableSink } from '../bytes/byte-source.js';
import { hasCode, UpdaterError } from '../errors.js';
import { type Digest, DigestStream, digestOfSource } from '../hash/digest.js';
import { limits } from '../limits.js';
import { codecFor } from './codecs.js';
import type { ApplyPatchInput, OpenScratch, PatchCodec } from './patch-codec.js';

/** A content by its identity and size; a delta's `Content` is one. */
export interface PatchContent {
  readonly sha256: Digest;
  readonly bytes: number;
}

export interface VerifiedPatchInput {
  /** A codec's name, as deltas have it; or a codec that is not among ours. */
  readonly codec: string | PatchCodec;
  /** In the patch's order. */
  readonly bases: readonly { readonly source: ByteSource; readonly content: PatchContent }[];
  /** Not trusted. */
  readonly patch: ByteSource;
  /** In the patch's order, in which they are written, one after the other or interleaved as the codec likes. */
  readonly targets: readonly { readonly sink: ReadableSink; readonly content: PatchContent }[];
  /** Where the codec may put what it needs until the targets are made; most patches need nothing. */
  readonly scratch: OpenScratch;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes every target from the bases and the patch. When it returns, each sink got exactly its content, checked by
 * SHA-256; when it throws, a sink got at most as many bytes as were announced, and they are worth nothing.
 *
 * Bases are not hashed beforehand: a wrong base makes a wrong target, or none, which is found. Only then are they read
 * once to tell whose fault it is.
 * @throws UpdaterError PATCH_CODEC_UNKNOWN · PATCH_INVALID (the codec refuses the patch) · PATCH_BASE_MISMATCH (a base is not the announced
 *   content) · PATCH_TARGET_MISMATCH (the bases are right and a target is not) · LIMIT_EXCEEDED (more bases or targets
 *   than `limits` allow). Errors of sources and sinks, and the signal's reason, pass through.
 */
export async function applyPatch({ codec, bases, patch, targets, scratch, signal }: VerifiedPatchInput): Promise<void> {
  const applier = typeof codec === 'string' ? codecFor(codec) : codec;
  assertCounts(bases.length, targets.length);
  for (const { source, content } of bases) {
    if (source.bytes !== content.bytes) throw baseMismatch(content, `it has ${source.bytes} bytes`);
  }
  const sinks = targets.map((target) => new VerifyingSink(target.sink, target.content));
  const input: ApplyPatchInput = {
    bases: bases.map((base) => base.source),
    patch,
    targets: sinks.map((sink, index) => ({ sink, bytes: targets[index]?.content.bytes ?? 0 })),
    scratch,
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    await applier.apply(input);
  } catch (error) {
    if (hasCode(error, 'PATCH_INVALID')) await assertBases(bases, signal);
    throw error;
  }
  const mismatches = sinks.map((sink) => sink.mismatch()).filter((mismatch) => mismatch !== null);
  if (mismatches[0] === undefined) return;
  await assertBases(bases, signal);
  throw mismatches[0];
}

function assertCounts(bases: number, targets: number): void {
  if (bases <= limits.patchBasesMax && targets <= limits.patchTargetsMax) return;
  throw new UpdaterError('LIMIT_EXCEEDED', `A patch of ${bases} bases and ${targets} targets is more than is allowed.`, {
    details: { bases, targets, patchBasesMax: limits.patchBasesMax, patchTargetsMax: limits.patchTargetsMax },
  });
}

async function assertBases(bases: VerifiedPatchInput['bases'], signal: AbortSignal | undefined): Promise<void> {
  for (const { source, content } of bases) {
    const found = await digestOfSource(source, signal);
    if (found !== content.sha256) throw baseMismatch(content, `it is ${found}`);
  }
}

const baseMismatch = (content: PatchContent, found: string): UpdaterError =>
  new UpdaterError('PATCH_BASE_MISMATCH', `The base should be ${content.sha256} of ${content.bytes} bytes; ${found}.`, {
    details: { sha256: content.sha256, bytes: content.bytes },
  });

/** Hashes what goes through and stops it before it is more than announced. */
class VerifyingSink implements ReadableSink {
  readonly #digest = new DigestStream();
  #bytes = 0;

  constructor(
    private readonly sink: ReadableSink,
    private readonly content: PatchContent,
  ) {}

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length > this.content.bytes - this.#bytes) throw this.#error('more bytes were made');
    this.#bytes += chunk.length;
    this.#digest.update(chunk);
    await this.sink.write(chunk);
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.sink.read(offset, into);
  }

  /** Null when everything arrived and is right. Ends the hash: to be asked once. */
  mismatch(): UpdaterError | null {
    if (this.#bytes !== this.content.bytes) return this.#error(`${this.#bytes} bytes were made`);
    const found = this.#digest.digest();
    return found === this.content.sha256 ? null : this.#error(`what was made is ${found}`);
  }

  #error(found: string): UpdaterError {
    const { sha256, bytes } = this.content;
    return new UpdaterError('PATCH_TARGET_MISMATCH', `The target should be ${sha256} of ${bytes} bytes; ${found}.`, {
      details: { sha256, bytes },
    });
  }
}
