/** Fuzz target of the readers of programs: PE, ELF, Mach-O and .NET. */
import fc from 'fast-check';
import { UpdaterError } from '../../errors.js';
import { decodeImages, encodeImages } from '../../patch/references/images-format.js';
import { readImages } from '../../publish/references/read-images.js';
import { joined } from '../remendo-samples.js';
import { samplePrograms } from './fuzz-references.js';
import type { FuzzTarget } from './fuzz-target.js';

/**
 * The input is a file that a maker looks at: what it says of the program in it can be written and read again, and tells of
 * nothing outside.
 */
export const fuzzProgramReader: FuzzTarget = {
  name: 'program-reader',
  run: async (bytes) => {
    const images = { bases: readImages(bytes, 0), targets: readImages(bytes, 0) };
    if (images.bases.length === 0) throw new UpdaterError('PATCH_INVALID', 'this is no program');
    const again = decodeImages(encodeImages(images), { baseBytes: bytes.length, targetBytes: bytes.length });
    if (again.bases.length !== images.bases.length) throw new Error('images are not read again');
    for (const { regions } of images.bases) {
      const outside = regions.find(({ address, bytes: length }) => length > 0 && address + length > bytes.length);
      if (outside !== undefined) throw new Error(`a region ends at ${outside.address + outside.bytes} of ${bytes.length}`);
    }
  },
  seeds: async () => programs(),
  made: () =>
    fc
      .tuple(fc.constantFrom(...programs()), fc.array(headerEdits, { minLength: 1, maxLength: 3 }))
      .map(([file, edits]) => edits.reduce(editHeader, file)),
};

const programs = (): readonly Uint8Array[] => [...samplePrograms(), machO(), universal(machO())];

/** Of macOS: a header, one segment with one section of code, and the code. */
function machO(): Uint8Array {
  const [header, segment, section] = [8, 18, 20];
  const words = new Uint32Array(header + segment + section + 64);
  words.set([0xfeed_facf, 0x0100_000c, 0, 2, 1, 72 + 80, 0, 0]);
  words.set([0x19, 72 + 80, ...new Array<number>(6).fill(0), 0x400, 0, 0, 0, 0x400, 0, 5, 5, 1, 0], header);
  const name = new Uint32Array(new Uint8Array(Buffer.from('__text'.padEnd(16, '\0') + '__TEXT'.padEnd(16, '\0'))).buffer);
  words.set([...name, 0x100, 1, 0x100, 0, (header + segment + section) * 4, 0, 0, 0, 0x8000_0400], header + segment);
  return new Uint8Array(words.buffer);
}

/** Of macOS, for several machines: this program for one of them. */
function universal(program: Uint8Array): Uint8Array {
  const head = Buffer.alloc(64);
  for (const [index, word] of [0xcafe_babe, 1, 0x0100_000c, 0, head.length, program.length, 12].entries())
    head.writeUInt32BE(word, index * 4);
  return joined([head, program]);
}

/** Headers are at the start, those of ELF's sections at the end. */
const headerBytes = 1_024;
const headerEdits = fc.record({
  place: fc.integer({ min: 0, max: headerBytes - 1 }),
  isAtEnd: fc.boolean(),
  words: fc.constantFrom(1, 1, 2),
  value: fc.constantFrom<number | 'length' | 'copy'>('length', 'copy', 'copy', 0, 1, 0x40, 0x1000, 0xffff, 2 ** 31, 2 ** 32 - 1),
  more: fc.integer({ min: -5, max: 5 }),
  from: fc.integer({ min: 0, max: headerBytes - 1 }),
});
type HeaderEdit = typeof headerEdits extends fc.Arbitrary<infer Value> ? Value : never;

/** One number of a header as another one is, or as no linker would write it. */
function editHeader(file: Uint8Array, { place, isAtEnd, words, value, more, from }: HeaderEdit): Uint8Array {
  const edited = Buffer.from(file);
  const start = isAtEnd ? Math.max(0, file.length - headerBytes) : 0;
  const at = start + (place - (place % 4));
  if (at + 8 > file.length || from + 4 > file.length) return file;
  const number = value === 'length' ? file.length : value === 'copy' ? edited.readUInt32LE(from - (from % 4)) : value;
  edited.writeUInt32LE((number + more) >>> 0, at);
  if (words === 2) edited.writeUInt32LE(number > 2 ** 31 ? 0xffff_ffff : 0, at + 4);
  return new Uint8Array(edited);
}
