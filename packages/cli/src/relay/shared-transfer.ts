/**
 * One range on its way from the server, once, for everybody who asks for any of it. It grows in a file at the speed of the
 * link; each asker reads from that file at its own, so that a slow or dead one holds up nobody. The first failure is
 * everybody's at once. When nobody asks any more it goes on for a moment, and then stops: what arrived is kept.
 */
import { type Clock, type Digest, DigestStream, type FileHandle, type FileSystem, UpdaterError } from '@remendo/core';
import type { HeldRange } from './cache-entry.js';
import { chunksOf } from './chunks-of.js';
import type { ObjectCache, Room } from './object-cache.js';
import type { Upstream } from './upstream.js';

export interface TransferPorts {
  readonly upstream: Upstream;
  readonly cache: ObjectCache;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: { id(): string };
}

/** A terminal that lost its connection comes back within this. */
const lingerMs = 5_000;

interface Receiver {
  readonly file: FileHandle;
  readonly hash: DigestStream;
  readonly room: Room;
}

type State = { readonly kind: 'running' } | { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown };

export class SharedTransfer implements HeldRange {
  readonly digest: Digest;
  readonly offset: number;
  readonly bytes: number;
  #state: State = { kind: 'running' };
  #file: FileHandle | null = null;
  #arrivedBytes = 0;
  #askers = 0;
  #waiting: (() => void)[] = [];
  readonly #stop = new AbortController();
  #lingering: AbortController | null = null;

  constructor(
    private readonly ports: TransferPorts,
    private readonly object: { readonly digest: Digest; readonly objectBytes: number },
    range: { readonly offset: number; readonly bytes: number },
  ) {
    this.digest = object.digest;
    this.offset = range.offset;
    this.bytes = range.bytes;
  }

  /** It was told to end. */
  get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Whoever comes now begins another, or finds in the cache what this one brought. */
  get isOver(): boolean {
    return this.isStopping || this.#state.kind !== 'running';
  }

  stop(): void {
    this.#stop.abort(new UpdaterError('DOWNLOAD_FAILED', 'the transfer was ended before its end'));
  }

  /** Never rejects. @returns the failure, null when it arrived. */
  async run(): Promise<unknown> {
    let room: Room | null = null;
    try {
      room = await this.ports.cache.reserve(this.bytes);
      await this.#fetch(room);
      this.#state = { kind: 'done' };
    } catch (error) {
      this.#state = { kind: 'failed', error };
    } finally {
      room?.giveBack();
      this.#lingering?.abort();
      this.#wake();
      await this.#closeUnread();
    }
    return this.#state.kind === 'failed' ? this.#state.error : null;
  }

  /** Bytes [from, to) of the object, as they arrive; fewer when it is over already. @throws what ended the transfer. */
  async *read(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#askers += 1;
    this.#lingering?.abort();
    try {
      for (let at = from; at < to; ) {
        const readable = Math.min(to, this.offset + this.#readableBytes());
        if (at < readable && this.#file !== null) {
          for await (const chunk of chunksOf(this.#file, { from: at - this.offset, to: readable - this.offset, signal })) {
            at += chunk.length;
            yield chunk;
          }
          continue;
        }
        if (this.#state.kind === 'failed') throw this.#state.error;
        // It ended, and what it brought is in the cache, or was there.
        if (this.#state.kind === 'done') return;
        await this.#more(signal);
      }
    } finally {
      this.#askers -= 1;
      if (this.#askers === 0) void this.#lastLeft();
    }
  }

  /** The last byte is held back until all of them are proved: who got wrong ones finds the answer broken off. */
  #readableBytes(): number {
    return this.#state.kind === 'done' ? this.bytes : Math.min(this.#arrivedBytes, this.bytes - 1);
  }

  async #fetch(room: Room): Promise<void> {
    const { cache, fileSystem, random } = this.ports;
    const part = cache.partPath(random.id());
    const file = await fileSystem.open(part, 'create');
    this.#file = file;
    const hash = new DigestStream();
    try {
      await this.#receive({ file, hash, room });
    } catch (error) {
      await this.#keep(part, hash.digest()).catch(() => undefined);
      throw error;
    }
    await this.#keep(part, hash.digest());
  }

  async #receive({ file, hash, room }: Receiver): Promise<void> {
    const { signal } = this.#stop;
    const { digest, objectBytes } = this.object;
    for await (const chunk of this.ports.upstream.open({ digest, objectBytes, offset: this.offset, bytes: this.bytes, signal })) {
      signal.throwIfAborted();
      await file.write(this.#arrivedBytes, chunk);
      room.wrote(chunk.length);
      hash.update(chunk);
      this.#arrivedBytes += chunk.length;
      this.#wake();
    }
    if (this.#arrivedBytes !== this.bytes) throw new UpdaterError('DOWNLOAD_FAILED', 'the server gave less than was asked for');
  }

  /** @throws UpdaterError DOWNLOAD_DIGEST_MISMATCH for a whole object that is another: nothing of it stays. */
  async #keep(part: string, sha256: Digest): Promise<void> {
    const { cache, fileSystem } = this.ports;
    const { digest, objectBytes } = this.object;
    const bytes = this.#arrivedBytes;
    const isWrong = bytes === objectBytes && sha256 !== digest;
    if (bytes > 0 && !isWrong) return cache.add(part, { digest, offset: this.offset, bytes, sha256, objectBytes });
    await fileSystem.removeFile(part).catch(() => undefined);
    if (isWrong) throw new UpdaterError('DOWNLOAD_DIGEST_MISMATCH', 'the server gave another object', { details: { digest } });
  }

  async #lastLeft(): Promise<void> {
    if (this.#state.kind !== 'running') return this.#closeUnread();
    this.#lingering = new AbortController();
    try {
      await this.ports.clock.sleep(lingerMs, this.#lingering.signal);
      if (this.#askers === 0) this.stop();
    } catch {
      // Somebody came back, or it is over.
    }
  }

  async #closeUnread(): Promise<void> {
    if (this.#askers > 0) return;
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => undefined);
  }

  /** Until more arrived, or it ended. */
  #more(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== wake);
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(wake);
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
