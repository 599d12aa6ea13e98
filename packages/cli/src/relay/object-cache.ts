/**
 * Objects, and ranges of objects, on the relay's disk. Every file is read and held against its name (cache-entry.ts) once by
 * each process, before the first byte of it is served; then it never changes. The least recently used go first when room is
 * needed, one that is being read never.
 */
import { join } from 'node:path';
import { type Digest, digestOfSource, type FileHandle, type FileSystem, UpdaterError } from '@remendo/core';
import { type CacheEntry, endOf, entryName, entryOf, type HeldRange, isUseless } from './cache-entry.js';
import { chunksOf } from './chunks-of.js';

export interface ObjectCacheOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly bytesMax: number;
}

/** On the disk and in the cache, for a range that is going to arrive. */
export interface Room {
  /** So much of it is taken now. */
  wrote(bytes: number): void;
  /** Once, whatever became of the range. */
  giveBack(): void;
}

/** Left on the disk for everybody else. */
const spareBytes = 256 * 1024 ** 2;
/** Files; a relay that is asked for many small ranges forgets the oldest. */
const entriesMax = 20_000;

export class ObjectCache {
  /** By path, the least recently used first. */
  readonly #entries = new Map<string, CacheEntry>();
  readonly #byDigest = new Map<Digest, Set<CacheEntry>>();
  #heldBytes = 0;
  /** Of what is arriving. */
  #reservedBytes = 0;
  /** Of it, what the disk does not count yet. */
  #unwrittenBytes = 0;

  private constructor(private readonly options: ObjectCacheOptions) {}

  /** Takes over what an earlier process left, and removes what it did not finish. Names that are not the cache's stay. */
  static async open(options: ObjectCacheOptions): Promise<ObjectCache> {
    const { fileSystem, folder } = options;
    await fileSystem.makeDirectory(folder);
    const found: { readonly entry: CacheEntry; readonly modifiedMs: number }[] = [];
    for (const name of await fileSystem.list(folder)) {
      const path = join(folder, name);
      const stat = await fileSystem.stat(path);
      const entry = stat?.kind === 'file' ? entryOf(path, name, stat.bytes) : null;
      if (entry !== null && stat !== null) found.push({ entry, modifiedMs: stat.modifiedMs });
      else if (stat?.kind === 'file' && isUseless(name)) await fileSystem.removeFile(path);
    }
    const cache = new ObjectCache(options);
    for (const { entry } of found.sort((a, b) => a.modifiedMs - b.modifiedMs)) cache.#insert(entry);
    await cache.#evictTo(options.bytesMax);
    return cache;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** How long an object is that is here whole, and proved; null when it is not. */
  async wholeBytes(digest: Digest): Promise<number | null> {
    for (const entry of this.#byDigest.get(digest) ?? []) if (entry.isWhole) return (await this.#prove(entry)) ? entry.bytes : null;
    return null;
  }

  /** Where the next range at or after `offset` begins that is held; null: there is none. */
  nextAfter(digest: Digest, offset: number): number | null {
    let next: number | null = null;
    for (const entry of this.#byDigest.get(digest) ?? [])
      if (entry.offset > offset && (next === null || entry.offset < next)) next = entry.offset;
    return next;
  }

  /** The range that holds the byte at `offset` and goes on longest, unproved; null: it is not held. */
  find(digest: Digest, offset: number): HeldRange | null {
    let longest: CacheEntry | null = null;
    for (const entry of this.#byDigest.get(digest) ?? []) {
      const isThere = entry.offset <= offset && endOf(entry) > offset;
      if (isThere && (longest === null || endOf(entry) > endOf(longest))) longest = entry;
    }
    return longest;
  }

  /**
   * Bytes [offset, end) of the object from a found range, which is not evicted meanwhile. Nothing at all when its file is not
   * what its name says: it is gone then, and to be looked for again.
   */
  async *read(held: HeldRange, offset: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const entry = held as CacheEntry;
    entry.readers += 1;
    try {
      const file = (await this.#prove(entry)) ? await this.#open(entry) : null;
      if (file === null) return await this.#remove(entry);
      this.#touch(entry);
      try {
        yield* chunksOf(file, { from: offset - entry.offset, to: end - entry.offset, signal });
      } finally {
        await file.close();
      }
    } catch (error) {
      // Whatever it was, it is not looked for in this file again.
      if (!signal.aborted) await this.#remove(entry);
      throw error;
    } finally {
      entry.readers -= 1;
    }
  }

  /**
   * Makes room for a range that is going to arrive.
   * @throws UpdaterError STORAGE_NO_SPACE when what is held is all in use, or the disk is full.
   */
  async reserve(bytes: number): Promise<Room> {
    const { fileSystem, folder, bytesMax } = this.options;
    const room = this.#take(bytes);
    try {
      if (bytes > bytesMax) throw noRoom(bytes);
      await this.#evictTo(bytesMax - this.#reservedBytes);
      if (this.#heldBytes + this.#reservedBytes > bytesMax) throw noRoom(bytes);
      const missingBytes = this.#unwrittenBytes + spareBytes - (await fileSystem.freeBytes(folder));
      if (missingBytes > 0) await this.#evictTo(this.#heldBytes - missingBytes);
      if ((await fileSystem.freeBytes(folder)) < this.#unwrittenBytes + spareBytes) throw noRoom(bytes);
      return room;
    } catch (error) {
      room.giveBack();
      throw error;
    }
  }

  #take(bytes: number): Room {
    let unwrittenBytes = bytes;
    this.#reservedBytes += bytes;
    this.#unwrittenBytes += bytes;
    const wrote = (count: number): void => {
      unwrittenBytes -= count;
      this.#unwrittenBytes -= count;
    };
    return {
      wrote,
      giveBack: () => {
        wrote(unwrittenBytes);
        this.#reservedBytes -= bytes;
      },
    };
  }

  partPath(id: string): string {
    return join(this.options.folder, `${id}.part`);
  }

  /** Takes over a part that has arrived, with the digest of its bytes as they came. Everything of an object is a whole object. */
  async add(part: string, range: HeldRange & { readonly sha256: Digest; readonly objectBytes: number }): Promise<void> {
    const { digest, offset, bytes, sha256, objectBytes } = range;
    const isWhole = bytes === objectBytes;
    const path = join(this.options.folder, entryName({ digest, offset, bytes, sha256, isWhole }));
    await this.options.fileSystem.rename(part, path);
    this.#insert({ digest, offset, bytes, path, sha256, isWhole, readers: 0, isRight: Promise.resolve(true) });
  }

  /** Once for everybody who waits for it. What is not what its name says goes. */
  async #prove(entry: CacheEntry): Promise<boolean> {
    entry.isRight ??= this.#isRight(entry);
    const isRight = await entry.isRight;
    if (!isRight) await this.#remove(entry);
    return isRight;
  }

  async #isRight(entry: CacheEntry): Promise<boolean> {
    const file = await this.#open(entry);
    if (file === null) return false;
    try {
      return file.bytes === entry.bytes && (await digestOfSource(file)) === entry.sha256;
    } catch {
      return false;
    } finally {
      await file.close();
    }
  }

  #open({ path }: CacheEntry): Promise<FileHandle | null> {
    return this.options.fileSystem.open(path, 'read').catch(() => null);
  }

  #insert(entry: CacheEntry): void {
    const before = this.#entries.get(entry.path);
    if (before !== undefined) this.#forget(before);
    this.#entries.set(entry.path, entry);
    const others = this.#byDigest.get(entry.digest);
    if (others === undefined) this.#byDigest.set(entry.digest, new Set([entry]));
    else others.add(entry);
    this.#heldBytes += entry.bytes;
  }

  #touch(entry: CacheEntry): void {
    if (this.#entries.delete(entry.path)) this.#entries.set(entry.path, entry);
  }

  async #evictTo(bytes: number): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      if (this.#heldBytes <= bytes && this.#entries.size <= entriesMax) return;
      if (entry.readers === 0 && this.#entries.has(entry.path)) await this.#remove(entry);
    }
  }

  async #remove(entry: CacheEntry): Promise<void> {
    if (this.#entries.get(entry.path) !== entry) return;
    this.#forget(entry);
    // Where another program holds it, it is in the way of nobody, and is found again by the next process.
    await this.options.fileSystem.removeFile(entry.path).catch(() => undefined);
  }

  #forget(entry: CacheEntry): void {
    this.#entries.delete(entry.path);
    const others = this.#byDigest.get(entry.digest);
    others?.delete(entry);
    if (others?.size === 0) this.#byDigest.delete(entry.digest);
    this.#heldBytes -= entry.bytes;
  }
}

const noRoom = (bytes: number): UpdaterError =>
  new UpdaterError('STORAGE_NO_SPACE', `the relay has no room for ${bytes} bytes`, { details: { bytes } });
