/**
 * Two large files that need no download: most of the target is the base, with a byte changed here and there, some of it
 * moved, and three per cent of it new. Written piece by piece, so that neither is ever in memory.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentFile, Digest } from '@remendo/core';
import { Bsdiff40Encoder } from '@remendo/core/testing';

const pieceBytes = 1_000_000;
const newBytesPerPiece = 30_000;

export interface LargeFiles {
  readonly base: ContentFile;
  readonly target: ContentFile;
  /** The BSDIFF40 patch that says what was done, written by the tests' encoder: bsdiff itself takes no files so large. */
  readonly bsdiff40Path: string;
}

/** Leaves `base`, `target` and `bsdiff40` in the folder; both files have the next full million of bytes. */
export function writeLargeFiles(folder: string, bytes: number): LargeFiles {
  const pieces = Math.ceil(bytes / pieceBytes);
  const [base, target] = [new HashedFile(join(folder, 'base')), new HashedFile(join(folder, 'target'))];
  const encoder = new Bsdiff40Encoder();
  const piece = new Uint8Array(pieceBytes);
  const diff = new Uint8Array(pieceBytes - newBytesPerPiece);
  const added = new Uint8Array(newBytesPerPiece);
  /** Every seventh piece of the target is another piece of the base. */
  const basePieceOf = (index: number): number => (index % 7 === 3 ? index * 113 : index) % pieces;
  for (let index = 0; index < pieces; index++) {
    base.write(fillRandom(piece, index));
    fillRandom(piece, basePieceOf(index));
    diff.fill(0);
    for (let at = index % 1_000; at < diff.length; at += 1_000) diff[at] = 1 + (at % 255);
    fillRandom(added, 1_000_000 + index);
    encoder.triple(diff.length, added.length, (basePieceOf(index + 1) - basePieceOf(index)) * pieceBytes - diff.length);
    encoder.diff(diff).extra(added);
    target.write(piece.subarray(0, diff.length).map((byte, at) => byte + (diff[at] ?? 0)));
    target.write(added);
  }
  const bsdiff40Path = join(folder, 'bsdiff40');
  writeFileSync(bsdiff40Path, encoder.finish());
  return { base: base.close(), target: target.close(), bsdiff40Path };
}

/** Fills with bytes that depend on the seed only (xorshift32). */
function fillRandom(into: Uint8Array, seed: number): Uint8Array {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length >> 2);
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return into;
}

class HashedFile {
  readonly #file: number;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  constructor(private readonly path: string) {
    this.#file = openSync(path, 'w');
  }

  write(chunk: Uint8Array): void {
    writeSync(this.#file, chunk);
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  close(): ContentFile {
    closeSync(this.#file);
    return { path: this.path, bytes: this.#bytes, sha256: this.#hash.digest('hex') as Digest };
  }
}
