/**
 * What the files of the cache are called. A name says what is in the file, so that nothing has to be believed of what a crash,
 * a full disk or a bad sector left:
 *
 * | name                                  | holds                                                                |
 * |---------------------------------------|----------------------------------------------------------------------|
 * | `<digest>`                            | a whole object                                                       |
 * | `<digest>.<offset>-<bytes>.<sha256>`  | that range of one, with the digest of these very bytes as they came  |
 * | `<id>.part`                           | one that is just arriving; of no use to the next process             |
 */
import { type Digest, isDigest } from '@remendo/core';

export interface HeldRange {
  readonly digest: Digest;
  readonly offset: number;
  readonly bytes: number;
}

export interface CacheEntry extends HeldRange {
  readonly path: string;
  /** Of the file. */
  readonly sha256: Digest;
  readonly isWhole: boolean;
  /** Who reads it now. */
  readers: number;
  /** Null until somebody asked for it. */
  isRight: Promise<boolean> | null;
}

const rangeName = /^([0-9a-f]{64})\.(\d{1,15})-(\d{1,15})\.([0-9a-f]{64})$/;

export const endOf = ({ offset, bytes }: Pick<HeldRange, 'offset' | 'bytes'>): number => offset + bytes;

export const entryName = ({ digest, offset, bytes, sha256, isWhole }: Omit<CacheEntry, 'path' | 'readers' | 'isRight'>): string =>
  isWhole ? digest : `${digest}.${offset}-${bytes}.${sha256}`;

/** Whether a file that is no entry was to become one, or was one before it was cut. */
export const isUseless = (name: string): boolean => name.endsWith('.part') || rangeName.test(name);

/** Null for a name that is not one of the cache's, or a file of another length than it says. */
export function entryOf(path: string, name: string, fileBytes: number): CacheEntry | null {
  if (isDigest(name))
    return { digest: name, offset: 0, bytes: fileBytes, path, sha256: name, isWhole: true, readers: 0, isRight: null };
  const [, digest, offset, bytes, sha256] = rangeName.exec(name) ?? [];
  if (digest === undefined || Number(bytes) !== fileBytes) return null;
  return {
    digest: digest as Digest,
    offset: Number(offset),
    bytes: fileBytes,
    path,
    sha256: sha256 as Digest,
    isWhole: false,
    readers: 0,
    isRight: null,
  };
}
