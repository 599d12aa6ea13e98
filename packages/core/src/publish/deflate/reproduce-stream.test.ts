import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import { deflateSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { type DeflateParameters, giveBackDeflater, takeDeflater } from '../../patch/deflate/deflater.js';
import { deflateSamples, noiseSample, wordsSample } from '../../testing/deflate-samples.js';
import { reproduce } from './reproduce-stream.js';

function made(plain: Uint8Array, parameters: DeflateParameters, corrections: Uint8Array | null): Uint8Array {
  const deflater = takeDeflater();
  deflater.open(parameters, corrections);
  const parts: Uint8Array[] = [];
  for (const part of deflater.write(plain)) parts.push(part.slice());
  for (const part of deflater.end()) parts.push(part.slice());
  giveBackDeflater(deflater);
  return Buffer.concat(parts);
}

/** A stream of several pieces with a flush of some kind behind each. */
async function flushed(pieces: readonly Uint8Array[], kind: number): Promise<Uint8Array> {
  const stream: DeflateRaw = createDeflateRaw();
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  const ended = new Promise((resolve) => stream.once('end', resolve));
  for (const piece of pieces) {
    stream.write(piece);
    await new Promise<void>((resolve) => stream.flush(kind, resolve));
  }
  stream.end();
  await ended;
  return Buffer.concat(parts);
}

/** One block with the fixed trees (RFC 1951, 3.2.6), all of it literals. */
function literalsOnly(plain: Uint8Array): Uint8Array {
  const codes = Array.from(plain, (byte) => (byte < 144 ? (48 + byte).toString(2).padStart(8, '0') : (256 + byte).toString(2)));
  const bits = `110${codes.join('')}0000000`;
  const stream = new Uint8Array(Math.ceil(bits.length / 8));
  for (let at = 0; at < bits.length; at++) if (bits[at] === '1') stream[at >> 3] = (stream[at >> 3] ?? 0) | (1 << (at & 7));
  return stream;
}

const text = wordsSample(200_000, 1);

describe('reproducing a stream', () => {
  it('finds parameters for what a model makes, and no corrections', () => {
    for (const parameters of [
      { variant: 'zlib', level: 6, memLevel: 8 },
      { variant: 'zlib', level: 1, memLevel: 9 },
      { variant: 'gzip', level: 9, memLevel: 8 },
      { variant: 'chromium', level: 4, memLevel: 8 },
    ] as const) {
      const compressed = made(text, parameters, null);
      const found = reproduce({ plain: text, compressed });
      expect(found?.corrections).toBeNull();
      expect(Buffer.compare(made(text, found?.parameters ?? parameters, null), compressed)).toBe(0);
      expect(reproduce({ plain: text, compressed, hint: parameters })).toEqual({ parameters, corrections: null });
    }
  });

  it('makes with small corrections what another compressor made', () => {
    for (const { name, plain } of deflateSamples()) {
      const compressed = deflateSync(plain, { level: 9 });
      const found = reproduce({ plain, compressed });
      // Beside the shortest streams corrections are not small.
      if (found === null && compressed.length < 500) continue;
      expect(found, name).not.toBeNull();
      if (found === null) continue;
      expect(Buffer.compare(made(plain, found.parameters, found.corrections), compressed), name).toBe(0);
      expect(found.corrections?.length ?? 0, name).toBeLessThan(compressed.length / 2);
    }
  });

  it('makes streams of stored blocks, and with flushes in them', async () => {
    const pieces = [text.subarray(0, 50_000), noiseSample(70_000, 2), text.subarray(50_000, 50_001), text.subarray(50_001)];
    const plain = Buffer.concat(pieces);
    const streams = [deflateRawSync(plain, { level: 0 })];
    for (const kind of [constants.Z_PARTIAL_FLUSH, constants.Z_SYNC_FLUSH, constants.Z_FULL_FLUSH])
      streams.push((await flushed(pieces, kind)) as Buffer<ArrayBuffer>);
    for (const compressed of streams) {
      const found = reproduce({ plain, compressed });
      expect(found).not.toBeNull();
      if (found !== null) expect(Buffer.compare(made(plain, found.parameters, found.corrections), compressed)).toBe(0);
    }
  });

  it('makes streams with one tree for everything, with runs only, and filtered ones', () => {
    for (const strategy of [constants.Z_FIXED, constants.Z_FILTERED]) {
      const compressed = deflateRawSync(text, { strategy });
      const found = reproduce({ plain: text, compressed });
      expect(found).not.toBeNull();
      if (found !== null) expect(Buffer.compare(made(text, found.parameters, found.corrections), compressed)).toBe(0);
    }
  });

  it('has corrections that are not empty where the model would only have stored a block', () => {
    const plain = noiseSample(400, 8);
    const compressed = literalsOnly(plain);
    expect(Buffer.compare(inflateRawSync(compressed), plain)).toBe(0);
    const found = reproduce({ plain, compressed });
    expect(found?.corrections?.length).toBeGreaterThan(0);
    if (found !== null) expect(Buffer.compare(made(plain, found.parameters, found.corrections), compressed)).toBe(0);
  });

  it('refuses what is no stream of the plain bytes', () => {
    const compressed = deflateRawSync(text);
    const refused = [
      { plain: text.subarray(1), compressed },
      { plain: Buffer.concat([text.subarray(1), text.subarray(0, 1)]), compressed },
      { plain: text, compressed: compressed.subarray(0, -1) },
      { plain: text, compressed: Buffer.concat([compressed, Uint8Array.of(0)]) },
      { plain: text, compressed: noiseSample(5_000, 3) },
      { plain: new Uint8Array(), compressed: new Uint8Array() },
    ];
    for (const stream of refused) expect(reproduce(stream)).toBeNull();
  });
});
