/**
 * Prices for the matcher from what the coder makes of a sample: the better it knows the data by itself, the less a new
 * byte costs, and the less a jump to a reference for a few of them is worth. The steps between kinds of data were
 * measured on real release pairs (bench/README.md).
 */
import { encodeCompact } from '../../patch/remendo/compact-encoder.js';
import type { MatchPrices } from './matcher-kernel.js';

const sampleParts = 4;
const samplePartBytesMax = 32 * 1024;
const sampleSizes = { windowBits: 17, historyBits: 22, guessBits: 14 };

/** @param bits what the coder makes of a byte of the targets by itself; see `sampleBitsPerByte`. */
export function choosePrices(bits: number): MatchPrices {
  // Text: the models know it well, and a wrong byte breaks a word.
  if (bits < 1.6)
    return { right: 1, wrong: 120, fresh: Math.max(8, Math.round(bits * 13)), freshStart: 80, jump: 260, jumpBit: 16 };
  // Records: much the same from row to row.
  if (bits < 2.2) return { right: 1, wrong: 80, fresh: 26, freshStart: 96, jump: 260, jumpBit: 16 };
  // Programs: wrong bytes are addresses, and cheap.
  if (bits < 5) return { right: 1, wrong: 50, fresh: 36, freshStart: 96, jump: 190, jumpBit: 16 };
  // What is compressed already: it is the same, or it is new.
  return { right: 1, wrong: 160, fresh: 120, freshStart: 96, jump: 170, jumpBit: 16 };
}

/** For programs in which addresses are where they lead to: what is still wrong there was really changed. */
export const withReferences = (prices: MatchPrices): MatchPrices => ({ ...prices, wrong: Math.max(prices.wrong, 60) });

/** Bits that the coder needs for a byte of a sample of the targets, without references: 8 for what is compressed already. */
export function sampleBitsPerByte(targets: Uint8Array): number {
  const partBytes = Math.min(samplePartBytesMax, Math.floor(targets.length / sampleParts));
  if (partBytes === 0) return 8;
  const sample = Buffer.concat(
    Array.from({ length: sampleParts }, (_, part) => {
      const at = Math.floor(((targets.length - partBytes) * (part + 0.5)) / sampleParts);
      return targets.subarray(at, at + partBytes);
    }),
  );
  const block = { copied: 0, reference: 0, fresh: sample.length };
  return (encodeCompact([block], { all: sample, baseBytes: 0 }, sampleSizes).bytes.length * 8) / sample.length;
}
