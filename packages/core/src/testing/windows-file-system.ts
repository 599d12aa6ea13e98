/**
 * Windows with NTFS, as node:fs shows it, over a disk in memory: the rules that no Linux machine has. `fileSystem` is the
 * real implementation of the port, so that every branch it has for Windows runs; below it are, instead of node:fs, the rules:
 * - names are compared without case and keep the one they were given; some can not be had at all; a path of 260 characters
 *   needs a prefix;
 * - a file that another process has open can refuse to be opened, renamed or removed (EBUSY), and can not be replaced (EPERM);
 * - a running program can be renamed, and neither written (EBUSY), replaced nor removed (EPERM); neither can a read-only file;
 * - a folder with an open file or a running program anywhere in it can not be renamed (EPERM);
 * - a file that is removed while somebody has it open keeps its name, and refuses everything (EPERM), until it is closed;
 * - a virus scanner opens what was written, for a moment of virtual time;
 * - a handle that was not opened for writing can not be flushed (EPERM), and a folder not at all; there are no modes.
 *
 * Where versions of Windows and Node.js differ it has the stricter rule. What they really do is known from documentation and,
 * for part of it, from runs under wine (`bench/src/wine-check.ts`).
 */
import { constants } from 'node:fs';
import type { FileHandle as NodeHandle } from 'node:fs/promises';
import { hasCode } from '../errors.js';
import type { FileHolders } from '../file-system/file-holders.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import { type NodePromises, nodeFileSystem } from '../file-system/node-file-system.js';
import type { NodeId } from './memory-disk.js';
import { MemoryFileSystem } from './memory-file-system.js';
import { type Sharing, sharesAll, sharesNothing, sharesReading, WindowsHolds } from './windows-holds.js';
import { checkWindowsPath, systemError } from './windows-names.js';

const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_EXCL } = constants;
const ownerMayWrite = 0o200;

export interface WindowsMachineOptions {
  /** Where everything lies; ignores case and can not sync directories. Default: a new one. */
  readonly disk?: MemoryFileSystem;
  /** For how long a virus scanner holds what was written, in milliseconds. Default: 0. */
  readonly scannerHoldsMs?: number;
  /** Who holds a file, for those who ask. Default: nobody can tell. */
  readonly holders?: FileHolders;
}

export class WindowsMachine {
  readonly disk: MemoryFileSystem;
  readonly fileSystem: FileSystem;
  /** What node:fs/promises is on this machine. */
  readonly promises: NodePromises;
  /** Virtual time, which passes only while the file system waits for a held file. */
  waitedMs = 0;
  scannerHoldsMs: number;
  readonly #holds = new WindowsHolds(() => this.waitedMs);
  /** Files that go when their last holder does, with their names. */
  readonly #deletePending = new Map<NodeId, string>();

  constructor(options: WindowsMachineOptions = {}) {
    this.disk = options.disk ?? new MemoryFileSystem({ ignoresCase: true, canSyncDirectories: false });
    this.scannerHoldsMs = options.scannerHoldsMs ?? 0;
    this.promises = this.#makePromises();
    this.fileSystem = nodeFileSystem({
      platform: 'win32',
      promises: this.promises,
      wait: async (ms) => {
        this.waitedMs += ms;
      },
      ...(options.holders === undefined ? {} : { holders: options.holders }),
    });
  }

  /** Another process opens a file or stands in a folder. @returns what ends that. */
  hold(path: string, options: { readonly shares?: Sharing; readonly forMs?: number } = {}): () => void {
    return this.#ending(this.#holds.add(this.#node(path), { shares: sharesNothing, ...options }));
  }

  /** Another process runs a program, or loads a library. @returns what ends that. */
  run(path: string): () => void {
    return this.#ending(this.#holds.add(this.#node(path), { shares: { read: true, write: false, delete: true }, isImage: true }));
  }

  #ending(end: () => void): () => void {
    return () => {
      end();
      this.#removeUnheld();
    };
  }

  #removeUnheld(): void {
    for (const [node, path] of this.#deletePending) {
      if (this.#holds.isHeld(node)) continue;
      this.#deletePending.delete(node);
      void this.disk.removeFile(path);
    }
  }

  #node(path: string): NodeId {
    const node = this.disk.nodeOf(path);
    if (node === undefined) throw systemError('ENOENT', path);
    return node;
  }

  /** @throws Error ENOENT, or EPERM while the name belongs to a removed file that somebody still has open. */
  #existing(native: string): { readonly path: string; readonly node: NodeId } {
    const path = checkWindowsPath(native);
    const node = this.#node(path);
    if (this.#deletePending.has(node)) throw systemError('EPERM', `${path} is about to go`);
    return { path, node };
  }

  #makePromises(): NodePromises {
    const machine = {
      lstat: (native: string) => this.#lstat(native),
      stat: (native: string) => this.#lstat(native),
      chmod: (native: string, mode: number) => this.#chmod(native, mode),
      open: (native: string, flags: string | number) => this.#open(native, flags),
      readdir: (native: string) => this.#readdir(native),
      mkdir: (native: string) => translated(() => this.disk.makeDirectory(checkWindowsPath(native, true)), 'EEXIST'),
      rename: (base: string, target: string) => this.#rename(base, target),
      unlink: (native: string) => this.#unlink(native),
      rmdir: (native: string) => this.#rmdir(native),
      statfs: async (native: string) => ({ bavail: await this.disk.freeBytes(this.#existing(native).path), bsize: 1 }),
    };
    return machine as unknown as NodePromises;
  }

  async #lstat(native: string) {
    const { path } = this.#existing(native);
    const found = await this.disk.stat(path);
    if (found === null) throw systemError('ENOENT', path);
    const is = (kind: string) => () => found.kind === kind;
    const mode = (found.mode & ownerMayWrite) === 0 ? 0o444 : 0o666;
    return {
      isFile: is('file'),
      isDirectory: is('directory'),
      isSymbolicLink: is('symlink'),
      mode,
      size: found.bytes,
      mtimeMs: found.modifiedMs,
      /** A drive is a volume. */
      dev: path.toLowerCase().charCodeAt(0),
    };
  }

  async #chmod(native: string, mode: number): Promise<void> {
    const { path } = this.#existing(native);
    await this.disk.setMode(path, (mode & ownerMayWrite) === 0 ? 0o444 : 0o666);
  }

  async #open(native: string, flags: string | number): Promise<NodeHandle> {
    const path = checkWindowsPath(native);
    const bits = typeof flags === 'number' ? flags : 0;
    const isWriting = (bits & (O_RDWR | O_WRONLY)) !== 0;
    const known = this.disk.nodeOf(path);
    if (known === undefined && (bits & O_CREAT) === 0) throw systemError('ENOENT', path);
    if (known !== undefined) {
      if (this.#deletePending.has(known)) throw systemError('EPERM', `${path} is about to go`);
      if ((bits & O_EXCL) !== 0) throw systemError('EEXIST', path);
      await this.#assertMayOpen(path, { node: known, isWriting });
    }
    const mode = !isWriting ? 'read' : (bits & O_EXCL) !== 0 ? 'exclusive' : (bits & O_TRUNC) !== 0 ? 'create' : 'write';
    const handle = await translated(() => this.disk.open(path, mode), 'ENOENT');
    return new WindowsHandle(handle, isWriting, this.#opened(path)) as unknown as NodeHandle;
  }

  async #assertMayOpen(path: string, { node, isWriting }: { readonly node: NodeId; readonly isWriting: boolean }): Promise<void> {
    const found = await this.disk.stat(path);
    if (found?.kind === 'directory') throw systemError(isWriting ? 'EPERM' : 'EISDIR', path);
    if (isWriting && ((found?.mode ?? 0) & ownerMayWrite) === 0) throw systemError('EPERM', `${path} is read-only`);
    this.#holds.assertShared(node, isWriting ? 'write' : 'read', path);
  }

  /** @returns what has to be called when the handle is closed, with whether it was written to. */
  #opened(path: string): (wasWritten: boolean) => void {
    const node = this.#node(path);
    const close = this.#ending(this.#holds.add(node, { shares: sharesAll }));
    return (wasWritten) => {
      close();
      if (wasWritten && this.scannerHoldsMs > 0) this.#holds.add(node, { shares: sharesReading, forMs: this.scannerHoldsMs });
    };
  }

  async #readdir(native: string): Promise<string[]> {
    const { path } = this.#existing(native);
    if ((await this.disk.stat(path))?.kind === 'file') throw systemError('ENOTDIR', path);
    return [...(await this.disk.list(path))];
  }

  async #rename(base: string, target: string): Promise<void> {
    const { path, node } = this.#existing(base);
    const targetPath = checkWindowsPath(target);
    this.#holds.assertShared(node, 'delete', path);
    if ((await this.disk.stat(path))?.kind === 'directory') await this.#assertNothingOpenBelow(path);
    const replaced = this.disk.nodeOf(targetPath);
    if (replaced !== undefined && replaced !== node) await this.#assertReplaceable(targetPath, replaced);
    await translated(() => this.disk.rename(path, targetPath), 'ENOENT');
  }

  async #assertNothingOpenBelow(folder: string): Promise<void> {
    for (const name of await this.disk.list(folder)) {
      const path = `${folder}\\${name}`;
      if (this.#holds.isHeld(this.#node(path))) throw systemError('EPERM', `${path} is open`);
      if ((await this.disk.stat(path))?.kind === 'directory') await this.#assertNothingOpenBelow(path);
    }
  }

  async #assertReplaceable(path: string, node: NodeId): Promise<void> {
    const found = await this.disk.stat(path);
    const isReadOnly = ((found?.mode ?? 0) & ownerMayWrite) === 0;
    if (found?.kind === 'directory' || isReadOnly || this.#holds.isHeld(node))
      throw systemError('EPERM', `${path} can not be replaced`);
  }

  async #unlink(native: string): Promise<void> {
    const { path, node } = this.#existing(native);
    const found = await this.disk.stat(path);
    const isReadOnly = ((found?.mode ?? 0) & ownerMayWrite) === 0;
    if (found?.kind === 'directory' || isReadOnly || this.#holds.isImage(node))
      throw systemError('EPERM', `${path} can not be removed`);
    this.#holds.assertShared(node, 'delete', path);
    if (this.#holds.isOpen(node)) this.#deletePending.set(node, path);
    else await this.disk.removeFile(path);
  }

  async #rmdir(native: string): Promise<void> {
    const { path, node } = this.#existing(native);
    if ((await this.disk.stat(path))?.kind !== 'directory') throw systemError('ENOTDIR', path);
    if ((await this.disk.list(path)).length > 0) throw systemError('ENOTEMPTY', path);
    this.#holds.assertShared(node, 'delete', path);
    await this.disk.removeDirectory(path);
  }
}

/** What fails in memory, as the system would say it. @param otherwise the code for what is not a matter of room. */
async function translated<T>(call: () => Promise<T>, otherwise: string): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (hasCode(error, 'STORAGE_NO_SPACE')) throw systemError('ENOSPC', error.message);
    if (hasCode(error, 'STORAGE_FAILED')) throw systemError(otherwise, error.message);
    throw error;
  }
}

/** What is used of a FileHandle of Node.js. */
class WindowsHandle {
  #wasWritten = false;

  constructor(
    private readonly handle: FileHandle,
    private readonly isWriting: boolean,
    private readonly closed: (wasWritten: boolean) => void,
  ) {}

  async stat() {
    return { size: this.handle.bytes, isFile: () => true };
  }

  async read(into: Uint8Array, at: number, count: number, offset: number) {
    return { bytesRead: await this.handle.read(offset, into.subarray(at, at + count)) };
  }

  async write(chunk: Uint8Array, at: number, count: number, offset: number) {
    this.#wasWritten = true;
    await translated(() => this.handle.write(offset, chunk.subarray(at, at + count)), 'EIO');
    return { bytesWritten: count };
  }

  async truncate(bytes: number) {
    this.#wasWritten = true;
    await this.handle.truncate(bytes);
  }

  async sync() {
    if (!this.isWriting) throw systemError('EPERM', 'it was not opened for writing');
    await this.handle.sync();
  }

  async close() {
    await this.handle.close();
    this.closed(this.#wasWritten);
  }
}
