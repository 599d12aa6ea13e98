/**
 * A memory file system that knows what of it would survive a power cut. Every change is counted and kept in a log with
 * a mark: durable or not yet. `afterCrash` builds the disk as the next start would find it, from the durable changes and
 * a choice among the others.
 *
 * Two disks are modelled, each with as little promised as a real one may promise:
 * - directories can be synced (POSIX): syncing a file makes its bytes and mode durable, and none of its names; a name
 *   becomes durable when its directory is synced, a rename only when both of its directories are.
 * - they can not (Windows): syncing a file makes its bytes, mode and all changes of its names durable; removals become
 *   durable only when something durable took the place.
 * A rename is atomic, whatever else is lost. A file's unsynced writes may each be lost, or be torn.
 */

import type { DiskOperation, MemoryDisk, NodeId } from './memory-disk.js';
import { type Fault, type FileOperation, MemoryFileSystem, type MemoryFileSystemOptions } from './memory-file-system.js';
import { seededRandom } from './seeded-random.js';

/**
 * kept: all that was written reached the disk · dropped: only what was synced · reordered: any subset of the rest, each
 * change whole · torn: any subset of names, and pieces of writes · killed: the process died but the machine goes on, so
 * that nothing is lost and nothing has become durable either.
 */
export type CrashKind = 'kept' | 'dropped' | 'reordered' | 'torn' | 'killed';

export class CrashSignal extends Error {
  override readonly name = 'CrashSignal';
}

interface LoggedOperation {
  readonly operation: DiskOperation;
  isDurable: boolean;
  /** Directories of a rename that have been synced since. */
  readonly syncedDirectories: Set<NodeId>;
}

export class CrashFileSystem extends MemoryFileSystem {
  /** Changes and syncs so far. */
  operationCount = 0;
  /** The change or sync, counted from 1, at which the power goes; it may or may not have happened itself. */
  crashAt = Number.POSITIVE_INFINITY;
  /** One line per change or sync, for the message of a failing test. */
  readonly trace: string[] = [];
  #crashed = false;
  #base: MemoryDisk;
  #log: LoggedOperation[] = [];
  #path = '';

  constructor(options: MemoryFileSystemOptions = {}) {
    super(options);
    this.#base = this.disk.clone();
  }

  get hasCrashed(): boolean {
    return this.#crashed;
  }

  /** Makes everything durable and starts counting anew: the end of a test's preparation. */
  settle(): void {
    this.#base = this.disk.clone();
    this.#log = [];
    this.operationCount = 0;
    this.trace.length = 0;
  }

  /** The disk after a power cut now, with everything on it durable (but after `killed`). This one stays as it is. */
  afterCrash(kind: CrashKind, seed: number): CrashFileSystem {
    const next = new CrashFileSystem({ ...this.options, capacityBytes: this.capacityBytes, now: this.now });
    next.nextNode = this.nextNode;
    if (kind === 'killed') {
      next.#base = this.#base.clone();
      next.#log = this.#log.map((logged) => ({ ...logged, syncedDirectories: new Set(logged.syncedDirectories) }));
      next.disk = this.disk.clone();
      return next;
    }
    const disk = this.#base.clone();
    const survives = survival(kind, seed);
    for (const logged of this.#log) {
      for (const operation of logged.isDurable ? [logged.operation] : survives(logged.operation)) disk.apply(operation);
    }
    next.disk = disk;
    next.#base = disk.clone();
    return next;
  }

  /** Of everything on the disk now: the same when no program can tell two disks apart. */
  fingerprint(): string {
    return this.disk.fingerprint();
  }

  protected override enter(operation: FileOperation, path: string, detail: Parameters<Fault>[2] = {}): void {
    if (this.#crashed) throw new CrashSignal('the power is gone');
    this.#path = `${operation} ${path}${detail.targetPath === undefined ? '' : ` -> ${detail.targetPath}`}`;
    super.enter(operation, path, detail);
  }

  protected override perform(operation: DiskOperation): void {
    this.#log.push({ operation, isDurable: false, syncedDirectories: new Set() });
    super.perform(operation);
    this.#count(operation.kind);
  }

  protected override performSync(node: NodeId): void {
    this.#count('sync');
    for (const [index, { operation }] of this.#log.entries()) {
      const isContent = operation.kind === 'write' || operation.kind === 'truncate' || operation.kind === 'mode';
      if (operation.node === node && (isContent || !this.canSyncDirectories)) this.#makeDurable(index);
    }
    if (!this.canSyncDirectories) this.#makeAncestorsDurable(node);
  }

  protected override performDirectorySync(node: NodeId): void {
    this.#count('syncDirectory');
    for (const [index, logged] of this.#log.entries()) {
      if (logged.isDurable || !touchesDirectory(logged.operation, node)) continue;
      logged.syncedDirectories.add(node);
      const wanted =
        logged.operation.kind === 'rename' ? [logged.operation.at.directory, logged.operation.target.directory] : [node];
      if (wanted.every((directory) => logged.syncedDirectories.has(directory))) this.#makeDurable(index);
    }
  }

  #count(what: string): void {
    this.operationCount++;
    this.trace.push(`${this.operationCount} ${what}: ${this.#path}`);
    if (this.operationCount < this.crashAt) return;
    this.#crashed = true;
    throw new CrashSignal(`the power went at ${this.trace.at(-1)}`);
  }

  /** With what it can not be without: how the node got there, and that the place was free. */
  #makeDurable(index: number): void {
    const logged = this.#log[index];
    if (logged === undefined || logged.isDurable) return;
    logged.isDurable = true;
    const { operation } = logged;
    if (!('at' in operation)) return;
    for (let earlier = 0; earlier < index; earlier++) {
      const other = this.#log[earlier];
      if (other !== undefined && !other.isDurable && 'at' in other.operation && isGroundOf(other.operation, operation))
        this.#makeDurable(earlier);
    }
  }

  /** A file that keeps its name keeps the directories that were made for it. */
  #makeAncestorsDurable(node: NodeId): void {
    for (const { operation, isDurable } of this.#log) {
      if (isDurable && operation.node === node && 'at' in operation) {
        const directory = operation.kind === 'rename' ? operation.target.directory : operation.at.directory;
        const index = this.#log.findIndex((other) => other.operation.kind === 'link' && other.operation.node === directory);
        if (index < 0) continue;
        this.#makeDurable(index);
        this.#makeAncestorsDurable(directory);
      }
    }
  }
}

type NameOperation = Extract<DiskOperation, { at: unknown }>;

const touchesDirectory = (operation: DiskOperation, directory: NodeId): boolean =>
  'at' in operation
    ? operation.at.directory === directory || (operation.kind === 'rename' && operation.target.directory === directory)
    : operation.kind === 'mode' && operation.node === directory;

/** Whether `earlier` has to have happened wherever `later` has. */
function isGroundOf(earlier: NameOperation, later: NameOperation): boolean {
  if (earlier.node === later.node) return true;
  if (later.kind === 'unlink-directory') {
    return earlier.at.directory === later.node || (earlier.kind === 'rename' && earlier.target.directory === later.node);
  }
  const taken = later.kind === 'rename' ? later.target : later.at;
  return (
    earlier.kind === 'unlink-directory' &&
    earlier.at.directory === taken.directory &&
    earlier.at.name.toLowerCase() === taken.name.toLowerCase()
  );
}

/** What of an operation that is not durable is found after the crash. */
function survival(
  kind: 'kept' | 'dropped' | 'reordered' | 'torn',
  seed: number,
): (operation: DiskOperation) => readonly DiskOperation[] {
  if (kind === 'kept') return (operation) => [operation];
  if (kind === 'dropped') return () => [];
  const random = seededRandom(seed);
  const share = [0.15, 0.5, 0.85][Math.floor(random() * 3)] ?? 0.5;
  return (operation) => {
    if (kind === 'torn' && operation.kind === 'write') return tear(operation, random);
    return random() < share ? [operation] : [];
  };
}

const sectorBytes = 512;

/** A prefix, to a sector or to any byte, behind which is nothing, zeros or garbage; or any of its sectors. */
function tear(operation: DiskOperation & { kind: 'write' }, random: () => number): readonly DiskOperation[] {
  const cut = Math.floor(random() * (operation.chunk.length + 1));
  const prefix = random() < 0.5 ? cut : cut - (cut % sectorBytes);
  const ending = (['nothing', 'zeros', 'garbage', 'sectors'] as const)[Math.floor(random() * 4)];
  if (ending === 'nothing') return [{ ...operation, chunk: operation.chunk.slice(0, prefix) }];
  const chunk = operation.chunk.slice();
  if (ending === 'sectors') loseSectors(chunk, operation.offset, random);
  else for (let index = prefix; index < chunk.length; index++) chunk[index] = ending === 'zeros' ? 0 : Math.floor(random() * 256);
  return [{ ...operation, chunk }];
}

function loseSectors(chunk: Uint8Array, offset: number, random: () => number): void {
  for (let start = 0; start < chunk.length; ) {
    const end = Math.min(chunk.length, start + sectorBytes - ((offset + start) % sectorBytes));
    if (random() < 0.5) chunk.fill(0, start, end);
    start = end;
  }
}
