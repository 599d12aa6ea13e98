/**
 * Who has which file open, and what that keeps others from doing, as NTFS decides it. Holds are of files, not of names: a
 * program that is renamed goes on running.
 */
import type { NodeId } from './memory-disk.js';
import { systemError } from './windows-names.js';

/** What the holder lets others do meanwhile; Node.js itself opens files with all three. */
export interface Sharing {
  readonly read: boolean;
  readonly write: boolean;
  /** Renaming and removing. */
  readonly delete: boolean;
}

export const sharesAll: Sharing = { read: true, write: true, delete: true };
export const sharesReading: Sharing = { read: true, write: false, delete: false };
export const sharesNothing: Sharing = { read: false, write: false, delete: false };

export type Access = keyof Sharing;

interface Hold {
  readonly node: NodeId;
  readonly shares: Sharing;
  /** A running program or a loaded library: it may be renamed, but neither written, replaced nor removed. */
  readonly isImage: boolean;
  readonly untilMs: number;
}

export class WindowsHolds {
  readonly #holds = new Set<Hold>();

  constructor(private readonly now: () => number) {}

  add(
    node: NodeId,
    {
      shares = sharesReading,
      isImage = false,
      forMs = Number.POSITIVE_INFINITY,
    }: Partial<Omit<Hold, 'node' | 'untilMs'>> & { readonly forMs?: number },
  ): () => void {
    const hold = { node, shares, isImage, untilMs: this.now() + forMs };
    this.#holds.add(hold);
    return () => void this.#holds.delete(hold);
  }

  isHeld(node: NodeId): boolean {
    return this.#of(node).length > 0;
  }

  /** Opened, by anybody, otherwise than as an image. */
  isOpen(node: NodeId): boolean {
    return this.#of(node).some(({ isImage }) => !isImage);
  }

  isImage(node: NodeId): boolean {
    return this.#of(node).some(({ isImage }) => isImage);
  }

  /** @throws Error EBUSY (a sharing violation) */
  assertShared(node: NodeId, access: Access, path: string): void {
    if (this.#of(node).some(({ shares }) => !shares[access])) throw systemError('EBUSY', `${path} is used by another process`);
  }

  #of(node: NodeId): readonly Hold[] {
    return [...this.#holds].filter((hold) => hold.node === node && hold.untilMs > this.now());
  }
}
