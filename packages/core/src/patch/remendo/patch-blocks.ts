/**
 * A patch is a list of blocks; each copies bytes from a reference, some of which it corrects, and then adds new bytes. A
 * reference is an address: all bases one after the other, then all targets one after the other; it lies before what it
 * makes, so that a target may refer to targets made before and to itself.
 */
import { type Piece, pieceBytesMax } from './coder-kernel.js';

export interface Block {
  readonly copied: number;
  /** Address of the first copied byte; 0 when nothing is copied. */
  readonly reference: number;
  readonly fresh: number;
}

/** A piece with where its predicted bytes are to be read; null when the window has them, and for new bytes. */
export interface PlacedPiece extends Piece {
  readonly reference: number | null;
}

/**
 * True when the decoder's window predicts the block: its reference is a target's byte not further back than the
 * window is long.
 */
export const isNear = (
  block: Block,
  at: { readonly address: number; readonly bases: number; readonly windowBits: number },
): boolean => block.reference >= at.bases && at.address - block.reference <= 2 ** at.windowBits;

/**
 * The pieces in which a block at `address` is coded: each at most 65,536 bytes, counted from the start of its copied
 * and of its new bytes.
 */
export function* piecesOf(
  block: Block,
  at: { readonly address: number; readonly bases: number; readonly windowBits: number },
): Generator<PlacedPiece, void, undefined> {
  const near = isNear(block, at);
  const distance = near ? at.address - block.reference : 0;
  for (let done = 0; done < block.copied; done += pieceBytesMax) {
    const bytes = Math.min(pieceBytesMax, block.copied - done);
    yield { bytes, isNew: false, distance, reference: near ? null : block.reference + done };
  }
  for (let done = 0; done < block.fresh; done += pieceBytesMax) {
    yield { bytes: Math.min(pieceBytesMax, block.fresh - done), isNew: true, distance: 0, reference: null };
  }
}
