/**
 * What the disk really holds where a transaction is going to put something, and whether it may go there. Nothing is
 * changed. A release is never written through a link, and never over something that is not a plain file of its own
 * path: that is refused before anything moves.
 */
import { dirname } from 'node:path';
import { UpdaterError } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import type { FileStat, FileSystem } from '../file-system/file-system.js';
import { foldPath, parseReleasePath, type ReleasePath } from '../manifest/release-path.js';
import { type Change, type DirectoryChange, placePath, type Slot } from './change.js';
import type { InstallLayout } from './install-layout.js';

/** What tells cheaply that a file was not written since. */
export interface Stamp {
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface Survey {
  readonly slots: readonly Slot[];
  /** Parents before their children. */
  readonly directories: readonly DirectoryChange[];
  /** By slot index, of slots with a base. */
  readonly stamps: ReadonlyMap<number, Stamp>;
}

/** A change with its staging number. */
export type NumberedChange = Change & { readonly index: number };

export interface SurveyOptions {
  /** An earlier survey: files that have not been written since are not hashed again. */
  readonly known?: Survey;
  readonly signal?: AbortSignal;
}

/** @throws UpdaterError TRANSACTION_PATH_BLOCKED */
export async function surveyInstall(
  fileSystem: FileSystem,
  layout: InstallLayout,
  changes: readonly NumberedChange[],
  options: SurveyOptions = {},
): Promise<Survey> {
  const surveyor = new Surveyor(fileSystem, layout, options);
  for (const change of changes) {
    options.signal?.throwIfAborted();
    await surveyor.visit(change);
  }
  return surveyor.finish();
}

export const isSameStamp = (one: Stamp | undefined, other: Stamp | null): boolean =>
  one !== undefined && other !== null && one.bytes === other.bytes && one.modifiedMs === other.modifiedMs;

/** The directories a release path lies in, outermost first. */
export function parentsOf(path: ReleasePath): readonly ReleasePath[] {
  const segments = path.split('/').slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join('/') as ReleasePath);
}

class Surveyor {
  readonly #known: ReadonlyMap<number, Slot>;
  readonly #slots = new Map<number, Slot>();
  readonly #stamps = new Map<number, Stamp>();
  /** Which slot has the file of this path, by the disk's own spelling. */
  readonly #owners = new Map<string, number>();
  /** Targets where a directory is now. */
  readonly #targetsOverDirectories: Slot[] = [];
  readonly #stats = new Map<string, FileStat | null>();
  readonly #lists = new Map<string, readonly string[]>();

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly layout: InstallLayout,
    private readonly options: SurveyOptions,
  ) {
    this.#known = new Map(options.known?.slots.map((slot) => [slot.index, slot]));
  }

  async visit(change: NumberedChange): Promise<void> {
    const { place, path, target } = change;
    const stat = await this.#stat(placePath(this.layout, place, path));
    if (stat === null || stat.kind === 'directory') {
      if (target === null) return;
      const slot = { ...change, basePath: path, base: null };
      this.#slots.set(change.index, slot);
      if (stat !== null) this.#targetsOverDirectories.push(slot);
      return;
    }
    if (stat.kind !== 'file') throw blocked(path, `it is a ${stat.kind}`);
    const basePath = place === 'root' ? await this.#spellingOnDisk(path) : path;
    const owner = this.#owners.get(`${place}:${basePath}`);
    if (owner !== undefined && target === null) return;
    if (owner !== undefined) {
      this.#slots.delete(owner);
      this.#stamps.delete(owner);
    }
    this.#owners.set(`${place}:${basePath}`, change.index);
    this.#slots.set(change.index, { ...change, basePath, base: await this.#contentOf(change, stat) });
    this.#stamps.set(change.index, { bytes: stat.bytes, modifiedMs: stat.modifiedMs });
  }

  async finish(): Promise<Survey> {
    const slots = [...this.#slots.values()].sort((one, other) => one.index - other.index);
    const inRoot = slots.filter((slot) => slot.place === 'root');
    const targets = inRoot.filter((slot) => slot.target !== null);
    const leaving = new Set(inRoot.filter((slot) => slot.base !== null).map((slot) => slot.basePath));
    const changes = new Map<ReleasePath, DirectoryChange>();
    const kept = new Set(targets.flatMap((slot) => parentsOf(slot.path)));
    for (const slot of inRoot) await this.#visitParents(slot, leaving, changes);
    for (const path of leaving) await this.#addEmptied(path, kept, changes);
    for (const slot of this.#targetsOverDirectories)
      await this.#addObstacle(await this.#spellingOnDisk(slot.path), leaving, changes);
    const directories = [...changes.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
    return { slots, directories, stamps: this.#stamps };
  }

  /** Every parent is a directory, or will be made, once a file in its place has left. */
  async #visitParents(slot: Slot, leaving: ReadonlySet<ReleasePath>, changes: Map<ReleasePath, DirectoryChange>): Promise<void> {
    let isMissing = false;
    for (const parent of parentsOf(slot.path)) {
      const stat: FileStat | null = isMissing ? null : await this.#stat(placePath(this.layout, 'root', parent));
      const spelling = stat === null ? parent : await this.#spellingOnDisk(parent);
      if (stat !== null && stat.kind !== 'directory' && !(stat.kind === 'file' && leaving.has(spelling))) {
        throw blocked(parent, `it is a ${stat.kind}, and ${slot.path} has to go below it`);
      }
      isMissing ||= stat?.kind !== 'directory';
      if (slot.target !== null && (isMissing || spelling !== parent)) changes.set(parent, { path: parent, baseMode: null });
    }
  }

  /** Directories that a leaving file may leave empty, and that no target needs. */
  async #addEmptied(path: ReleasePath, kept: ReadonlySet<string>, changes: Map<ReleasePath, DirectoryChange>): Promise<void> {
    for (const parent of parentsOf(path)) {
      if (kept.has(parent) || changes.has(parent)) continue;
      const stat = await this.#stat(placePath(this.layout, 'root', parent));
      if (stat?.kind === 'directory') changes.set(parent, { path: parent, baseMode: stat.mode });
    }
  }

  /** A directory where a file has to go: everything in it must be leaving. */
  async #addObstacle(
    path: ReleasePath,
    leaving: ReadonlySet<ReleasePath>,
    changes: Map<ReleasePath, DirectoryChange>,
  ): Promise<void> {
    const full = placePath(this.layout, 'root', path);
    const stat = await this.#stat(full);
    if (stat?.kind === 'directory') {
      changes.set(path, { path, baseMode: stat.mode });
      for (const name of await this.#list(full)) await this.#addObstacle(this.#below(path, name), leaving, changes);
    } else if (!leaving.has(path)) throw blocked(path, 'a file has to take the place of its folder');
  }

  #below(directory: ReleasePath, name: string): ReleasePath {
    try {
      return parseReleasePath(`${directory}/${name}`);
    } catch (cause) {
      throw blocked(`${directory}/${name}`, 'a file has to take the place of its folder', cause);
    }
  }

  async #contentOf(change: NumberedChange, stat: FileStat): Promise<Slot['base']> {
    const known = this.#known.get(change.index)?.base;
    if (known !== undefined && known !== null && isSameStamp(this.options.known?.stamps.get(change.index), stat)) {
      return { ...known, mode: stat.mode };
    }
    const sha256 = await digestOfFile(this.fileSystem, placePath(this.layout, change.place, change.path), this.options.signal);
    return { bytes: stat.bytes, sha256, mode: stat.mode };
  }

  /** Of a path that exists: differs from it only on a disk that ignores case or Unicode form. */
  async #spellingOnDisk(path: ReleasePath): Promise<ReleasePath> {
    let spelling = '';
    for (const segment of path.split('/')) {
      const names = await this.#list(placePath(this.layout, 'root', (spelling === '' ? '.' : spelling) as ReleasePath));
      const name = names.includes(segment) ? segment : (names.find((other) => foldPath(other) === foldPath(segment)) ?? segment);
      spelling = spelling === '' ? name : `${spelling}/${name}`;
    }
    try {
      return parseReleasePath(spelling);
    } catch {
      return path;
    }
  }

  async #stat(path: string): Promise<FileStat | null> {
    const known = this.#stats.get(path);
    if (known !== undefined) return known;
    const stat = await this.fileSystem.stat(path);
    this.#stats.set(path, stat);
    return stat;
  }

  async #list(path: string): Promise<readonly string[]> {
    const names = this.#lists.get(path) ?? (await this.fileSystem.list(path));
    this.#lists.set(path, names);
    return names;
  }
}

const blocked = (path: string, why: string, cause?: unknown): UpdaterError =>
  new UpdaterError('TRANSACTION_PATH_BLOCKED', `${path} is in the way: ${why}`, { details: { path, why }, cause });

/**
 * Before a swap that goes on after a crash: no parent of what it moves has become a link meanwhile.
 * @throws UpdaterError TRANSACTION_PATH_BLOCKED
 */
export async function assertNoLinks(fileSystem: FileSystem, layout: InstallLayout, slots: readonly Slot[]): Promise<void> {
  const seen = new Set<string>();
  for (const slot of slots) {
    if (slot.place !== 'root') continue;
    for (const parent of [...parentsOf(slot.path), ...parentsOf(slot.basePath)]) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      const kind = (await fileSystem.stat(placePath(layout, 'root', parent)))?.kind;
      if (kind === 'symlink' || kind === 'other') throw blocked(parent, `it is a ${kind}`);
    }
  }
}

/** All directories from the install root down to each file of the slots: where names come and go in a swap. */
export function directoriesOf(layout: InstallLayout, slots: readonly Slot[]): Set<string> {
  const directories = new Set<string>([layout.root, layout.home]);
  for (const slot of slots) {
    for (const path of [slot.path, slot.basePath]) {
      for (const parent of parentsOf(path)) directories.add(placePath(layout, slot.place, parent));
      directories.add(dirname(placePath(layout, slot.place, path)));
    }
  }
  return directories;
}
