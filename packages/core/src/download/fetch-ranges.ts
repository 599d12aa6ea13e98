/**
 * The downloader: takes ranges of objects from a source to the folder of downloads, a few at a time, and verifies them.
 * Each range grows in its own `.part` file. What is on disk of the object already, in whichever file, is copied rather
 * than fetched, so that it costs what `planCost` said. A download that ends for any reason (process, power, link, disk
 * full) goes on with the next call from what is there.
 *
 * What was found on disk is not believed: when a range does not verify, it is made again from nothing but the source;
 * when that is wrong too, from the next source; when there is none, DOWNLOAD_DIGEST_MISMATCH.
 */
import { dirname } from 'node:path';
import pLimit from 'p-limit';
import { hasCode, UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { syncNames } from '../file-system/write-durably.js';
import type { Digest } from '../hash/digest.js';
import { liesIn } from '../planner/merge-ranges.js';
import type { ByteRange, ObjectFetch } from '../planner/plan.js';
import type { Clock } from '../ports.js';
import { createBandwidthLimit } from './bandwidth-limit.js';
import { covers, type HeldFile, partPath, rangePath, readDownloadFolder } from './download-folder.js';
import type { ObjectSource } from './object-source.js';
import { type ArrivedLocation, type ArrivedRange, verifyArrived } from './verify-arrived.js';
import { writeRange } from './write-range.js';

export interface FetchProgress {
  /** On disk of what is wanted; goes back when a range turns out wrong and is made again. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** What this call took from the source so far. */
  readonly bytesFetched: number;
}

export interface FetchObjectsOptions {
  readonly fileSystem: FileSystem;
  /** Made when it is missing. One download at a time may work in it. */
  readonly folder: string;
  readonly source: ObjectSource;
  /** The plan's fetches as they are, not less what is held: that is found here. */
  readonly fetches: readonly ObjectFetch[];
  /**
   * Called for every range that is not a whole object (those are verified by their digest) before it is used; throws
   * DOWNLOAD_DIGEST_MISMATCH. `verifyBlobs` makes one. Left out, ranges are verified only by whoever reads their blobs.
   */
  readonly verify?: ((range: ArrivedRange, signal?: AbortSignal) => Promise<void>) | undefined;
  /**
   * Keep a range that is damaged at its source instead of failing: the caller verifies every blob when it reads it, and
   * can do with the others (default false).
   */
  readonly keepsDamaged?: boolean;
  /** Ranges at a time (default 3). */
  readonly concurrency?: number;
  /** For all of them together; local sources are not slowed (default: no limit). */
  readonly bandwidthBytesPerSecond?: number | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Called at the start and after every chunk. */
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

/** Where the wanted bytes lie after a download. */
export interface Downloads {
  /**
   * @param blob or any other range of an object.
   * @throws UpdaterError PLAN_INVALID when it lies in none of the ranges that were fetched.
   */
  locate(blob: ByteRange & { readonly object: Digest }): ArrivedLocation;
}

/**
 * @returns where every wanted range lies now, on disk and synced.
 * @throws UpdaterError PLAN_INVALID for fetches that are not in order; DOWNLOAD_… when a source failed; STORAGE_NO_SPACE
 *   and other STORAGE_… from the disk; the signal's reason. The first failure stops all ranges; what arrived stays.
 */
export async function fetchObjects(options: FetchObjectsOptions): Promise<Downloads> {
  const { fileSystem, folder } = options;
  options.signal?.throwIfAborted();
  const wanted = wantedRanges(options);
  await fileSystem.makeDirectory(folder);
  const held = await verifiedHeld(options, wanted, await readDownloadFolder(fileSystem, folder));
  const arrived = await fetchMissing(options, wanted, held);
  await syncNames(fileSystem, { files: arrived.map((range) => range.path), directories: [dirname(folder), folder] });
  return downloadsOf(arrived);
}

/**
 * How many bytes a download of these fetches adds to the folder: a range that no complete file covers gets a file of its
 * own, which goes on from its part. That is more than is fetched where other files hold something: it is copied.
 * @throws UpdaterError PLAN_INVALID as `fetchObjects`.
 */
export async function downloadRoom(options: Pick<FetchObjectsOptions, 'fileSystem' | 'folder' | 'fetches'>): Promise<number> {
  const held = await readDownloadFolder(options.fileSystem, options.folder);
  const partBytes = new Map(held.filter(({ kind }) => kind === 'part').map(({ path, bytes }) => [path, bytes]));
  const missing = wantedRanges(options).filter((range) => !held.some((file) => isCovering(file, range)));
  return missing.reduce((sum, { bytes, path }) => sum + bytes - (partBytes.get(partPath(path)) ?? 0), 0);
}

/** One range that has to be on disk in the end. */
interface WantedRange extends ByteRange {
  readonly digest: Digest;
  readonly objectBytes: number;
  /** Of the complete file. */
  readonly path: string;
}

function wantedRanges({ fetches, folder }: Pick<FetchObjectsOptions, 'fetches' | 'folder'>): readonly WantedRange[] {
  const wanted: WantedRange[] = [];
  const digests = new Set<Digest>();
  for (const { digest, objectBytes, ranges } of fetches) {
    if (digests.has(digest)) throw invalid('it names an object twice', digest);
    digests.add(digest);
    let end = 0;
    for (const range of ranges) {
      const isOne = liesIn(range, objectBytes) && (range.bytes > 0 || objectBytes === 0);
      if (!isOne || range.offset < end) throw invalid('its ranges are not in order or leave their object', digest);
      end = range.offset + range.bytes;
      wanted.push({ ...range, digest, objectBytes, path: rangePath(folder, digest, objectBytes, range) });
    }
  }
  return wanted;
}

const invalid = (reason: string, digest: Digest): UpdaterError =>
  new UpdaterError('PLAN_INVALID', `The plan can not be fetched: ${reason}`, { details: { digest, reason } });

/** What is on disk of the wanted objects, less the complete files that would be used as they are and do not verify. */
async function verifiedHeld(
  options: FetchObjectsOptions,
  wanted: readonly WantedRange[],
  files: readonly HeldFile[],
): Promise<readonly HeldFile[]> {
  const kept: HeldFile[] = [];
  for (const file of files) {
    const covered = wanted.find((range) => isCovering(file, range));
    if (covered === undefined || (await isRight(options, file, covered.objectBytes))) kept.push(file);
    else await options.fileSystem.removeFile(file.path);
  }
  return kept;
}

const isCovering = (file: HeldFile, range: WantedRange): boolean =>
  file.kind !== 'part' && file.digest === range.digest && covers(file, range);

async function isRight(options: FetchObjectsOptions, file: HeldFile, objectBytes: number): Promise<boolean> {
  try {
    await verifyRange(options, file, file.kind === 'object' ? file.bytes : objectBytes);
    return true;
  } catch (error) {
    if (hasCode(error, 'DOWNLOAD_DIGEST_MISMATCH')) return false;
    throw error;
  }
}

async function verifyRange(options: FetchObjectsOptions, range: ArrivedRange, objectBytes: number): Promise<void> {
  const { fileSystem, signal } = options;
  if (range.bytes !== objectBytes) return options.verify?.(range, signal);
  await verifyArrived(
    fileSystem,
    { path: range.path, offset: 0, bytes: objectBytes },
    { sha256: range.digest, bytes: objectBytes },
    signal,
  );
}

async function fetchMissing(
  options: FetchObjectsOptions,
  wanted: readonly WantedRange[],
  held: readonly HeldFile[],
): Promise<readonly ArrivedRange[]> {
  const failure = new AbortController();
  const signal = options.signal === undefined ? failure.signal : AbortSignal.any([options.signal, failure.signal]);
  const download = startDownload({ ...options, signal }, wanted);
  const limit = pLimit(options.concurrency ?? 3);
  const arrivals = wanted.map((range) =>
    limit(async () => {
      signal.throwIfAborted();
      const covering = held.find((file) => isCovering(file, range));
      if (covering === undefined) return await fetchRange(download, range, held);
      download.progress(range.bytes, 0);
      return covering;
    }).catch((error: unknown) => {
      failure.abort(error);
      throw error;
    }),
  );
  const settled = await Promise.allSettled(arrivals);
  options.signal?.throwIfAborted();
  if (failure.signal.aborted) throw failure.signal.reason;
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/** What the ranges of one call share. */
interface Download {
  readonly options: FetchObjectsOptions & { readonly signal: AbortSignal };
  readonly pace: (bytes: number) => Promise<void>;
  progress(doneBytes: number, fetchedBytes: number): void;
}

function startDownload(options: Download['options'], wanted: readonly WantedRange[]): Download {
  const { bandwidthBytesPerSecond, clock, signal, onProgress } = options;
  const bandwidth = bandwidthBytesPerSecond === undefined ? null : createBandwidthLimit(bandwidthBytesPerSecond, clock);
  const bytesTotal = wanted.reduce((sum, range) => sum + range.bytes, 0);
  let bytesDone = 0;
  let bytesFetched = 0;
  onProgress?.({ bytesDone, bytesTotal, bytesFetched });
  return {
    options,
    pace: async (bytes) => bandwidth?.take(bytes, signal),
    progress(doneBytes, fetchedBytes) {
      bytesDone += doneBytes;
      bytesFetched += fetchedBytes;
      onProgress?.({ bytesDone, bytesTotal, bytesFetched });
    },
  };
}

async function fetchRange(download: Download, range: WantedRange, held: readonly HeldFile[]): Promise<ArrivedRange> {
  const { fileSystem, signal } = download.options;
  const part = partPath(range.path);
  let source = download.options.source;
  // Its own part is gone on with in place; copying it from itself would be no use.
  let usable = held.filter((file) => file.digest === range.digest && file.path !== part);
  for (;;) {
    const { pace, progress } = download;
    const { foundBytes } = await writeRange({ fileSystem, part, range, usable, source, signal, pace, progress });
    try {
      await verifyRange(download.options, { ...range, path: part }, range.objectBytes);
    } catch (error) {
      if (!hasCode(error, 'DOWNLOAD_DIGEST_MISMATCH')) throw error;
      if (foundBytes === 0) source.refuted?.(range.digest);
      const isLastResort = foundBytes === 0 && source.otherwise === undefined;
      if (isLastResort && download.options.keepsDamaged === true) return { ...arrivedAs(range), path: part };
      await fileSystem.removeFile(part);
      progress(-range.bytes, 0);
      if (isLastResort) throw error;
      if (foundBytes === 0) source = source.otherwise ?? source;
      usable = [];
      continue;
    }
    await fileSystem.rename(part, range.path);
    return arrivedAs(range);
  }
}

const arrivedAs = ({ digest, offset, bytes, path }: WantedRange): ArrivedRange => ({ digest, offset, bytes, path });

function downloadsOf(ranges: readonly ArrivedRange[]): Downloads {
  const byObject = new Map<Digest, ArrivedRange[]>();
  for (const range of ranges) {
    const others = byObject.get(range.digest);
    if (others === undefined) byObject.set(range.digest, [range]);
    else others.push(range);
  }
  return {
    locate(blob) {
      const within = byObject.get(blob.object)?.find((range) => covers(range, blob));
      if (within !== undefined) return { path: within.path, offset: blob.offset - within.offset, bytes: blob.bytes };
      const details = { object: blob.object, offset: blob.offset, bytes: blob.bytes };
      throw new UpdaterError('PLAN_INVALID', 'A blob lies in nothing that was fetched', { details });
    },
  };
}
