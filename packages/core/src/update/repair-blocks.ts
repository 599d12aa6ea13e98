/**
 * Mends damaged files by the blocks in which they differ (see `delta/content-blocks.ts`). What is there is copied beside the
 * downloads first; the blocks that arrive are written into the copy, so that an answer that breaks off, or a repair that
 * is stopped, goes on with what is there: what has arrived does not differ any more.
 *
 * A copy is believed only when all of it has its SHA-256. What does not come out right, or differs nearly everywhere, is
 * left to be fetched whole.
 */
import { inflateRawSync } from 'node:zlib';
import pLimit from 'p-limit';
import {
  type BlockFrame,
  blockBytesFor,
  blockCountOf,
  blockDigest,
  blockDigestsPerRequestMax,
  blockFrameHeadBytes,
} from '../delta/content-blocks.js';
import { createBandwidthLimit } from '../download/bandwidth-limit.js';
import { partPath } from '../download/download-folder.js';
import { BodyBroken } from '../download/read-body.js';
import { hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import { copyFile, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { finishMended } from './repair-copies.js';
import { type DamagedContent, mendedPath } from './repair-damage.js';
import type { BlocksHeld } from './server-api.js';
import type { UpdateContext } from './update-context.js';

/** A smaller file costs little more whole than the questions about its blocks. */
const mendedBytesMin = 16 * 1024;
/** After so many differing bytes of one file it is asked whether going on is worth it. */
const judgedAfterBytes = 2 * 1024 * 1024;
const contentsPerRequestMax = 1_024;
/** What a content takes in a request beside its digests, in digests. */
const requestDigestsPerContent = 20;
/** Files hashed at a time. */
const hashedAtOnce = 4;

export interface MendOptions {
  readonly version: string;
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/** What the blocks brought, and what they cost. */
export interface Mended {
  readonly made: ReadonlySet<Digest>;
  readonly fetchedBytes: number;
  readonly sentBytes: number;
}

/** Whether half of it or more may still be there. */
export const isMendable = ({ bytes, damagedPath, damagedBytes }: DamagedContent): boolean =>
  damagedPath !== null && bytes >= mendedBytesMin && damagedBytes * 2 >= bytes;

/**
 * Afterwards what could be mended lies at `mendedPath`, proved and synced. Whatever the server answers, or that it does not,
 * is no failure: what is not made has to come whole.
 * @throws UpdaterError STORAGE_…; the signal's reason.
 */
export async function mendByBlocks(
  context: UpdateContext,
  contents: readonly DamagedContent[],
  options: MendOptions,
): Promise<Mended> {
  const mending = new Mending(context, options);
  let open = contents.filter(isMendable);
  for (const content of open) await mending.copyDamaged(content);
  for (let fruitless = 0; open.length > 0; ) {
    const before = mending.appliedBytes;
    const ending = await askOnce(mending, open, options.signal);
    if (ending === 'refused') break;
    open = open.filter(({ sha256 }) => !mending.settled.has(sha256));
    fruitless = mending.appliedBytes > before ? 0 : fruitless + 1;
    if (ending === 'cut' && !(await context.api.backOff(Math.max(1, fruitless), options.signal))) break;
  }
  return mending;
}

/** cut: the link broke, or the server ended the answer early. */
async function askOnce(
  mending: Mending,
  open: readonly DamagedContent[],
  signal?: AbortSignal,
): Promise<'answered' | 'cut' | 'refused'> {
  const asked = await mending.hashBlocks(open);
  try {
    return (await mending.ask(asked)) ? 'answered' : 'cut';
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof BodyBroken) return 'cut';
    if (!isUpdaterError(error) || hasCode(error, 'STORAGE_FAILED', 'STORAGE_NO_SPACE', 'TRANSACTION_FILE_HELD')) throw error;
    return 'refused';
  }
}

/** A content with the digests of what its copy holds. */
interface AskedContent extends BlocksHeld {
  readonly content: DamagedContent;
}

class Mending implements Mended {
  readonly made = new Set<Digest>();
  /** Made, or given up. */
  readonly settled = new Set<Digest>();
  fetchedBytes = 0;
  sentBytes = 0;
  /** Of blocks that were written. */
  appliedBytes = 0;
  /** Of each content, also by earlier answers. */
  readonly #applied = new Map<Digest, number>();
  readonly #onArrived: { readonly onArrived?: (bytes: number) => Promise<void> };

  constructor(
    private readonly context: UpdateContext,
    private readonly options: MendOptions,
  ) {
    const { bandwidthBytesPerSecond, host } = context;
    const limit = bandwidthBytesPerSecond === undefined ? null : createBandwidthLimit(bandwidthBytesPerSecond, host.clock);
    this.#onArrived = limit === null ? {} : { onArrived: (bytes) => limit.take(bytes, options.signal) };
  }

  /** A copy that an earlier repair began has all that it brought. */
  async copyDamaged(content: DamagedContent): Promise<void> {
    const { fileSystem } = this.context.host;
    const part = partPath(mendedPath(this.context, content));
    const begun = await fileSystem.stat(part);
    if (begun?.kind === 'file' && begun.bytes === content.bytes) return;
    await fileSystem.makeDirectory(this.context.layout.downloads);
    await copyFile(fileSystem, content.damagedPath ?? '', part, this.options.signal);
    await withFile(fileSystem, part, { mode: 'write' }, (handle) => handle.truncate(content.bytes));
  }

  /** As many of them as one request takes. */
  hashBlocks(contents: readonly DamagedContent[]): Promise<readonly AskedContent[]> {
    const { context } = this;
    return hashBatch(context, contents, { pathOf: (content) => partPath(mendedPath(context, content)), ...this.options });
  }

  /** One question, and its answer as far as it comes. @returns whether all that was asked has been answered, or given up. */
  async ask(asked: readonly AskedContent[]): Promise<boolean> {
    const { version, signal } = this.options;
    this.sentBytes += asked.reduce((sum, { digests }) => sum + digests.length, 0);
    const options = { ...this.#onArrived, ...(signal === undefined ? {} : { signal }) };
    const answer = this.context.api.blocks(version, asked, options);
    try {
      for (let current = 0, differingBytes = 0; ; ) {
        const next = await answer.next();
        if (next.done === true && !next.value.isComplete) return false;
        const reached = next.done === true ? asked.length : next.value.content;
        if (reached > current) differingBytes = 0;
        for (; current < reached; current++) await this.#finish(asked[current] as AskedContent);
        if (next.done === true) {
          this.fetchedBytes += blockFrameHeadBytes;
          return true;
        }
        const { content, blockBytes } = asked[current] as AskedContent;
        await this.#write(next.value, content, blockBytes);
        differingBytes += next.value.bytes;
        const comparedBytes = next.value.block * blockBytes + next.value.bytes;
        // The rest of the answer is asked for again, without this one.
        if (this.#isHopeless(content, differingBytes, comparedBytes)) return this.#giveUp(content);
      }
    } finally {
      await answer.return({ isComplete: false });
    }
  }

  /** More than half of what was there differs; or more has come than there is, which no honest server sends. */
  #isHopeless(content: DamagedContent, differingBytes: number, comparedBytes: number): boolean {
    if ((this.#applied.get(content.sha256) ?? 0) > content.bytes) return true;
    return differingBytes > judgedAfterBytes && comparedBytes <= content.damagedBytes && differingBytes * 2 > comparedBytes;
  }

  async #giveUp(content: DamagedContent): Promise<true> {
    this.settled.add(content.sha256);
    await this.context.host.fileSystem.removeFile(partPath(mendedPath(this.context, content)));
    return true;
  }

  /** The last block of it has come. */
  async #finish({ content }: AskedContent): Promise<void> {
    this.settled.add(content.sha256);
    if (await finishMended(this.context, content, this.options.signal)) this.made.add(content.sha256);
  }

  async #write(frame: BlockFrame, content: DamagedContent, blockBytes: number): Promise<void> {
    this.fetchedBytes += blockFrameHeadBytes + frame.encoded.length;
    const offset = frame.block * blockBytes;
    this.options.onProgress?.(offset + frame.bytes, content.bytes);
    if (frame.bytes === 0) return;
    const bytes = decoded(frame);
    const path = partPath(mendedPath(this.context, content));
    await withFile(this.context.host.fileSystem, path, { mode: 'write' }, (handle) => handle.write(offset, bytes));
    this.appliedBytes += frame.bytes;
    this.#applied.set(content.sha256, (this.#applied.get(content.sha256) ?? 0) + frame.bytes);
  }
}

interface HashOptions {
  /** The file that is to be compared. */
  readonly pathOf: (content: DamagedContent) => string;
  readonly signal?: AbortSignal;
}

async function hashBatch(
  { host }: UpdateContext,
  contents: readonly DamagedContent[],
  options: HashOptions,
): Promise<readonly AskedContent[]> {
  const limit = pLimit(hashedAtOnce);
  let left = blockDigestsPerRequestMax;
  const batch = contents.slice(0, contentsPerRequestMax).filter((content, index) => {
    left -= blockCountOf(content.bytes, blockBytesFor(content.bytes)) + requestDigestsPerContent;
    return index === 0 || left >= 0;
  });
  return Promise.all(batch.map((content) => limit(() => hashContent(host.fileSystem, content, options))));
}

async function hashContent(fileSystem: FileSystem, content: DamagedContent, options: HashOptions): Promise<AskedContent> {
  const { sha256, bytes } = content;
  const blockBytes = blockBytesFor(bytes);
  const digests: string[] = [];
  const block = new Uint8Array(blockBytes);
  await withFile(fileSystem, options.pathOf(content), { mode: 'read' }, async (handle) => {
    for (let offset = 0; offset < Math.min(bytes, handle.bytes); offset += blockBytes) {
      options.signal?.throwIfAborted();
      const count = await handle.read(offset, block.subarray(0, Math.min(blockBytes, bytes - offset)));
      digests.push(blockDigest(block.subarray(0, count)));
    }
  });
  return { content, sha256, bytes, blockBytes, digests: digests.join('') };
}

/**
 * How many bytes `mendByBlocks` would fetch of each content that can be mended, at most: blocks come deflated.
 * Those that the server says nothing of are left out. Changes nothing.
 */
export async function countDiffering(
  context: UpdateContext,
  contents: readonly DamagedContent[],
  { version, signal }: Pick<MendOptions, 'version' | 'signal'>,
): Promise<ReadonlyMap<Digest, number>> {
  const counts = new Map<Digest, number>();
  const open = contents.filter(isMendable);
  try {
    const abort = signal === undefined ? {} : { signal };
    const asked = await hashBatch(context, open, { pathOf: ({ damagedPath }) => damagedPath ?? '', ...abort });
    const answer = context.api.blocks(version, asked, { onlyWhich: true, ...abort });
    // Each may be asked for alone, and then ends an answer.
    const differing = asked.map(() => blockFrameHeadBytes);
    for (let next = await answer.next(); ; next = await answer.next()) {
      if (next.done === true) {
        if (next.value.isComplete) for (const [index, { sha256 }] of asked.entries()) counts.set(sha256, differing[index] ?? 0);
        return counts;
      }
      differing[next.value.content] = (differing[next.value.content] ?? 0) + blockFrameHeadBytes + next.value.bytes;
    }
  } catch {
    signal?.throwIfAborted();
    return counts;
  }
}

/** @throws UpdaterError DOWNLOAD_FAILED for bytes that are not the run's. */
function decoded({ encoded, bytes }: BlockFrame): Uint8Array {
  if (encoded.length === bytes) return encoded;
  try {
    const inflated = inflateRawSync(encoded, { maxOutputLength: bytes });
    if (inflated.length === bytes) return inflated;
  } catch (cause) {
    throw new UpdaterError('DOWNLOAD_FAILED', 'Differing blocks do not inflate', { cause });
  }
  throw new UpdaterError('DOWNLOAD_FAILED', 'Differing blocks have another length than was announced');
}
