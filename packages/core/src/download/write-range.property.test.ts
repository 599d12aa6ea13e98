import fc from 'fast-check';
import { expect, it } from 'vitest';
import { digestOf } from '../hash/digest.js';
import { missingRanges } from '../planner/plan-cost.js';
import type { HeldFile } from './download-folder.js';
import { piecesOf } from './write-range.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 2 ** 31);
const range = fc.record({ offset: fc.nat(20_000), bytes: fc.nat(8_000) });
const heldFile = range.map((part): HeldFile => ({ ...part, path: `/${part.offset}`, digest: digestOf('object'), kind: 'range' }));

it(`cuts every range into pieces that follow each other, lie in their files, and fetch what the plan counted (seed ${seed})`, () => {
  fc.assert(
    fc.property(range, fc.array(heldFile, { maxLength: 12 }), (wanted, held) => {
      const pieces = piecesOf(wanted, held);
      let offset = wanted.offset;
      for (const piece of pieces) {
        expect(piece.offset).toBe(offset);
        expect(piece.bytes).toBeGreaterThan(0);
        offset += piece.bytes;
        if (piece.from === null) continue;
        expect(piece.from.offset).toBeLessThanOrEqual(piece.offset);
        expect(piece.from.offset + piece.from.bytes).toBeGreaterThanOrEqual(offset);
      }
      expect(offset).toBe(wanted.offset + wanted.bytes);
      const fetched = pieces.filter((piece) => piece.from === null).map((piece) => ({ offset: piece.offset, bytes: piece.bytes }));
      expect(fetched).toEqual(missingRanges([wanted], held));
    }),
    { seed, numRuns: 3_000 },
  );
});
