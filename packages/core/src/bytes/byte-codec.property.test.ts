import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkProperty } from '../testing/check-property.js';
import { ByteReader, BytesMalformed } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { jsonOutline } from './json-outline.js';

const unsigned = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 16_383, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER),
);

describe('what is written is read', () => {
  it('number by number, text by text', async () => {
    await checkProperty(
      fc.property(fc.array(fc.tuple(unsigned, fc.string({ unit: 'grapheme', maxLength: 20 }))), (values) => {
        const writer = new ByteWriter();
        for (const [number, text] of values)
          writer
            .varint(number)
            .text(text)
            .u8(number % 256);
        const reader = new ByteReader(writer.toBuffer());
        for (const [number, text] of values) {
          expect([reader.varint(), reader.text(200), reader.u8()]).toEqual([number, text, number % 256]);
        }
        reader.end();
        expect(writer.length).toBe(reader.offset);
      }),
      500,
    );
  });

  it('each number in one spelling only', async () => {
    await checkProperty(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 10 }), (bytes) => {
        const reader = new ByteReader(bytes);
        try {
          const value = reader.varint();
          expect(new ByteWriter().varint(value).toBuffer()).toEqual(bytes.subarray(0, reader.offset));
        } catch (error) {
          expect(error).toBeInstanceOf(BytesMalformed);
        }
      }),
      2_000,
    );
  });
});

describe('reading is refused', () => {
  it.each<readonly [what: string, read: (reader: ByteReader) => unknown]>([
    ['beyond the end', (reader) => reader.take(4)],
    ['backwards', (reader) => reader.take(-1)],
    ['by halves', (reader) => reader.take(0.5)],
    ['of a count above its bound', (reader) => reader.count(1)],
    ['of a count that does not fit', (reader) => reader.count(100, 2)],
    ['of an index at its bound', (reader) => reader.index(2)],
    ['of a text longer than what is left', (reader) => reader.text(10).length + reader.text(10).length],
    ['when something is left', (reader) => reader.end()],
  ])('%s', (_, read) => expect(() => read(new ByteReader(Uint8Array.of(2, 65, 66)))).toThrow(BytesMalformed));

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('writing %d as a number is a mistake', (value) => {
    expect(() => new ByteWriter().varint(value)).toThrow(RangeError);
  });
});

it('the outline of a JSON text is that of its value', async () => {
  const outline = (value: unknown): { depth: number; commas: number } => {
    if (typeof value !== 'object' || value === null) return { depth: 0, commas: 0 };
    const inner = Object.values(value).map(outline);
    return {
      depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
      commas: Math.max(0, inner.length - 1) + inner.reduce((sum, { commas }) => sum + commas, 0),
    };
  };
  await checkProperty(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 2), (value, indent) => {
      expect(jsonOutline(Buffer.from(JSON.stringify(value, null, indent)))).toEqual(outline(value));
    }),
    500,
  );
});
