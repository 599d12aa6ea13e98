/**
 * The file system as the library needs it. Paths are absolute, in the platform's own spelling, and were made by
 * `releasePathToFilePath` or by `join` on constants; nothing from outside reaches this port unchecked.
 *
 * What an implementation MUST do (`file-system.contract.ts` holds every one to it):
 * - `rename` is atomic: after a crash exactly one of the two names leads to the file.
 * - after `handle.sync()` the file's bytes and mode survive a power cut, under whichever of its names survive.
 * - after `syncDirectory()` the names in that directory survive one, if its own name does; a rename between two
 *   directories once both are synced. Where the system has no such call (Windows) it does nothing, and `handle.sync()`
 *   makes all names of that file durable instead.
 * - nothing else is durable, and what is not durable may be lost in any order.
 * - nothing is written through a link at the end of a path: `open` refuses it with TRANSACTION_PATH_BLOCKED, but for reading.
 * - other failures are `UpdaterError`s: STORAGE_NO_SPACE when the disk is full, TRANSACTION_FILE_HELD when another program
 *   holds the file, STORAGE_OTHER_VOLUME for a rename that would lead to another volume, STORAGE_FAILED otherwise; a missing entry is a `null` from `stat` and STORAGE_FAILED elsewhere.
 */
import type { ByteSource } from '../bytes/byte-source.js';

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly bytes: number;
  /** POSIX permission bits (0…0o777); on Windows only the owner's write bit means something. */
  readonly mode: number;
  readonly modifiedMs: number;
}

export interface FileHandle extends ByteSource {
  /** Size when it was opened, or as it has grown by this handle's own writes. */
  readonly bytes: number;
  write(offset: number, chunk: Uint8Array): Promise<void>;
  truncate(bytes: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** read: must exist · write: must exist, for writing too · create: made or emptied · exclusive: must not exist. */
export type OpenMode = 'read' | 'write' | 'create' | 'exclusive';

export interface FileSystem {
  /** Whether files have an executable bit; false on Windows. */
  readonly hasModes: boolean;
  /** False where `syncDirectory` does nothing and `handle.sync()` has to make names durable: on Windows. */
  readonly canSyncDirectories: boolean;
  /** Of the entry itself: links are not followed. Null when nothing is there, also when a parent is a file. */
  stat(path: string): Promise<FileStat | null>;
  open(path: string, mode: OpenMode): Promise<FileHandle>;
  /** Names in a directory, in code unit order; [] when there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  /** With parents; nothing happens when it exists. */
  makeDirectory(path: string): Promise<void>;
  /**
   * Moves a file or directory on the same volume; a file at `targetPath` is replaced, a directory there is refused.
   * A new spelling of the same name on a disk that ignores case is an ordinary move.
   */
  rename(basePath: string, targetPath: string): Promise<void>;
  /** A file, or a link itself; nothing happens when it does not exist. */
  removeFile(path: string): Promise<void>;
  /** An empty directory: returns false, and leaves it, when it holds something or does not exist. */
  removeDirectory(path: string): Promise<boolean>;
  setMode(path: string, mode: number): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Free for this user, in bytes, on the volume of `path`, which need not exist yet; more than any has where it does not say. */
  freeBytes(path: string): Promise<number>;
  /** Whether files can be moved between two folders, which need not exist yet. Changes nothing. */
  isSameVolume(one: string, other: string): Promise<boolean>;
}
