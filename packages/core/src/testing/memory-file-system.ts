/**
 * A complete file system in memory, for tests and simulations: exact about names, links, modes and errors, with a disk
 * that can be full, faults that can be injected (a file that Windows holds), and names that ignore case if wanted.
 * Nothing is ever lost in it; `crash-file-system.ts` adds that.
 */
import { UpdaterError } from '../errors.js';
import type { FileHandle, FileStat, FileSystem, OpenMode } from '../file-system/file-system.js';
import { type DiskOperation, MemoryDisk, type Name, type NodeId } from './memory-disk.js';

export type FileOperation =
  | 'stat'
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'removeFile'
  | 'removeDirectory'
  | 'setMode'
  | 'syncDirectory'
  | 'freeBytes';

/** Asked before every operation; what it returns is thrown. `targetPath` is set for renames, `mode` for opening. */
export type Fault = (
  operation: FileOperation,
  path: string,
  detail: { readonly targetPath?: string; readonly mode?: OpenMode },
) => Error | undefined;

export interface MemoryFileSystemOptions {
  /** Room for the bytes of all files together. Default: unlimited. */
  readonly capacityBytes?: number;
  readonly fault?: Fault;
  /** Names that differ only in case are one file, as on Windows. Default: false. */
  readonly ignoresCase?: boolean;
  /** Default: true. */
  readonly canSyncDirectories?: boolean;
  /** Modification times. Default: a counter that grows with every change. */
  readonly now?: () => number;
}

interface Place {
  readonly at: Name;
  readonly node: NodeId | undefined;
}

const linksMax = 16;
const failed = (what: string, path: string): UpdaterError =>
  new UpdaterError('STORAGE_FAILED', `${path}: ${what}`, { details: { path } });

export class MemoryFileSystem implements FileSystem {
  readonly hasModes = true;
  readonly canSyncDirectories: boolean;
  /** Replaced at will by tests. */
  fault: Fault | undefined;
  capacityBytes: number;
  /** Where a rename took another file's place. */
  readonly replaced: string[] = [];
  protected disk: MemoryDisk;
  protected readonly now: () => number;
  #nextNode: NodeId = 1;

  constructor(protected readonly options: MemoryFileSystemOptions = {}) {
    let tick = 1_700_000_000_000;
    this.canSyncDirectories = options.canSyncDirectories ?? true;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.fault = options.fault;
    this.now = options.now ?? (() => tick++);
    this.disk = new MemoryDisk(options.ignoresCase ?? false);
  }

  /** Makes a symbolic link; `to` is absolute. */
  makeLink(path: string, to: string): void {
    this.#make(this.#placeForNew(path), 'symlink', to);
  }

  /** What a name leads to, whichever way it is spelled; the same after every rename. */
  nodeOf(path: string): NodeId | undefined {
    return this.#place(path)?.node;
  }

  async stat(path: string): Promise<FileStat | null> {
    this.enter('stat', path);
    const node = this.#place(path)?.node;
    const found = node === undefined ? undefined : this.disk.node(node);
    if (found === undefined) return null;
    return { kind: found.kind, bytes: found.kind === 'file' ? found.length : 0, mode: found.mode, modifiedMs: found.modifiedMs };
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    this.enter('open', path, { mode });
    const place = mode === 'read' || mode === 'write' ? this.#place(path) : this.#placeForNew(path);
    if (place?.node === undefined) {
      if (place === null || mode === 'read' || mode === 'write') throw failed('there is no such file', path);
      return new MemoryFileHandle(this, this.#make(place, 'file'), path);
    }
    const found = this.disk.node(place.node);
    if (mode === 'exclusive') throw failed('it exists already', path);
    if (found?.kind === 'symlink' && mode !== 'read') throw new UpdaterError('TRANSACTION_PATH_BLOCKED', `${path} is a link`);
    if (found?.kind !== 'file') throw failed('it is not a file', path);
    if (mode === 'create' && found.length > 0) this.perform({ kind: 'truncate', node: place.node, bytes: 0, nowMs: this.now() });
    return new MemoryFileHandle(this, place.node, path);
  }

  async list(path: string): Promise<readonly string[]> {
    this.enter('list', path);
    const node = this.#directory(path);
    return node === undefined ? [] : this.disk.names(node);
  }

  async makeDirectory(path: string): Promise<void> {
    this.enter('makeDirectory', path);
    this.#makeDirectories(path);
  }

  async rename(basePath: string, targetPath: string): Promise<void> {
    this.enter('rename', basePath, { targetPath });
    const base = this.#place(basePath);
    const target = this.#placeForNew(targetPath);
    if (base?.node === undefined) throw failed('there is no such file', basePath);
    if (target.node !== undefined && target.node !== base.node) {
      const isFileOverFile = this.disk.node(target.node)?.kind !== 'directory' && this.disk.node(base.node)?.kind !== 'directory';
      if (!isFileOverFile) throw failed('something is in the way that can not be replaced', targetPath);
      this.replaced.push(targetPath);
    }
    this.perform({ kind: 'rename', at: base.at, target: target.at, node: base.node });
  }

  async removeFile(path: string): Promise<void> {
    this.enter('removeFile', path);
    const place = this.#place(path);
    if (place?.node === undefined) return;
    if (this.disk.node(place.node)?.kind === 'directory') throw failed('it is a directory', path);
    this.perform({ kind: 'unlink', at: place.at, node: place.node });
  }

  async removeDirectory(path: string): Promise<boolean> {
    this.enter('removeDirectory', path);
    const place = this.#place(path);
    if (place?.node === undefined || this.disk.node(place.node)?.kind !== 'directory') return false;
    if (this.disk.names(place.node).length > 0) return false;
    this.perform({ kind: 'unlink-directory', at: place.at, node: place.node });
    return true;
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.enter('setMode', path);
    const node = this.#place(path)?.node;
    if (node === undefined) throw failed('there is no such file', path);
    this.perform({ kind: 'mode', node, mode: mode & 0o777 });
  }

  async syncDirectory(path: string): Promise<void> {
    this.enter('syncDirectory', path);
    const node = this.#directory(path);
    if (node === undefined) throw failed('there is no such directory', path);
    if (this.canSyncDirectories) this.performDirectorySync(node);
  }

  async freeBytes(path: string): Promise<number> {
    this.enter('freeBytes', path);
    return Math.max(0, this.capacityBytes - this.disk.usedBytes());
  }

  async isSameVolume(): Promise<boolean> {
    return true;
  }

  /** For the handles of this file system. */
  readNode(node: NodeId, path: string, range: { readonly offset: number; readonly into: Uint8Array }): number {
    this.enter('read', path);
    const found = this.disk.node(node);
    if (found?.kind !== 'file') throw failed('it is gone', path);
    const part = found.buffer.subarray(
      Math.min(range.offset, found.length),
      Math.min(found.length, range.offset + range.into.length),
    );
    range.into.set(part);
    return part.length;
  }

  /** For the handles of this file system. Writes what fits and says when that was not all. */
  writeNode(node: NodeId, path: string, range: { readonly offset: number; readonly chunk: Uint8Array }): void {
    this.enter('write', path);
    const length = this.nodeBytes(node);
    const room = this.capacityBytes === Number.POSITIVE_INFINITY ? this.capacityBytes : this.capacityBytes - this.disk.usedBytes();
    const fitting = Math.min(range.chunk.length, Math.max(0, length + room - range.offset));
    if (fitting > 0) {
      // Not `slice`: that of a Buffer copies nothing.
      const chunk = new Uint8Array(range.chunk.subarray(0, fitting));
      this.perform({ kind: 'write', node, offset: range.offset, chunk, nowMs: this.now() });
    }
    if (fitting < range.chunk.length) {
      throw new UpdaterError('STORAGE_NO_SPACE', `${path}: the disk is full`, { details: { path } });
    }
  }

  /** For the handles of this file system. */
  truncateNode(node: NodeId, path: string, bytes: number): void {
    this.enter('truncate', path);
    this.perform({ kind: 'truncate', node, bytes, nowMs: this.now() });
  }

  /** For the handles of this file system. */
  syncNode(node: NodeId, path: string): void {
    this.enter('sync', path);
    this.performSync(node);
  }

  /** For the handles of this file system. */
  nodeBytes(node: NodeId): number {
    const found = this.disk.node(node);
    return found?.kind === 'file' ? found.length : 0;
  }

  /** Every change goes through here. */
  protected perform(operation: DiskOperation): void {
    this.disk.apply(operation);
  }

  protected performSync(_node: NodeId): void {}

  protected performDirectorySync(_node: NodeId): void {}

  protected enter(operation: FileOperation, path: string, detail: Parameters<Fault>[2] = {}): void {
    const error = this.fault?.(operation, path, detail);
    if (error !== undefined) throw error;
  }

  /** Lets a file system on a copy of the disk go on with numbers that are not taken. */
  protected get nextNode(): NodeId {
    return this.#nextNode;
  }

  protected set nextNode(node: NodeId) {
    this.#nextNode = node;
  }

  #make(place: Place, nodeKind: 'file' | 'directory' | 'symlink', to?: string): NodeId {
    const node = this.#nextNode++;
    this.perform({ kind: 'link', at: place.at, node, nodeKind, ...(to === undefined ? {} : { to }), nowMs: this.now() });
    return node;
  }

  #makeDirectories(path: string): void {
    const segments = segmentsOf(path);
    for (let depth = 1; depth <= segments.length; depth++) {
      if (this.#directoryOf(segments, depth) !== undefined) continue;
      const place = this.#placeOf(segments, depth);
      if (place === null || place.node !== undefined) throw failed('a file is in the way', path);
      this.#make(place, 'directory');
    }
  }

  #placeForNew(path: string): Place {
    const place = this.#place(path);
    if (place === null) throw failed('there is no such directory', path);
    return place;
  }

  /** The node of a directory, through links. */
  #directory(path: string): NodeId | undefined {
    const segments = segmentsOf(path);
    return this.#directoryOf(segments, segments.length);
  }

  /** The name a path stands for, or null when its directory does not exist. Links on the way are followed. */
  #place(path: string): Place | null {
    const segments = segmentsOf(path);
    return this.#placeOf(segments, segments.length);
  }

  #placeOf(segments: readonly string[], depth: number): Place | null {
    const name = segments[depth - 1];
    if (name === undefined) return { at: { directory: MemoryDisk.root, name: '' }, node: MemoryDisk.root };
    const directory = this.#directoryOf(segments, depth - 1);
    return directory === undefined ? null : { at: { directory, name }, node: this.disk.lookup(directory, name) };
  }

  /** The directory that the first `depth` segments lead to. */
  #directoryOf(segments: readonly string[], depth: number, links = 0): NodeId | undefined {
    let node: NodeId = MemoryDisk.root;
    for (let index = 0; index < depth; index++) {
      const next = this.disk.lookup(node, segments[index] ?? '');
      const found = next === undefined ? undefined : this.disk.node(next);
      if (next === undefined || found === undefined || found.kind === 'file') return undefined;
      if (found.kind === 'symlink') {
        const to = segmentsOf(found.to);
        const followed = links < linksMax ? this.#directoryOf(to, to.length, links + 1) : undefined;
        if (followed === undefined) return undefined;
        node = followed;
      } else node = next;
    }
    return node;
  }
}

const segmentsOf = (path: string): readonly string[] => path.split(/[\\/]/).filter((segment) => segment !== '');

class MemoryFileHandle implements FileHandle {
  constructor(
    private readonly fileSystem: MemoryFileSystem,
    private readonly node: NodeId,
    private readonly path: string,
  ) {}

  get bytes(): number {
    return this.fileSystem.nodeBytes(this.node);
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    return this.fileSystem.readNode(this.node, this.path, { offset, into });
  }

  async write(offset: number, chunk: Uint8Array): Promise<void> {
    this.fileSystem.writeNode(this.node, this.path, { offset, chunk });
  }

  async truncate(bytes: number): Promise<void> {
    this.fileSystem.truncateNode(this.node, this.path, bytes);
  }

  async sync(): Promise<void> {
    this.fileSystem.syncNode(this.node, this.path);
  }

  async close(): Promise<void> {}
}
