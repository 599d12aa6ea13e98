/** Containers for tests: zips, gzip files and PNGs whose streams our own deflate made, so that they are the same on every platform. */
import { crc32 } from 'node:zlib';
import { adler32, IdatCutter } from '../patch/containers/idat-chunks.js';
import { type DeflateParameters, giveBackDeflater, takeDeflater } from '../patch/deflate/deflater.js';
import type { ProfileName } from '../patch/remendo/patch-header.js';
import { makeContainedPatch } from '../publish/containers/make-contained-patch.js';
import { roomFor } from '../publish/remendo/make-patch.js';
import { joined, type SampleFiles } from './remendo-samples.js';
import { buildZip, type ZipEntrySpec } from './zip-builder.js';

export const usualDeflate: DeflateParameters = { variant: 'zlib', level: 6, memLevel: 8 };

/** A raw deflate stream. */
export function deflated(plain: Uint8Array, parameters: DeflateParameters = usualDeflate): Uint8Array {
  const deflater = takeDeflater();
  const parts: Uint8Array[] = [];
  deflater.open(parameters, null);
  for (const part of deflater.write(plain)) parts.push(part.slice());
  for (const part of deflater.end()) parts.push(part.slice());
  giveBackDeflater(deflater);
  return joined(parts);
}

export interface SampleEntry extends Pick<ZipEntrySpec, 'descriptor' | 'method'> {
  readonly name: string;
  readonly content: Uint8Array;
}

export const zipOf = (entries: readonly SampleEntry[], parameters?: DeflateParameters, before?: Uint8Array): Uint8Array =>
  buildZip(
    entries.map((entry) => (entry.method === 0 ? entry : { ...entry, encoded: deflated(entry.content, parameters) })),
    before === undefined ? {} : { before },
  );

const number = (value: number, isLittleEndian: boolean): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, isLittleEndian);
  return bytes;
};

export const gzipOf = (plain: Uint8Array, parameters?: DeflateParameters): Uint8Array =>
  joined([
    Uint8Array.of(0x1f, 0x8b, 8, 8, 1, 2, 3, 4, 0, 3),
    new TextEncoder().encode('some-name\0'),
    deflated(plain, parameters),
    number(crc32(plain), true),
    number(plain.length, true),
  ]);

export const zlibOf = (plain: Uint8Array, parameters?: DeflateParameters): Uint8Array =>
  joined([Uint8Array.of(0x78, 0x9c), deflated(plain, parameters), number(adler32(plain), false)]);

const pngChunk = (name: string, bytes: Uint8Array): Uint8Array => {
  const named = joined([new TextEncoder().encode(name), bytes]);
  return joined([number(bytes.length, false), named, number(crc32(named), false)]);
};

/** As far as we look: a header, image data in chunks of `chunkBytes`, an end. */
export function pngOf(plain: Uint8Array, chunkBytes = 700, parameters?: DeflateParameters): Uint8Array {
  const cutter = new IdatCutter(chunkBytes);
  const chunks: Uint8Array[] = [];
  // Views that hold until the next one.
  for (const chunk of cutter.write(zlibOf(plain, parameters))) chunks.push(chunk.slice());
  for (const chunk of cutter.end()) chunks.push(chunk);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const header = pngChunk('IHDR', new Uint8Array(13).fill(8));
  return joined([signature, header, ...chunks, pngChunk('IEND', new Uint8Array())]);
}

/** What the maker makes of files, seeing through containers. */
export function makeContainedPatchOf({ bases, targets }: SampleFiles, profile: ProfileName = 'compact'): Uint8Array {
  const [base, target] = [joined(bases), joined(targets)];
  const room = roomFor(base.length, target.length);
  room.all.set(base);
  room.all.set(target, base.length);
  return joined(makeContainedPatch(room, { profile }));
}

/** Sentences from a seed: compressible, and alike for seeds that are alike. */
export function prose(bytes: number, seed: number): Uint8Array {
  const words = ['invoice', 'ledger', 'of', 'the', 'branch', 'customer', 'is', 'paid', 'and', 'open', 'tax', 'item', 'on'];
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${words[(state >>> 16) % words.length]}${(state >>> 28) === 0 ? ` ${state % 1_000}.\n` : ' '}`;
  }
  return new TextEncoder().encode(text.slice(0, bytes));
}

/** With a sentence put in at a place, and a byte changed behind it. */
export function edited(bytes: Uint8Array, place: number): Uint8Array {
  const at = Math.floor(bytes.length * place);
  const changed = joined([bytes.subarray(0, at), new TextEncoder().encode(`edited at ${at}. `), bytes.subarray(at)]);
  const last = changed.length - 1;
  changed[last] = ((changed[last] as number) + 1) & 0x7f;
  return changed;
}
