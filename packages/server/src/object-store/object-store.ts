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

/**
 * Stored bytes by their SHA-256. `object-store.contract.ts` holds every implementation to this:
 * - `put` MUST refuse bytes that do not have the digest (DOWNLOAD_DIGEST_MISMATCH), and MUST NOT return before the object
 *   would survive a power cut. An object is there whole or not at all; storing it again changes nothing.
 * - reading a missing object is DOWNLOAD_NOT_FOUND, any other failure STORAGE_FAILED or STORAGE_NO_SPACE.
 * - all of it may be called at the same time for the same digest.
 */
export interface ObjectStore {
  /** @returns the object's size. */
  put(digest: Digest, from: ObjectBytes): Promise<{ readonly bytes: number }>;
  has(digest: Digest): Promise<boolean>;
  /** Null when there is no such object. */
  stat(digest: Digest): Promise<{ readonly bytes: number } | null>;
  /** The object, or a range that lies in it, as a stream; destroying the stream frees everything. */
  openStream(digest: Digest, range?: ObjectRange): Promise<Readable>;
  /** For random access. Close it. */
  openSource(digest: Digest): Promise<OpenObject>;
  /** Afterwards the file at `path` holds the object. It may be the store's own copy: never write to it. */
  materialize(digest: Digest, path: string): Promise<void>;
  /** Nothing happens when it does not exist. */
  remove(digest: Digest): Promise<void>;
  /** Gives an object a second name that people can read: `versions/v1.0.1.zip`. A name that leads elsewhere is replaced. */
  nameObject(name: string, digest: Digest): Promise<void>;
  /** Writes, or replaces at one stroke, a small file under a name that people can read: `versions/manifest.json`. */
  writeNamed(name: string, bytes: Uint8Array): Promise<void>;
}
