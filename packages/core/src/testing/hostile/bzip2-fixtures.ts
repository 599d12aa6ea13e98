/** Lies in the bzip2 streams of a BSDIFF40 patch, bit by bit. */
import { Bsdiff40Encoder, encodeTriples } from '../bsdiff40-encoder.js';
import { encodeBzip2 } from '../bzip2-encoder.js';
import { joined } from '../remendo-samples.js';
import { bsdiffBlob } from './bsdiff-fixtures.js';
import { type HostileFixture, hostile } from './hostile-fixture.js';
import { targetContent } from './hostile-release.js';

const targetBytes = targetContent.length;

/** Where the fields of a stream's first block begin, in bits; behind the map of the symbols it depends on that. */
const bitOf = { level: 24, mark: 32, crc: 80, randomized: 112, origin: 113, map: 137 } as const;

/** Writes a number into so many bits. */
function withBits(stream: Uint8Array, offset: number, bits: number, value: number): Uint8Array {
  const changed = stream.slice();
  for (let bit = 0; bit < bits; bit++) {
    const at = offset + bit;
    const mask = 0x80 >> (at & 7);
    const isSet = Math.floor(value / 2 ** (bits - 1 - bit)) % 2 === 1;
    changed[at >> 3] = isSet ? (changed[at >> 3] ?? 0) | mask : (changed[at >> 3] ?? 0) & ~mask;
  }
  return changed;
}

function readBits(stream: Uint8Array, offset: number, bits: number): number {
  let value = 0;
  for (let at = offset; at < offset + bits; at++) value = value * 2 + (((stream[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
  return value;
}

/** Behind the map of used symbols: the number of tables. */
function tablesBit(stream: Uint8Array): number {
  const ranges = readBits(stream, bitOf.map, 16).toString(2).replaceAll('0', '').length;
  return bitOf.map + 16 + 16 * ranges;
}

/** A patch that copies the target from an extra stream, which is changed. */
function patchWithExtra(change: (stream: Uint8Array) => Uint8Array): Uint8Array {
  const whole = new Bsdiff40Encoder().control(encodeTriples([[0, targetBytes, 0]])).finish({ targetBytes: BigInt(targetBytes) });
  const empty = encodeBzip2(new Uint8Array()).length;
  return joined([whole.subarray(0, whole.length - empty), change(encodeBzip2(targetContent))]);
}

const stream = (name: string, attack: string, change: (stream: Uint8Array) => Uint8Array): HostileFixture =>
  hostile(`bzip2-${name}`, attack, 'PATCH_INVALID', () => bsdiffBlob(patchWithExtra(change)));

export const bzip2Fixtures: readonly HostileFixture[] = [
  stream('level-zero', 'blocks of no bytes', (bytes) => withBits(bytes, bitOf.level, 8, 0x30)),
  stream('level-beyond-nine', 'blocks larger than the format has', (bytes) => withBits(bytes, bitOf.level, 8, 0x3a)),
  stream('other-mark', 'a block that does not begin as one', (bytes) => withBits(bytes, bitOf.mark, 8, 0)),
  stream('block-checksum', 'a block that is not what its checksum says', (bytes) => withBits(bytes, bitOf.crc, 8, 1)),
  stream('stream-checksum', 'a stream that is not what its checksum says', (bytes) => withBits(bytes, bytes.length * 8 - 24, 8, 1)),
  stream('randomized', 'a randomized block, which no encoder has written since 1997', (bytes) =>
    withBits(bytes, bitOf.randomized, 1, 1),
  ),
  stream('origin-outside', 'CVE-2010-0405 and its like: an origin behind the block', (bytes) =>
    withBits(bytes, bitOf.origin, 24, 0xffffff),
  ),
  stream('no-symbols', 'a block that uses no symbols', (bytes) => withBits(bytes, bitOf.map, 16, 0)),
  stream('no-tables', 'a block without tables', (bytes) => withBits(bytes, tablesBit(bytes), 3, 0)),
  stream('seven-tables', 'more tables than the format has', (bytes) => withBits(bytes, tablesBit(bytes), 3, 7)),
  stream('no-selectors', 'a block without selectors', (bytes) => withBits(bytes, tablesBit(bytes) + 3, 15, 0)),
  stream('too-many-selectors', 'CVE-2019-12900: more selectors than a block can have', (bytes) =>
    withBits(bytes, tablesBit(bytes) + 3, 15, 32_767),
  ),
  stream('selector-without-end', 'CVE-2019-12900: a selector that names no table', (bytes) =>
    withBits(bytes, tablesBit(bytes) + 18, 32, 0xffffffff),
  ),
  stream('code-length-zero', 'code words of no length', (bytes) => withBits(bytes, tablesAt(bytes), 5, 0)),
  stream('code-length-31', 'code words longer than 20 bits', (bytes) => withBits(bytes, tablesAt(bytes), 5, 31)),
  stream('torn', 'a stream that ends within a block', (bytes) => bytes.subarray(0, bytes.length / 2)),
  stream('two-streams', 'bytes behind the end of a stream', (bytes) => joined([bytes, bytes])),
];

/** Where the first code word's length is: behind the selectors, one bit each. */
function tablesAt(bytes: Uint8Array): number {
  const selectors = tablesBit(bytes) + 3;
  return selectors + 15 + readBits(bytes, selectors, 15);
}
