import { describe, expect, it } from 'vitest';
import { type ByteSource, bufferSource } from '../../bytes/byte-source.js';
import { DigestStream } from '../../hash/digest.js';
import { encodeBzip2 } from '../../testing/bzip2-encoder.js';
import { Bzip2Reader } from './bzip2-reader.js';
import { bzip2Fixtures } from './bzip2-reader.test.fixtures.js';

async function decode(source: ByteSource, pieceBytes = 64 * 1024): Promise<{ bytes: number; sha256: string }> {
  const reader = new Bzip2Reader(source);
  const digest = new DigestStream();
  const piece = new Uint8Array(pieceBytes);
  let bytes = 0;
  while (await reader.nextBlock()) {
    for (let count = reader.take(piece); count > 0; count = reader.take(piece)) {
      digest.update(piece.subarray(0, count));
      bytes += count;
    }
  }
  return { bytes, sha256: digest.digest() };
}

const fixture = (name: string): Buffer => {
  const found = bzip2Fixtures.find((candidate) => candidate.name === name);
  return Buffer.from(found?.base64 ?? '', 'base64');
};

/** A source that hands out one byte at a time. */
const trickle = (bytes: Uint8Array): ByteSource => ({
  bytes: bytes.length,
  read: (offset, into) => bufferSource(bytes).read(offset, into.subarray(0, 1)),
});

/** Writes bits of a stream by hand: [value, count] pairs. */
function bits(...fields: readonly (readonly [value: number, count: number])[]): Uint8Array {
  const text = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
  return Uint8Array.from(text.padEnd(Math.ceil(text.length / 8) * 8, '0').match(/.{8}/g) ?? [], (octet) =>
    Number.parseInt(octet, 2),
  );
}
const signature = [
  [0x425a68, 24],
  [0x39, 8],
] as const;
const blockStart = [
  [0x314159265359, 48],
  [0, 32],
] as const;

describe('a stream that libbzip2 wrote', () => {
  for (const { name, base64, bytes, sha256 } of bzip2Fixtures) {
    it(`is decoded to what was put in: ${name}`, async () => {
      expect(await decode(bufferSource(Buffer.from(base64, 'base64')))).toEqual({ bytes, sha256 });
    });
  }

  it('is decoded to the same in pieces of any size, from a source that trickles', async () => {
    for (const name of ['runs around every length that is coded specially', 'code words of all lengths', 'all byte values']) {
      const whole = await decode(bufferSource(fixture(name)));
      for (const pieceBytes of [1, 3, 7]) expect(await decode(bufferSource(fixture(name)), pieceBytes)).toEqual(whole);
      expect(await decode(trickle(fixture(name)))).toEqual(whole);
    }
  });
});

describe('a damaged stream', () => {
  const whole = fixture('several blocks of level 1');

  it('is refused wherever it is cut off', async () => {
    for (let length = 0; length < whole.length; length += length < 600 ? 1 : 11) {
      await expect(decode(bufferSource(whole.subarray(0, length)))).rejects.toMatchObject({ code: 'PATCH_INVALID' });
    }
  });

  it('is refused when any bit of what is checked is changed', async () => {
    const small = fixture('runs around every length that is coded specially');
    for (let bit = 0; bit < (small.length - 1) * 8; bit++) {
      const changed = Uint8Array.from(small);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // A higher level than needed is no damage, nor is a move between the tables of a code that is the same in both.
      const outcome = await decode(bufferSource(changed)).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'PATCH_INVALID' });
      else expect(outcome).toEqual(await decode(bufferSource(small)));
    }
  });

  it('is refused with bytes after its end, another stream among them', async () => {
    const one = fixture('one byte');
    for (const tail of [Buffer.of(0), one, Buffer.alloc(100_000)]) {
      await expect(decode(bufferSource(Buffer.concat([one, tail])))).rejects.toThrow(/belong to nothing/);
    }
  });
});

describe('a hostile stream', () => {
  const refused: readonly (readonly [what: string, stream: Uint8Array, message: RegExp])[] = [
    ['of another kind', Buffer.from('PK\u0003\u0004 and more bytes'), /not bzip2/],
    ['of level 0', Buffer.from('BZh0\u0017\u0072\u0045\u0038\u0050', 'latin1'), /not bzip2/],
    ['without a block mark', bits(...signature, [0, 24], [0, 24], [0, 32]), /no block/],
    ['with a randomised block', bits(...signature, ...blockStart, [1, 1], [0, 24]), /randomised/],
    ['that uses no byte values', bits(...signature, ...blockStart, [0, 1], [0, 24], [0, 16]), /no byte values/],
    ['with one table', bits(...signature, ...blockStart, [0, 25], [0x8000, 16], [0x8000, 16], [1, 3]), /1 Huffman tables/],
    ['with seven tables', bits(...signature, ...blockStart, [0, 25], [0x8000, 16], [0x8000, 16], [7, 3]), /7 Huffman tables/],
    ['without selectors', bits(...signature, ...blockStart, [0, 25], [0x8000, 16], [0x8000, 16], [2, 3], [0, 15]), /0 selectors/],
    [
      'with 18,003 selectors',
      bits(...signature, ...blockStart, [0, 25], [0x8000, 16], [0x8000, 16], [2, 3], [18_003, 15]),
      /18003 selectors/,
    ],
    [
      'with a selector of no table',
      bits(...signature, ...blockStart, [0, 25], [0x8000, 16], [0x8000, 16], [2, 3], [1, 15], [3, 2]),
      /not there/,
    ],
  ];
  for (const [what, stream, message] of refused) {
    it(`${what} is refused`, async () => {
      await expect(decode(bufferSource(stream))).rejects.toMatchObject({
        code: 'PATCH_INVALID',
        message: expect.stringMatching(message),
      });
    });
  }

  /** One byte value, two tables, one group: what follows are the lengths of RUNA, RUNB and the end. */
  const oneValue = [...signature, ...blockStart, [0, 25], [0x8000, 16], [0x8000, 16], [2, 3], [1, 15], [0, 1]] as const;
  /** Two tables of lengths 1, 2, 2: words 0, 10, 11. */
  const tables = [
    [1, 5],
    [0, 1],
    [0b100, 3],
    [0, 1],
    [1, 5],
    [0, 1],
    [0b100, 3],
    [0, 1],
  ] as const;

  it('with code words of 0 or 21 bits is refused', async () => {
    await expect(decode(bufferSource(bits(...oneValue, [0, 5], [0, 1])))).rejects.toThrow(/0 bits/);
    await expect(decode(bufferSource(bits(...oneValue, [21, 5], [0, 1])))).rejects.toThrow(/21 bits/);
  });

  it('whose code lengths go to and fro is refused', async () => {
    const toAndFro = Array.from({ length: 4_000 }, (_, index) => [index % 2 === 0 ? 0b10 : 0b11, 2] as const);
    await expect(decode(bufferSource(bits(...oneValue, [5, 5], ...toAndFro)))).rejects.toThrow(/to and fro/);
  });

  it('with more code words than there is room for is refused', async () => {
    await expect(decode(bufferSource(bits(...oneValue, [1, 5], [0, 1], [0, 1], [0, 1])))).rejects.toThrow(/too many words/);
  });

  it('with a code word that is not in use is refused', async () => {
    const lengths = [
      [2, 5],
      [0, 1],
      [0, 1],
      [0, 1],
    ] as const;
    await expect(decode(bufferSource(bits(...oneValue, ...lengths, ...lengths, [0b11, 2])))).rejects.toThrow(/not in use/);
  });

  it('with a run longer than a block is refused', async () => {
    const runs = Array.from({ length: 40 }, () => [0b10, 2] as const);
    await expect(decode(bufferSource(bits(...oneValue, ...tables, ...runs)))).rejects.toThrow(/longer than its level/);
  });

  it('with an empty block, or an origin outside its block, is refused', async () => {
    await expect(decode(bufferSource(bits(...oneValue, ...tables, [0b11, 2])))).rejects.toThrow(/starts outside/);
    const outside = oneValue.map((field, index) => (index === 4 ? ([7, 25] as const) : field));
    await expect(decode(bufferSource(bits(...outside, ...tables, [0, 1], [0b11, 2])))).rejects.toThrow(/starts outside/);
  });

  it('with more symbols than selectors is refused', async () => {
    // 25 times the values "1 and 1" of a run that stays short is not possible: alternate the run with another value.
    const twoValues = oneValue.map((field, index) => (index === 6 ? ([0xc000, 16] as const) : field));
    const lengths = [
      [2, 5],
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
    ] as const;
    const symbols = Array.from({ length: 60 }, () => [0b10, 2] as const);
    await expect(decode(bufferSource(bits(...twoValues, ...lengths, ...lengths, ...symbols)))).rejects.toThrow(/more symbols/);
  });

  it('whose block ends inside a run is refused', async () => {
    // RUNB, RUNA: 2 + 2 = 4 equal bytes, whose count is missing.
    const stream = bits(...oneValue, ...tables, [0b10, 2], [0, 1], [0b11, 2], [0, 200]);
    await expect(decode(bufferSource(stream))).rejects.toThrow(/ends inside a run/);
  });
});

describe('reading', () => {
  const data = Uint8Array.from({ length: 5_000 }, (_, index) => (index * index) >> 4);
  const stream = encodeBzip2(data, { blockBytesMax: 700 });

  it('fully crosses blocks, and ends where the stream ends', async () => {
    const reader = new Bzip2Reader(bufferSource(stream));
    const read = new Uint8Array(data.length);
    await reader.readFully(read.subarray(0, 1_111));
    await reader.readFully(read.subarray(1_111));
    await reader.end();
    expect(read).toEqual(data);
    expect(await reader.nextBlock()).toBe(false);
    expect(reader.take(read)).toBe(0);
  });

  it('refuses to read more than there is, and to end before everything was read', async () => {
    const reader = new Bzip2Reader(bufferSource(stream), { name: 'diff' });
    await expect(reader.readFully(new Uint8Array(data.length + 1))).rejects.toThrow(/the diff stream ends before/);
    const early = new Bzip2Reader(bufferSource(stream), { name: 'extra' });
    await early.readFully(new Uint8Array(data.length - 1));
    await expect(early.end()).rejects.toThrow(/the extra stream goes on/);
  });

  it('stops at an abort with its reason, and passes errors of the source through', async () => {
    const stop = new AbortController();
    const reader = new Bzip2Reader(bufferSource(stream), { signal: stop.signal });
    await reader.readFully(new Uint8Array(100));
    stop.abort(new Error('enough'));
    await expect(reader.readFully(new Uint8Array(1_000))).rejects.toThrow('enough');
    const failing = new Bzip2Reader({ bytes: 100, read: () => Promise.reject(new Error('no disk')) });
    await expect(failing.nextBlock()).rejects.toThrow('no disk');
  });
});
