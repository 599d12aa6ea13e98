/**
 * Which contents become one patch. A large content is a patch of its own: terminals fetch and make it beside others, and
 * another pair of releases can use it. Small ones share a patch, whose model learns from all of them and whose entry in
 * the index costs once. Deterministic, and stable: a group ends at a path that is chosen by its hash, so that what is
 * added or removed elsewhere leaves it as it is.
 */
import { bytesOfContents, type Content } from '../delta/delta.js';
import type { Digest } from '../hash/digest.js';
import type { PatchCapacity } from './patch-maker.js';
import { mixBits } from './sketch-content.js';

/** A new content of the target. */
export interface NewContent {
  readonly content: Content;
  /** Its first path in the target. */
  readonly path: string;
}

export interface ReferencedContent extends NewContent {
  /** Contents to patch it from, the most like first; each is a base or comes before it. */
  readonly references: readonly Content[];
}

/** One patch to be made. */
export interface PatchGroup {
  /** Each once, in the order in which targets refer to them. */
  readonly bases: readonly Content[];
  readonly targets: readonly ReferencedContent[];
}

/** Whether a maker's patches take several contents. Such makers make contents from nothing as well. */
export const isSolid = ({ targetsMax }: PatchCapacity): boolean => targetsMax > 1;

/** A content of so many bytes is a patch of its own: it teaches a model enough by itself, and keeps a core busy. */
const aloneBytesMin = 1024 ** 2;
/** What one damaged download or base costs, and what is made in one thread: seconds. */
const groupTargetBytesMax = 8 * 1024 ** 2;
const groupBaseBytesMax = 32 * 1024 ** 2;
/** Files that are open at the same time while a group is made. */
const groupTargetsMax = 512;
/** Where a group that is so full ends: at one path in so many. */
const fullShareMin = 1 / 4;
const pathsPerEnd = 32;

/**
 * The order in which contents are made: large ones first, so that small ones may refer to them; then by extension, then
 * by path, which is also the order of their bases: numbers that follow each other cost an index nothing.
 */
export function inMakingOrder<T extends NewContent>(contents: readonly T[]): readonly T[] {
  const keyed = contents.map((one) => ({ one, key: `${extensionOf(one.path)}\n${one.path}`, isSmall: isSmall(one) }));
  keyed.sort((a, b) => Number(a.isSmall) - Number(b.isSmall) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ one }) => one);
}

const isSmall = ({ content }: NewContent): boolean => content.bytes < aloneBytesMin;
const extensionOf = (path: string): string => /\.[^./]*$/.exec(path)?.[0].toLowerCase() ?? '';

/** Groups of contents that are in the order of `inMakingOrder`. References that a patch can not take are left out. */
export function planGroups(contents: readonly ReferencedContent[], capacity: PatchCapacity): readonly PatchGroup[] {
  const groups: OpenGroup[] = [];
  for (const one of contents) {
    const last = groups.at(-1);
    if (last?.isOpenFor(one) === true) last.add(one);
    else groups.push(new OpenGroup(capacity, one));
  }
  return groups;
}

class OpenGroup implements PatchGroup {
  readonly bases: Content[] = [];
  readonly targets: ReferencedContent[] = [];
  readonly #has = new Set<Digest>();
  #baseBytes = 0;
  #targetBytes = 0;

  constructor(
    private readonly capacity: PatchCapacity,
    first: ReferencedContent,
  ) {
    this.#insert(first, fitting(first.references, capacity));
  }

  isOpenFor(one: ReferencedContent): boolean {
    const { basesMax, targetsMax, bytesMax } = this.capacity;
    if (!isSmall(one) || !this.targets.every(isSmall) || this.#endsBefore(one.path)) return false;
    const lacking = this.#lacking(one.references);
    return (
      this.targets.length < Math.min(groupTargetsMax, targetsMax) &&
      this.bases.length + lacking.length <= basesMax &&
      this.#targetBytes + one.content.bytes <= Math.min(groupTargetBytesMax, bytesMax) &&
      this.#baseBytes + bytesOfContents(lacking) <= Math.min(groupBaseBytesMax, bytesMax)
    );
  }

  add(one: ReferencedContent): void {
    this.#insert(one, this.#lacking(one.references));
  }

  #lacking = (references: readonly Content[]): readonly Content[] => references.filter(({ sha256 }) => !this.#has.has(sha256));

  #insert(one: ReferencedContent, bases: readonly Content[]): void {
    this.bases.push(...bases);
    this.targets.push(one);
    for (const { sha256 } of [...bases, one.content]) this.#has.add(sha256);
    this.#baseBytes += bytesOfContents(bases);
    this.#targetBytes += one.content.bytes;
  }

  #endsBefore(path: string): boolean {
    const share = Math.max(this.#targetBytes / groupTargetBytesMax, this.targets.length / groupTargetsMax);
    return share >= fullShareMin && hashOf(path) % pathsPerEnd === 0;
  }
}

/** As many of the references as one patch takes, the most like first. */
function fitting(references: readonly Content[], { basesMax, bytesMax }: PatchCapacity): readonly Content[] {
  const taken: Content[] = [];
  for (const reference of references) {
    if (taken.length < basesMax && bytesOfContents(taken) + reference.bytes <= bytesMax) taken.push(reference);
  }
  return taken;
}

function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at += 1) hash = mixBits(hash ^ text.charCodeAt(at));
  return hash;
}
