/** One group of new contents: the smallest of its stored forms, in files. */

import { bytesOfContents, type Content, type EncodingName } from '../delta/delta.js';
import { hasCode, UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { CodecName } from '../patch/codec-name.js';
import { encodeWhole, estimateWhole } from './encode-whole.js';
import type { PatchMaker } from './patch-maker.js';
import { isSolid, type PatchGroup } from './plan-groups.js';

/** A stored form of one or several contents, in a file of its own until it is packed. */
export interface BuiltBlob {
  readonly path: string;
  readonly bytes: number;
  /** False when `path` is the release's own file, which is not ours to remove. */
  readonly isIntermediate: boolean;
  readonly stored:
    | {
        readonly kind: 'patch';
        readonly codec: CodecName;
        readonly bases: readonly Content[];
        readonly targets: readonly Content[];
      }
    | { readonly kind: 'whole'; readonly encoding: EncodingName; readonly target: Content };
}

export interface BuildGroupInput {
  readonly fileSystem: FileSystem;
  /** A file that was found to hold the content, of the base or the target. */
  readonly pathOf: (content: Content) => Promise<string>;
  /** Those that can be used on this machine; the first that can make a patch makes it. None: all goes whole. */
  readonly makers: readonly PatchMaker[];
  readonly group: PatchGroup;
  /** Intermediate files are made at this path with something after it. */
  readonly workPath: string;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice: (notice: string) => void;
}

/** A patch of less than this share of its targets is not held against them compressed by themselves. */
const clearShare = 1 / 4;
/** The same of a patch of several: what is compressed in one is smaller than each by itself, unless nothing can be. */
const clearShareOfSeveral = 0.9;
/** Up to so many bytes a patch that is no compressor as well is held against brotli in any case. */
const alwaysComparedBytesMax = 1024 ** 2;
/** The slow encoder takes at most so much off the fast one's result. */
const slowShareMin = 0.8;

/** @throws UpdaterError STORAGE_… also when a file does not hold the content it should. */
export async function buildGroup(input: BuildGroupInput): Promise<readonly BuiltBlob[]> {
  const [maker, ...otherMakers] = input.makers;
  const patch = maker === undefined ? null : await makePatch(input, maker);
  if (patch === null) return buildOtherwise({ ...input, makers: otherMakers });
  if (await isClearlySmall(input, patch)) return [patch];
  const wholes = await buildWholes(input);
  const [winners, losers] = patch.bytes < wholes.reduce((sum, { bytes }) => sum + bytes, 0) ? [[patch], wholes] : [wholes, [patch]];
  for (const loser of losers) if (loser.isIntermediate) await input.fileSystem.removeFile(loser.path);
  return winners;
}

/** With the other makers and each content by itself, or whole. */
async function buildOtherwise(input: BuildGroupInput): Promise<readonly BuiltBlob[]> {
  if (input.makers.length === 0) return buildWholes(input);
  const blobs: BuiltBlob[] = [];
  for (const [index, target] of input.group.targets.entries()) {
    const group = { bases: target.references.slice(0, 1), targets: [target] };
    blobs.push(...(await buildGroup({ ...input, group, workPath: `${input.workPath}-${index}` })));
  }
  return blobs;
}

/** Null when there is nothing to patch from or the maker can not. */
async function makePatch(input: BuildGroupInput, maker: PatchMaker): Promise<BuiltBlob | null> {
  const { fileSystem, group, signal, onNotice } = input;
  if (!isTaken(group, maker, onNotice)) return null;
  const targets = group.targets.map(({ content }) => content);
  const basePaths = await pathsOf(input, group.bases);
  const targetPaths = await pathsOf(input, targets);
  const path = `${input.workPath}.${maker.codec}`;
  let codec: CodecName;
  try {
    ({ codec } = await maker.make({ basePaths, targetPaths, patchPath: path, ...(signal === undefined ? {} : { signal }) }));
  } catch (error) {
    if (!hasCode(error, 'PATCH_INVALID', 'PATCH_TARGET_MISMATCH', 'PATCH_MAKER_UNAVAILABLE', 'LIMIT_EXCEEDED')) throw error;
    onNotice(`${nameOf(group)} has no ${maker.codec} patch: ${error.message}`);
    return null;
  }
  const stored = { kind: 'patch', codec, bases: group.bases, targets } as const;
  return { path, bytes: await bytesOf(fileSystem, path), isIntermediate: true, stored };
}

async function pathsOf(input: BuildGroupInput, contents: readonly Content[]): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const content of contents) paths.push(await input.pathOf(content));
  return paths;
}

/** Whether the maker takes the group. Empty contents have no patch; nor have, with most makers, those without a base. */
function isTaken(group: PatchGroup, { capacity }: PatchMaker, onNotice: (notice: string) => void): boolean {
  const { bases, targets } = group;
  const targetBytes = bytesOfContents(targets.map(({ content }) => content));
  const largest = Math.max(
    ...targets.flatMap(({ content, references }) => [content, ...references.slice(0, 1)]).map(({ bytes }) => bytes),
  );
  if (largest > capacity.bytesMax) onNotice(`${nameOf(group)} is larger than ${capacity.bytesMax} bytes and goes whole`);
  if (targetBytes === 0 || targetBytes > capacity.bytesMax) return false;
  if (bases.length > capacity.basesMax || targets.length > capacity.targetsMax) return false;
  return bytesOfContents(bases) <= capacity.bytesMax && (isSolid(capacity) || bytesOfContents(bases) > 0);
}

const nameOf = ({ targets: [first, ...others] }: PatchGroup): string =>
  `${first?.path ?? ''}${others.length === 0 ? '' : ` (with ${others.length} more)`}`;

async function isClearlySmall(input: BuildGroupInput, patch: BuiltBlob): Promise<boolean> {
  const [first, ...others] = input.group.targets;
  const maker = input.makers[0];
  if (first === undefined || maker === undefined) return true;
  const targetBytes = bytesOfContents(input.group.targets.map(({ content }) => content));
  if (others.length > 0) return patch.bytes < targetBytes * clearShareOfSeveral;
  if (targetBytes <= alwaysComparedBytesMax) return isSolid(maker.capacity) && patch.bytes < targetBytes * clearShare;
  if (patch.bytes < targetBytes * clearShare) return true;
  const path = await input.pathOf(first.content);
  return patch.bytes < (await estimateWhole(input.fileSystem, path, input)) * slowShareMin;
}

async function buildWholes(input: BuildGroupInput): Promise<readonly BuiltBlob[]> {
  const blobs: BuiltBlob[] = [];
  for (const [index, { content }] of input.group.targets.entries())
    blobs.push(await buildWhole(input, content, `${input.workPath}-${index}.brotli`));
  return blobs;
}

async function buildWhole(input: BuildGroupInput, target: Content, encodedPath: string): Promise<BuiltBlob> {
  const { fileSystem, signal } = input;
  const plainPath = await input.pathOf(target);
  const bytes = await encodeWhole(fileSystem, plainPath, encodedPath, { signal });
  if (bytes < target.bytes)
    return { path: encodedPath, bytes, isIntermediate: true, stored: { kind: 'whole', encoding: 'brotli', target } };
  await fileSystem.removeFile(encodedPath);
  return { path: plainPath, bytes: target.bytes, isIntermediate: false, stored: { kind: 'whole', encoding: 'identity', target } };
}

async function bytesOf(fileSystem: FileSystem, path: string): Promise<number> {
  const stat = await fileSystem.stat(path);
  if (stat?.kind === 'file') return stat.bytes;
  throw new UpdaterError('STORAGE_FAILED', `${path} was not made`, { details: { path } });
}
