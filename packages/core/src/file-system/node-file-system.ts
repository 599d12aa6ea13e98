/**
 * The file system of this machine, on node:fs. What is particular about Windows is here and nowhere else:
 * a file that another program (a virus scanner, most often) has open refuses to be moved for a moment, so such calls
 * are tried again with growing pauses; a read-only file is made writable where the system would refuse to replace,
 * remove or sync it; a flush needs a handle opened for writing; directories can not be flushed at all; and paths beyond
 * 260 characters need the `\\?\` form.
 */
import { constants } from 'node:fs';
import * as nodePromises from 'node:fs/promises';
import { dirname, toNamespacedPath } from 'node:path';
import type { FileHandle, FileStat, FileSystem, OpenMode } from './file-system.js';
import { isHeld, isSystemError, storageError } from './storage-error.js';

type NodeHandle = nodePromises.FileHandle;

/** The calls of node:fs/promises that are used. */
export type NodePromises = Pick<
  typeof nodePromises,
  'chmod' | 'lstat' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'rmdir' | 'statfs' | 'unlink'
>;

export interface NodeFileSystemOptions {
  /** Default: this machine's. */
  readonly platform?: NodeJS.Platform;
  /** Pauses before a call on a held file is tried again, in milliseconds. Default: ten, two seconds together. */
  readonly heldDelaysMs?: readonly number[];
  /** Default: a timer. */
  readonly wait?: (ms: number) => Promise<void>;
  /** Default: node:fs/promises. */
  readonly promises?: NodePromises;
}

const defaultHeldDelaysMs: readonly number[] = [10, 20, 40, 80, 150, 250, 300, 350, 400, 400];
/** Nothing is written through a link, whoever put it there. Windows has no such flag, and lets nobody but administrators make links. */
const { O_RDWR, O_CREAT, O_TRUNC, O_EXCL, O_NOFOLLOW = 0 } = constants;
const openFlags: Record<OpenMode, string | number> = {
  read: 'r',
  write: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
  exclusive: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
};
const ownerMayWrite = 0o200;

/** Stateless; may be shared and used in parallel. */
export function nodeFileSystem(options: NodeFileSystemOptions = {}): FileSystem {
  return new NodeFileSystem(options);
}

class NodeFileSystem implements FileSystem {
  readonly hasModes: boolean;
  readonly canSyncDirectories: boolean;
  readonly #isWindows: boolean;
  readonly #heldDelaysMs: readonly number[];
  readonly #wait: (ms: number) => Promise<void>;
  readonly #promises: NodePromises;

  constructor(options: NodeFileSystemOptions) {
    this.#isWindows = (options.platform ?? process.platform) === 'win32';
    this.hasModes = !this.#isWindows;
    this.canSyncDirectories = !this.#isWindows;
    this.#heldDelaysMs = options.heldDelaysMs ?? defaultHeldDelaysMs;
    this.#wait = options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    this.#promises = options.promises ?? nodePromises;
  }

  stat(path: string): Promise<FileStat | null> {
    return this.#call('stat', path, async (native) => {
      try {
        const found = await this.#promises.lstat(native);
        const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'symlink' : 'other';
        return { kind, bytes: kind === 'file' ? found.size : 0, mode: found.mode & 0o777, modifiedMs: found.mtimeMs };
      } catch (error) {
        if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
        throw error;
      }
    });
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.#call('open', path, async (native) => {
      const restoreMode = mode === 'write' || mode === 'create' ? await this.#clearReadOnly(native) : null;
      const handle = await this.#promises.open(native, openFlags[mode]);
      try {
        if (restoreMode !== null && mode === 'write') await this.#promises.chmod(native, restoreMode);
        const found = await handle.stat();
        if (!found.isFile()) throw Object.assign(new Error('it is not a file'), { code: 'EISDIR' });
        return new NodeFileHandle(handle, found.size, path, this.#isWindows);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#call('list', path, async (native) => {
      try {
        return (await this.#promises.readdir(native)).sort();
      } catch (error) {
        if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
        throw error;
      }
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call('makeDirectory', path, async (native) => {
      await this.#promises.mkdir(native, { recursive: true });
    });
  }

  rename(basePath: string, targetPath: string): Promise<void> {
    const nativeTarget = toNamespacedPath(targetPath);
    return this.#call('rename', basePath, async (native) => {
      try {
        await this.#promises.rename(native, nativeTarget);
      } catch (error) {
        if (!this.#isWindows || !isHeld(error, true) || (await this.#clearReadOnly(nativeTarget)) === null) throw error;
        await this.#promises.rename(native, nativeTarget);
      }
    });
  }

  removeFile(path: string): Promise<void> {
    return this.#call('removeFile', path, async (native) => {
      try {
        await this.#clearReadOnly(native);
        await this.#promises.unlink(native);
      } catch (error) {
        if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
      }
    });
  }

  removeDirectory(path: string): Promise<boolean> {
    return this.#call('removeDirectory', path, async (native) => {
      try {
        await this.#promises.rmdir(native);
        return true;
      } catch (error) {
        if (isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR')) return false;
        throw error;
      }
    });
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#call('setMode', path, (native) => this.#promises.chmod(native, mode));
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.canSyncDirectories) return;
    await this.#call('syncDirectory', path, async (native) => {
      const handle = await this.#promises.open(native, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  freeBytes(path: string): Promise<number> {
    return this.#call('freeBytes', path, async () => {
      for (let at = path; ; at = dirname(at)) {
        try {
          const volume = await this.#promises.statfs(toNamespacedPath(at));
          return volume.bavail * volume.bsize;
        } catch (error) {
          if (!isSystemError(error, 'ENOENT', 'ENOTDIR') || dirname(at) === at) throw error;
        }
      }
    });
  }

  /** Runs a system call, again after a pause while the file is held, and names what went wrong. */
  async #call<T>(operation: string, path: string, call: (native: string) => Promise<T>): Promise<T> {
    const native = toNamespacedPath(path);
    for (const delayMs of this.#heldDelaysMs) {
      try {
        return await call(native);
      } catch (error) {
        if (!isHeld(error, this.#isWindows)) throw storageError(error, operation, path, this.#isWindows);
        await this.#wait(delayMs);
      }
    }
    return call(native).catch((error: unknown) => {
      throw storageError(error, operation, path, this.#isWindows);
    });
  }

  /** On Windows only. @returns the mode it had when the attribute had to be cleared, else null. */
  async #clearReadOnly(native: string): Promise<number | null> {
    if (!this.#isWindows) return null;
    const found = await this.#promises.lstat(native).catch(() => null);
    if (found === null || !found.isFile() || (found.mode & ownerMayWrite) !== 0) return null;
    await this.#promises.chmod(native, found.mode | ownerMayWrite);
    return found.mode & 0o777;
  }
}

class NodeFileHandle implements FileHandle {
  #bytes: number;

  constructor(
    private readonly handle: NodeHandle,
    bytes: number,
    private readonly path: string,
    private readonly isWindows: boolean,
  ) {
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#call('read', async () => {
      let count = 0;
      while (count < into.length) {
        const { bytesRead } = await this.handle.read(into, count, into.length - count, offset + count);
        if (bytesRead === 0) break;
        count += bytesRead;
      }
      return count;
    });
  }

  write(offset: number, chunk: Uint8Array): Promise<void> {
    return this.#call('write', async () => {
      for (let count = 0; count < chunk.length; ) {
        const { bytesWritten } = await this.handle.write(chunk, count, chunk.length - count, offset + count);
        count += bytesWritten;
        this.#bytes = Math.max(this.#bytes, offset + count);
      }
    });
  }

  truncate(bytes: number): Promise<void> {
    return this.#call('truncate', async () => {
      await this.handle.truncate(bytes);
      this.#bytes = bytes;
    });
  }

  sync(): Promise<void> {
    return this.#call('sync', () => this.handle.sync());
  }

  close(): Promise<void> {
    return this.#call('close', () => this.handle.close());
  }

  async #call<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw storageError(error, operation, this.path, this.isWindows);
    }
  }
}
