import { describe, expect, it } from 'vitest';
import { predictorOf } from '../../testing/reference-samples.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { operandNumbers } from '../remendo/coder-kernel.js';
import { finderNames, type Image, type Region } from './images.js';
import { noPlace } from './reference-predictor.js';
import { WordPredictor } from './word-predictor.js';

const codeRegion = (bytes: number, changes: Partial<Region> = {}): Region => ({
  address: 0,
  bytes,
  memory: 0x1000,
  memoryBytes: bytes,
  finder: 'x64',
  switches: [],
  ...changes,
});
const imageOf = (...regions: readonly Region[]): Image => ({ imageBase: 0, regions, relocations: null });

/** A call at 10 of what is at 60, in 100 bytes of code. */
function callingCode(): Uint8Array {
  const code = new Uint8Array(100).fill(0x90);
  code[10] = 0xe8;
  new DataView(code.buffer).setInt32(11, 60 - 15, true);
  return code;
}

/** The first 40 bytes stay where they are, and what was at 40 goes on at 52. */
const moved = [
  { copied: 40, reference: 0, fresh: 12 },
  { copied: 60, reference: 40, fresh: 0 },
];
const base = callingCode();
const space = { all: new Uint8Array([...base, ...new Uint8Array(112)]), baseBytes: base.length };

function predicted(images: { base: Image; target: Image }, blocks = moved): readonly (readonly number[])[] {
  const predictor = predictorOf({ bases: [images.base], targets: [images.target] }, blocks, space);
  const into = new Uint32Array(50 * operandNumbers);
  const end = predictor.predict({ reference: 0, position: 0, bytes: base.subarray(0, 40) }, into, 0);
  return Array.from({ length: end / operandNumbers }, (_, index) => [
    ...into.subarray(index * operandNumbers, (index + 1) * operandNumbers),
  ]);
}

describe('a word of a program', () => {
  it('leads to where its base’s went', () => {
    const [operand = [], ...others] = predicted({ base: imageOf(codeRegion(100)), target: imageOf(codeRegion(112)) });
    expect(others).toEqual([]);
    const [position, , key, place] = operand;
    expect({ position, key, place }).toEqual({ position: 11, key: 0x1000 + 60, place: 0x1000 + 72 });
  });

  it('is rewritten for the fast profile', () => {
    const images = { bases: [imageOf(codeRegion(100))], targets: [imageOf(codeRegion(112))] };
    const words = new WordPredictor(predictorOf(images, moved, space));
    const piece = words.room(40);
    piece.set(base.subarray(0, 40));
    words.predict(piece, { reference: 0, position: 0 });
    expect(new DataView(piece.buffer, piece.byteOffset).getInt32(11, true)).toBe(72 - 15);
    expect([...piece.subarray(15, 40)]).toEqual([...base.subarray(15, 40)]);
  });

  it('is not predicted when nothing of its image was copied into the target’s, or when it leads into no region', () => {
    const [operand] = predicted({ base: imageOf(codeRegion(100)), target: imageOf(codeRegion(50)) });
    expect(operand?.[3]).toBe(noPlace);
    const none = predicted({ base: imageOf(codeRegion(100)), target: imageOf(codeRegion(112)) }, []);
    expect(none[0]?.[3]).toBe(noPlace);
    expect(predicted({ base: imageOf(codeRegion(40)), target: imageOf(codeRegion(112)) })).toEqual([]);
  });

  it('is none outside of regions, and where a region is switched off', () => {
    const target = imageOf(codeRegion(112));
    expect(predicted({ base: imageOf(codeRegion(100, { switches: [0, 90] })), target })).toEqual([]);
    expect(predicted({ base: imageOf(codeRegion(100, { switches: [5, 5] })), target }).length).toBe(1);
    expect(predicted({ base: imageOf(codeRegion(100, { switches: [30] })), target }).length).toBe(1);
    expect(predicted({ base: imageOf(codeRegion(100)), target: imageOf(codeRegion(20, { address: 90 })) })).toEqual([]);
  });

  it('leads to the same place of the same region where that has no bytes in the file', () => {
    // The call leads to 0x1000 + 60: 20 bytes into what has no bytes.
    const data = codeRegion(0, { memory: 0x1000 + 40, memoryBytes: 100 });
    const there = codeRegion(0, { memory: 0x9000, memoryBytes: 100 });
    const found = predicted({ base: imageOf(codeRegion(40), data), target: imageOf(codeRegion(40), there) });
    expect(found[0]?.[3]).toBe(0x9000 + 20);
  });
});

describe('whatever a patch says of a program', () => {
  // Each of these took minutes for a large file if work were not in proportion: the test's time limit is the proof.
  it('a word is soon found and predicted, for each finder, with many regions and switches', () => {
    const bytes = 65_536;
    const random = seededRandom(4);
    const program = Uint8Array.from({ length: bytes }, (_, at) => (at % 4 < 2 ? Math.floor(random() * 256) : 0));
    const others = Array.from({ length: 255 }, (_, index) =>
      codeRegion(0, { memory: 0xf000_0000 + index * 16, memoryBytes: 16, finder: 'none' }),
    );
    const all = new Uint8Array(bytes * 2);
    all.set(program);
    for (const finder of finderNames) {
      for (const switches of [[], Array.from({ length: 65_536 }, (_, index) => index - (index % 2))]) {
        const image = imageOf(...others, codeRegion(bytes, { memory: 0, memoryBytes: 2 ** 30, finder, switches }));
        const block = { copied: bytes, reference: 0, fresh: 0 };
        const predictor = predictorOf({ bases: [image], targets: [image] }, [block], { all, baseBytes: bytes });
        predictor.predict({ reference: 0, position: 0, bytes: program }, new Uint32Array((bytes / 2) * operandNumbers), 0);
      }
    }
  });
});
