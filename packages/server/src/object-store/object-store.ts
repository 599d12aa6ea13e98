import type { Readable } from 'node:stream';
import type { ByteSource, Digest } from '@remendo/core';

export interface ObjectRange {
  readonly offset: number;
  readonly bytes: number;
}

/** What is to be stored: bytes in memory, or a file of ours that the store may take over (the name may be gone afterwards). */
export type ObjectBytes =
  | { readonly kind: 'buffer'; readonly buffer: Uint8Array }
  | { readonly kind: 'file'; readonly path: string };

export interface OpenObject extends ByteSource {
  close(): Promise<void>;
}

export interface ListedObject {
  readonly digest: Digest;
  readonly bytes: number;
  /** When it was stored first: storing it again does not make it younger. */
  readonly storedAt: Date;
}

export interface PresignOptions {
  /** How long the URL can be used, 1 to 604,800; with credentials that end earlier, no longer than those. */
  readonly seconds: number;
  /** Set: a browser saves the object under this name. */
  readonly fileName?: string;
  /** Default application/octet-stream. */
  readonly contentType?: string;
}

/**
 * Stored bytes by their SHA-256. `object-store.contract.ts` holds every implementation to this:
 * - `put` MUST refuse bytes that do not have the digest (DOWNLOAD_DIGEST_MISMATCH), and MUST NOT return before the object
 *   would survive a power cut. An object is there whole or not at all. Putting one that is there changes nothing and is
 *   cheap: its bytes are checked, but not written or sent again.
 * - reading a missing object is DOWNLOAD_NOT_FOUND, any other failure STORAGE_FAILED or STORAGE_NO_SPACE; no error tells
 *   a secret.
 * - all of it may be called at the same time for the same digest, also by several processes.
 *
 * What is removed while another puts it again may be gone afterwards: who removes sees to it that nobody does.
 */
export interface ObjectStore {
  /** @returns the object's size. */
  put(digest: Digest, from: ObjectBytes): Promise<{ readonly bytes: number }>;
  /** Null when there is no such object. */
  stat(digest: Digest): Promise<{ readonly bytes: number } | null>;
  /** The object, or a range that lies in it, as a stream; destroying the stream frees everything. */
  openStream(digest: Digest, range?: ObjectRange): Promise<Readable>;
  /** For random access. A read may be a request: read much at once. Close it. */
  openSource(digest: Digest): Promise<OpenObject>;
  /** Afterwards the file at `path`, where none may be yet, holds the object. It may be the store's own: never write to it. */
  materialize(digest: Digest, path: string): Promise<void>;
  /**
   * A URL from which anybody can GET the object, with ranges, for some time; null: this store has none, the bytes have to
   * be streamed. It is not looked whether there is such an object.
   */
  presign(digest: Digest, options: PresignOptions): Promise<string | null>;
  /** Nothing happens when it does not exist. Readable names of the object stay. */
  remove(digest: Digest): Promise<void>;
  /** All objects, in no order; what is not named like an object is passed over. Objects that come or go meanwhile may be missing. */
  list(): AsyncIterable<ListedObject>;
  /** Removes what puts left behind that ended, by a kill, before they were through. @param before when they began or last wrote. */
  removeUnfinished(before: Date): Promise<void>;
  /** Gives an object a second name that people can read: `versions/v1.0.1.zip`. A name that leads elsewhere is replaced. */
  nameObject(name: string, digest: Digest): Promise<void>;
  /** Writes, or replaces at one stroke, a small file under a name that people can read: `versions/manifest.json`. */
  writeNamed(name: string, bytes: Uint8Array): Promise<void>;
  /** Nothing happens when there is nothing of this name. */
  removeNamed(name: string): Promise<void>;
  /** Returns, within seconds, when the store answers. @throws UpdaterError STORAGE_FAILED, STORAGE_NO_SPACE. */
  ready(): Promise<void>;
}
