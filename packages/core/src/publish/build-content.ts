/** One new content of a target release: the smallest of its stored forms, in a file. */

import type { Content, EncodingName } from '../delta/delta.js';
import { hasCode, UpdaterError } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { Manifest } from '../manifest/manifest.js';
import type { CodecName } from '../patch/patch-codec.js';
import { encodeWhole } from './encode-whole.js';
import type { ContentPair } from './pair-contents.js';
import type { PatchMaker } from './patch-maker.js';

/** A release whose contents are files on this machine. */
export interface ReleaseOnDisk {
  readonly manifest: Manifest;
  /** A file that holds the content. Asked only for contents that differ between the two releases. */
  readonly pathOf: (sha256: Digest) => string;
}

/** A content's stored form, in a file of its own until it is packed. */
export interface BuiltContent {
  readonly pair: ContentPair;
  readonly path: string;
  readonly bytes: number;
  /** False when `path` is the release's own file, which is not ours to remove. */
  readonly isIntermediate: boolean;
  readonly stored:
    | { readonly kind: 'patch'; readonly codec: CodecName; readonly base: Content }
    | { readonly kind: 'whole'; readonly encoding: EncodingName };
}

export interface BuildContentInput {
  readonly fileSystem: FileSystem;
  readonly base: ReleaseOnDisk;
  readonly target: ReleaseOnDisk;
  /** Those that can be used on this machine. */
  readonly makers: readonly PatchMaker[];
  readonly pair: ContentPair;
  /** Intermediate files are made at this path with something after it. */
  readonly workPath: string;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice: (notice: string) => void;
}

/** Above this, no patch of less than a quarter of the content is held against the content compressed by itself. */
const alwaysComparedBytesMax = 1024 * 1024;

/** @throws UpdaterError STORAGE_… also when a file does not hold the content it should. */
export async function buildContent(input: BuildContentInput): Promise<BuiltContent> {
  const { fileSystem, pair, signal } = input;
  await assertHolds(fileSystem, input.target.pathOf(pair.target.sha256), pair.target, signal);
  const patch = await makePatch(input);
  // No general compressor comes near a quarter of an executable: the patch has won and the slow encoder is spared.
  if (patch !== null && pair.target.bytes > alwaysComparedBytesMax && patch.bytes * 4 < pair.target.bytes) return patch;
  const whole = await makeWhole(input);
  const [winner, loser] = patch !== null && patch.bytes < whole.bytes ? [patch, whole] : [whole, patch];
  if (loser?.isIntermediate === true) await fileSystem.removeFile(loser.path);
  return winner;
}

/** The first maker that can make one; null when there is nothing to patch from or nobody can. */
async function makePatch(input: BuildContentInput): Promise<BuiltContent | null> {
  const { base, target, path } = input.pair;
  if (base === null || input.makers.length === 0 || base.bytes === 0 || target.bytes === 0) return null;
  if (Math.max(base.bytes, target.bytes) > limits.bsdiffBaseBytesMax) {
    input.onNotice(`${path} is larger than ${limits.bsdiffBaseBytesMax} bytes and goes whole`);
    return null;
  }
  await assertHolds(input.fileSystem, input.base.pathOf(base.sha256), base, input.signal);
  for (const maker of input.makers) {
    const patch = await tryMaker(input, maker, base);
    if (patch !== null) return patch;
  }
  return null;
}

async function tryMaker(input: BuildContentInput, maker: PatchMaker, base: Content): Promise<BuiltContent | null> {
  const { fileSystem, pair, signal } = input;
  const patchPath = `${input.workPath}.${maker.codec}`;
  try {
    await maker.make({
      basePath: input.base.pathOf(base.sha256),
      targetPath: input.target.pathOf(pair.target.sha256),
      patchPath,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (!hasCode(error, 'PATCH_INVALID', 'PATCH_TARGET_MISMATCH', 'PATCH_MAKER_UNAVAILABLE', 'LIMIT_EXCEEDED')) throw error;
    input.onNotice(`${pair.path} has no ${maker.codec} patch: ${error.message}`);
    return null;
  }
  const bytes = await bytesOf(fileSystem, patchPath);
  return { pair, path: patchPath, bytes, isIntermediate: true, stored: { kind: 'patch', codec: maker.codec, base } };
}

async function makeWhole({ fileSystem, target, pair, workPath, signal }: BuildContentInput): Promise<BuiltContent> {
  const plainPath = target.pathOf(pair.target.sha256);
  const encodedPath = `${workPath}.brotli`;
  const bytes = await encodeWhole(fileSystem, plainPath, encodedPath, { signal });
  if (bytes < pair.target.bytes) {
    return { pair, path: encodedPath, bytes, isIntermediate: true, stored: { kind: 'whole', encoding: 'brotli' } };
  }
  await fileSystem.removeFile(encodedPath);
  const stored = { kind: 'whole', encoding: 'identity' } as const;
  return { pair, path: plainPath, bytes: pair.target.bytes, isIntermediate: false, stored };
}

async function assertHolds(fileSystem: FileSystem, path: string, content: Content, signal: AbortSignal | undefined): Promise<void> {
  const found = await digestOfFile(fileSystem, path, signal);
  if (found === content.sha256) return;
  throw new UpdaterError('STORAGE_FAILED', `${path} does not hold the content it should`, {
    details: { path, expected: content.sha256, actual: found },
  });
}

async function bytesOf(fileSystem: FileSystem, path: string): Promise<number> {
  const stat = await fileSystem.stat(path);
  if (stat?.kind === 'file') return stat.bytes;
  throw new UpdaterError('STORAGE_FAILED', `${path} was not made`, { details: { path } });
}
