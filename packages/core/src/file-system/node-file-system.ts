/**
 * The file system of this machine, on node:fs. What is particular about Windows is here and nowhere else:
 * a file that another program (a virus scanner, most often) has open refuses to be moved for a moment, so such calls
 * are tried again with growing pauses; a read-only file is made writable where the system would refuse to replace,
 * remove or sync it; a folder in the way is refused with the code of a held file, and is told apart; a flush needs a handle
 * opened for writing; directories can not be flushed at all; no flag keeps a link from being followed, so it is looked for;
 * and paths beyond 260 characters need the `\\?\` form.
 */
import { constants } from 'node:fs';
import * as nodePromises from 'node:fs/promises';
import { dirname, join, win32 } from 'node:path';
import type { FileHolders } from './file-holders.js';
import type { FileHandle, FileStat, FileSystem, OpenMode } from './file-system.js';
import { isHeld, isSystemError, storageError } from './storage-error.js';

type NodeHandle = nodePromises.FileHandle;

/** The calls of node:fs/promises that are used. */
export type NodePromises = Pick<
  typeof nodePromises,
  'chmod' | 'lstat' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'rmdir' | 'stat' | 'statfs' | 'unlink'
>;

export interface NodeFileSystemOptions {
  /** Default: this machine's. */
  readonly platform?: NodeJS.Platform;
  /** Pauses before a call on a held file is tried again, in milliseconds. Default: ten, two seconds together. */
  readonly heldDelaysMs?: readonly number[];
  /** Default: a timer. */
  readonly wait?: (ms: number) => Promise<void>;
  /** Asked for the message when a file stays held. Default: nobody is asked. */
  readonly holders?: FileHolders;
  /** Default: node:fs/promises. */
  readonly promises?: NodePromises;
}

const defaultHeldDelaysMs: readonly number[] = [10, 20, 40, 80, 150, 250, 300, 350, 400, 400];
/** Nothing is written through a link, whoever put it there. */
const { O_RDWR, O_CREAT, O_TRUNC, O_EXCL, O_NOFOLLOW = 0 } = constants;
const openFlags: Record<OpenMode, string | number> = {
  read: 'r',
  write: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
  exclusive: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
};
/** A name that nobody gives to a file. */
const nowhere = '.remendo-is-not-here';
const ownerMayWrite = 0o200;
const readable = 0o444;

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
  readonly #holders: FileHolders;
  readonly #promises: NodePromises;

  constructor(options: NodeFileSystemOptions) {
    this.#isWindows = (options.platform ?? process.platform) === 'win32';
    this.hasModes = !this.#isWindows;
    this.canSyncDirectories = !this.#isWindows;
    this.#heldDelaysMs = options.heldDelaysMs ?? defaultHeldDelaysMs;
    this.#wait = options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    this.#holders = options.holders ?? (async () => null);
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
      const isWriting = mode === 'write' || mode === 'create';
      if (isWriting) await this.#assertNoLink(native);
      const opening = () => this.#promises.open(native, openFlags[mode]);
      const handle = await (isWriting ? this.#writable(native, opening, { restored: mode === 'write' }) : opening());
      try {
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
    const nativeTarget = this.#native(targetPath);
    const rename = async (native: string) => {
      try {
        await this.#promises.rename(native, nativeTarget);
      } catch (error) {
        if (!this.#isWindows || !isHeld(error, true)) throw error;
        if (native.toLowerCase() !== nativeTarget.toLowerCase()) await this.#assertNoFolder(nativeTarget);
        if (!(await this.#isReadOnly(nativeTarget))) throw error;
        await this.#writable(nativeTarget, () => this.#promises.rename(native, nativeTarget));
      }
    };
    return this.#call('rename', basePath, rename, targetPath);
  }

  removeFile(path: string): Promise<void> {
    return this.#call('removeFile', path, async (native) => {
      try {
        if (this.#isWindows) await this.#assertNoFolder(native);
        await this.#writable(native, () => this.#promises.unlink(native));
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
      const { found } = await this.#nearest(path, (native) => this.#promises.statfs(native));
      // Some shares and file systems of programs do not count: what is full says so when it is written to.
      return found.blocks === 0 ? Number.MAX_SAFE_INTEGER : found.bavail * found.bsize;
    });
  }

  isSameVolume(one: string, other: string): Promise<boolean> {
    return this.#call('isSameVolume', one, async () => {
      const first = await this.#nearest(one, (native) => this.#promises.stat(native));
      const second = await this.#nearest(other, (native) => this.#promises.stat(native));
      return first.found.dev === second.found.dev && (this.#isWindows || (await this.#isSameMount(first.native, second.native)));
    });
  }

  /** One volume may be mounted at two places, and nothing moves between those either: asked by a rename of what is not there. */
  #isSameMount(one: string, other: string): Promise<boolean> {
    return this.#promises.rename(join(one, nowhere), join(other, nowhere)).then(
      () => true,
      (error: unknown) => !isSystemError(error, 'EXDEV'),
    );
  }

  /** Of the path, or of the nearest folder above it that is there. */
  async #nearest<T>(path: string, ask: (native: string) => Promise<T>): Promise<{ readonly found: T; readonly native: string }> {
    for (let at = path; ; at = dirname(at)) {
      const native = this.#native(at);
      try {
        return { found: await ask(native), native };
      } catch (error) {
        if (!isSystemError(error, 'ENOENT', 'ENOTDIR') || dirname(at) === at) throw error;
      }
    }
  }

  #native(path: string): string {
    return this.#isWindows ? win32.toNamespacedPath(path) : path;
  }

  /** Runs a system call, again after a pause while the file is held, and names what went wrong. */
  async #call<T>(operation: string, path: string, call: (native: string) => Promise<T>, targetPath?: string): Promise<T> {
    const native = this.#native(path);
    const failed = { operation, path, isWindows: this.#isWindows };
    for (const delayMs of this.#heldDelaysMs) {
      try {
        return await call(native);
      } catch (error) {
        if (!isHeld(error, this.#isWindows)) throw storageError(error, failed);
        await this.#wait(delayMs);
      }
    }
    return call(native).catch(async (error: unknown) => {
      const isMove = operation === 'rename' && isHeld(error, this.#isWindows);
      const heldBy = isMove ? await this.#holdersOf([path, ...(targetPath === undefined ? [] : [targetPath])]) : [];
      throw storageError(error, { ...failed, heldBy });
    });
  }

  /** Only moves ask: what else is held is passed over, or tried another way. */
  async #holdersOf(paths: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(paths.map((path) => this.#holders(path)));
    return [
      ...new Set(found.flatMap((holders) => (holders ?? []).map(({ pid, program }) => `${win32.basename(program)} (${pid})`))),
    ];
  }

  /** On Windows a folder refuses to be replaced or removed as a file in the way a held file does. */
  async #assertNoFolder(native: string): Promise<void> {
    const found = await this.#promises.lstat(native).catch(() => null);
    if (found?.isDirectory() === true) throw Object.assign(new Error('a folder is there'), { code: 'EISDIR' });
  }

  /** On Windows, where no flag says it. */
  async #assertNoLink(native: string): Promise<void> {
    if (!this.#isWindows) return;
    const found = await this.#promises.lstat(native).catch(() => null);
    if (found?.isSymbolicLink() === true) throw Object.assign(new Error('it is a link'), { code: 'ELOOP' });
  }

  /**
   * A call that Windows refuses on a read-only file. The attribute is cleared for it, and set again when the call fails (the
   * file may be held, too) or when what it does leaves the file in its place.
   */
  async #writable<T>(native: string, call: () => Promise<T>, { restored = false } = {}): Promise<T> {
    if (!(await this.#isReadOnly(native))) return call();
    await this.#promises.chmod(native, readable | ownerMayWrite);
    const restore = () => this.#promises.chmod(native, readable);
    try {
      const result = await call();
      if (restored) await restore();
      return result;
    } catch (error) {
      await restore().catch(() => undefined);
      throw error;
    }
  }

  /** Of files on Windows: elsewhere, and on folders, such a mode keeps nobody from moving anything. */
  async #isReadOnly(native: string): Promise<boolean> {
    if (!this.#isWindows) return false;
    const found = await this.#promises.lstat(native).catch(() => null);
    return found?.isFile() === true && (found.mode & ownerMayWrite) === 0;
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
      throw storageError(error, { operation, path: this.path, isWindows: this.isWindows });
    }
  }
}
