/** Plain bytes of several kinds, the same from the same seed, for tests of deflate streams. */
import { seededRandom } from './seeded-random.js';

export interface DeflateSample {
  readonly name: string;
  readonly plain: Uint8Array;
}

/** Words, some often and some seldom, in lines. */
export function wordsSample(bytes: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const words = Array.from({ length: 700 }, () =>
    Array.from({ length: 2 + Math.floor(random() * 9) }, () => String.fromCharCode(97 + Math.floor(random() ** 2 * 26))).join(''),
  );
  const parts: string[] = [];
  for (let length = 0; length < bytes; ) {
    const part = `${words[Math.floor(random() ** 3 * words.length)] ?? ''}${random() < 0.1 ? '\n' : ' '}`;
    parts.push(part);
    length += part.length;
  }
  return new TextEncoder().encode(parts.join('')).subarray(0, bytes);
}

/** Records of twelve bytes whose fields go up, stay, or are anything. */
export function recordsSample(bytes: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const view = new DataView(new ArrayBuffer(bytes + 12));
  let counter = 1000;
  for (let at = 0; at < bytes; at += 12) {
    counter += Math.floor(random() * 7);
    view.setUint32(at, counter, true);
    view.setUint32(at + 4, random() < 0.7 ? 0x00400000 : Math.floor(random() * 2 ** 32), true);
    view.setUint32(at + 8, Math.floor(random() * 50) << 8, true);
  }
  return new Uint8Array(view.buffer, 0, bytes);
}

export function noiseSample(bytes: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
}

/** Small and large, easy and hard to compress, and of lengths at which the window is just full. */
export function deflateSamples(): readonly DeflateSample[] {
  const mixed = Buffer.concat([
    wordsSample(60_000, 5),
    noiseSample(30_000, 6),
    recordsSample(50_000, 7),
    new Uint8Array(20_000),
    wordsSample(60_000, 5),
  ]);
  return [
    { name: 'empty', plain: new Uint8Array() },
    { name: 'one byte', plain: Uint8Array.of(97) },
    { name: 'a repeated word', plain: new TextEncoder().encode('remendo'.repeat(9)) },
    { name: 'short text', plain: wordsSample(900, 1) },
    { name: 'a window less a little', plain: wordsSample(65_400, 2) },
    { name: 'a window', plain: recordsSample(65_536, 3) },
    { name: 'zeros', plain: new Uint8Array(90_000) },
    { name: 'noise', plain: noiseSample(40_000, 4) },
    { name: 'mixed', plain: new Uint8Array(mixed) },
  ];
}
