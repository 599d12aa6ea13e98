/** Fuzz target of the zip reader. */
import fc from 'fast-check';
import { bufferSource } from '../../bytes/byte-source.js';
import { parseReleasePath } from '../../manifest/release-path.js';
import { openZip } from '../../zip/read-zip.js';
import { buildZip, type ZipEntrySpec, type ZipSpec } from '../zip-builder.js';
import { hostileSeeds } from './fuzz-hostile.js';
import { rarely } from './fuzz-inputs.js';
import type { FuzzTarget } from './fuzz-target.js';

/** Of one entry; a longer one is left there, as callers may. */
const entryBytesMax = 1024 * 1024;

/** Opens a zip and reads what is in it. No entry gives more than it declares, and paths are safe. */
export const fuzzZip: FuzzTarget = {
  name: 'zip',
  async run(bytes) {
    const zip = await openZip(bufferSource(bytes));
    try {
      for (const entry of zip.entries) {
        if (parseReleasePath(entry.path) !== entry.path) throw new Error(`${entry.path} is not a safe path`);
        let made = 0;
        for await (const chunk of entry.read()) {
          made += chunk.length;
          if (made > entry.bytes) throw new Error(`${made} bytes came out, ${entry.bytes} were declared`);
          if (made > entryBytesMax) break;
        }
        if ((await entry.encodedOffset()) + entry.encodedBytes > bytes.length) throw new Error('an entry lies outside the zip');
      }
    } finally {
      zip.close();
    }
  },
  seeds: async () => [...zipSeeds(), ...(await hostileSeeds('zip', ({ bytes }) => bytes))],
  made: () => zips.map(([entries, spec]) => zipOrEmpty(entries, spec)),
};

const names = fc.oneof(
  { arbitrary: fc.constantFrom('a', 'b.txt', 'd/e', 'd/', 'A', 'd'), weight: 3 },
  {
    arbitrary: fc.constantFrom('../x', '/x', 'C:\\x', 'a\\b', 'con', 'x ', 'a\0', '', '.', 'é', 'e\u0301', 'n'.repeat(1_100)),
    weight: 1,
  },
  { arbitrary: fc.uint8Array({ maxLength: 8 }), weight: 1 },
);
const claims = fc.constantFrom(0, 1, 29, 30, 31, 100, 5_000, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 40, 2 ** 53 - 1);
const extras = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.constantFrom(
    ...['01000000', '010008000000000000000000', '7570ffff', '757005000100000000'].map(
      (hex) => new Uint8Array(Buffer.from(hex, 'hex')),
    ),
  ),
);

/** Without what is left to the builder. */
const told = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]: Exclude<T[Name], undefined>;
  };

const entries: fc.Arbitrary<ZipEntrySpec> = fc
  .record({
    name: names,
    content: fc.constantFrom('', 'x', 'many words, many words, many words', '\0'.repeat(70_000)),
    method: fc.constantFrom(0, 8, 8, 8, 9),
    flags: rarely(fc.nat(0xffff)),
    mode: rarely(fc.nat(0xffff)),
    madeOn: rarely(fc.nat(255)),
    bytes: rarely(claims),
    encodedBytes: rarely(claims),
    crc32: rarely(fc.nat(0xffffffff)),
    localOffset: rarely(claims),
    zip64: rarely(fc.constant(true)),
    extra: rarely(extras),
    comment: rarely(fc.uint8Array({ maxLength: 9 })),
    descriptor: rarely(fc.constant(true)),
    ghost: rarely(fc.constant(true)),
  })
  .map(told);
const zips = fc.tuple(
  fc.array(entries, { maxLength: 4 }),
  fc
    .record({
      comment: rarely(fc.uint8Array({ maxLength: 40 })),
      entryCount: rarely(fc.nat(0xffff)),
      directoryOffset: rarely(claims),
      diskNumber: rarely(fc.nat(3)),
      zip64: fc.boolean(),
      before: rarely(fc.uint8Array({ maxLength: 90 })),
    })
    .map((spec): ZipSpec => told(spec)),
);

/** A number that does not fit its field can not be told. */
function zipOrEmpty(all: readonly ZipEntrySpec[], spec: ZipSpec): Uint8Array {
  try {
    return buildZip(all, spec);
  } catch {
    return buildZip([]);
  }
}

function zipSeeds(): readonly Uint8Array[] {
  const words = 'many words, many words, many words, many words';
  return [
    buildZip([
      { name: 'a.txt', content: words },
      { name: 'd/', method: 0 },
      { name: 'd/b.bin', content: Buffer.alloc(3_000, 7), method: 0 },
    ]),
    buildZip([{ name: 'a', content: words, descriptor: true, zip64: true }], { zip64: true, comment: Buffer.from('comment') }),
    buildZip([{ name: 'big', content: new Uint8Array(2_000_000) }]),
    buildZip([{ name: Uint8Array.of(0x61, 0x87), content: words, extra: Buffer.from([0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 98]) }]),
    buildZip([]),
  ];
}
