/**
 * Which files have to move so that the install becomes the target (forward) or the base again (backward). Pure: it
 * looks at where each content was found, by size and SHA-256, and works from any state in which a crash can leave an
 * install. The two directions mirror each other:
 *
 *              arriving comes from     leaving goes to
 *   forward    target, staging/        base, previous/
 *   backward   base, previous/         target, staging/
 *
 * A file that is neither, in a place that has to be cleared, goes to a free name in previous/: somebody's work is never
 * lost, and no rename ever lands on another file.
 */
import type { ReleasePath } from '../manifest/release-path.js';
import { type Content, isSameContent, type Slot } from './change.js';

export type Direction = 'forward' | 'backward';

export type StoredState = 'absent' | 'intact' | 'damaged';

/** What was found of one slot. */
export interface Observation {
  readonly slot: Slot;
  /** In the install: nothing (a directory counts as nothing), a file, or something that is no file. */
  readonly live: 'absent' | 'foreign' | Content;
  /** The target in staging/. */
  readonly staged: StoredState;
  /** The base in previous/. */
  readonly previous: StoredState;
}

export interface Move {
  readonly slot: Slot;
  /** `aside`: a name of its own in previous/. */
  readonly from: 'install' | 'staging' | 'previous';
  readonly to: 'install' | 'staging' | 'previous' | 'aside';
}

export interface SwapPlan {
  readonly direction: Direction;
  readonly leaving: readonly Move[];
  readonly arriving: readonly Move[];
  /** Paths whose arriving content is nowhere to be found: the swap can not be done. */
  readonly impossible: readonly ReleasePath[];
}

export function planSwap(observations: readonly Observation[], direction: Direction): SwapPlan {
  const leaving: Move[] = [];
  const arriving: Move[] = [];
  const impossible: ReleasePath[] = [];
  for (const observation of observations) {
    const { slot } = observation;
    const sides = sidesOf(observation, direction);
    if (sides.content !== null && sides.state !== 'intact') {
      if (!isSettled(observation, direction)) impossible.push(slot.path);
      continue;
    }
    // Without an arriving content only what has not left yet leaves: anything else there is somebody's own.
    const isLeaving = observation.live !== 'absent' && (sides.content !== null || sides.leavingState === 'absent');
    if (isLeaving) {
      const fits = typeof observation.live === 'object' && isSameContent(observation.live, sides.leavingContent);
      leaving.push({ slot, from: 'install', to: fits && sides.leavingState === 'absent' ? sides.leavingTo : 'aside' });
    }
    if (sides.content !== null) arriving.push({ slot, from: sides.from, to: 'install' });
  }
  return { direction, leaving: inOrder(leaving, 1), arriving: inOrder(arriving, -1), impossible };
}

interface Sides {
  readonly content: Content | null;
  readonly state: StoredState;
  readonly from: 'staging' | 'previous';
  readonly leavingContent: Content | null;
  readonly leavingState: StoredState;
  readonly leavingTo: 'staging' | 'previous';
}

const sidesOf = ({ slot, staged, previous }: Observation, direction: Direction): Sides =>
  direction === 'forward'
    ? {
        content: slot.target,
        state: staged,
        from: 'staging',
        leavingContent: slot.base,
        leavingState: previous,
        leavingTo: 'previous',
      }
    : {
        content: slot.base,
        state: previous,
        from: 'previous',
        leavingContent: slot.target,
        leavingState: staged,
        leavingTo: 'staging',
      };

/** The arriving content is in its place already, or the base never left it (and may have been edited there since). */
function isSettled({ slot, live, staged, previous }: Observation, direction: Direction): boolean {
  if (typeof live !== 'object') return false;
  if (isSameContent(live, direction === 'forward' ? slot.target : slot.base)) return true;
  return direction === 'backward' && previous === 'absent' && (slot.target === null || staged !== 'absent');
}

/**
 * Slots whose base, as the disk shows, is not the recorded one: somebody wrote or removed the file between its survey
 * and now. What is there now is what a rollback has to bring back.
 */
export function editedBases(
  observations: readonly Observation[],
): readonly { readonly index: number; readonly base: Content | null }[] {
  const edited: { index: number; base: Content | null }[] = [];
  for (const { slot, live, staged, previous } of observations) {
    const hasNotLeft = previous === 'absent' && (slot.target === null || staged === 'intact');
    if (!hasNotLeft || live === 'foreign') continue;
    const base = live === 'absent' ? null : live;
    if (base === null ? slot.base !== null : !isSameContent(base, slot.base)) edited.push({ index: slot.index, base });
  }
  return edited;
}

/**
 * What is most likely held by another program leaves first, before anything new can be seen, and arrives last: until
 * then a mixture can not be started.
 */
function inOrder(moves: readonly Move[], sign: 1 | -1): readonly Move[] {
  return [...moves].sort((one, other) => sign * (rank(one.slot) - rank(other.slot)) || one.slot.index - other.slot.index);
}

function rank({ place, path }: Slot): number {
  if (/\.(exe|com)$/i.test(path)) return 0;
  if (place === 'home' || path === 'version.txt') return 1;
  if (/\.(dll|ocx|node|sys)$/i.test(path)) return 2;
  if (/\.(so(\.\d+)*|dylib)$/i.test(path)) return 3;
  return 4;
}
