/** Bytes to feed: changed seeds for the most part, whatever their format is. */
import fc from 'fast-check';

/** One change of some bytes; places are shares of the length, so that one change fits every seed. */
export type Mutation =
  | { readonly kind: 'flip'; readonly place: number; readonly mask: number }
  | { readonly kind: 'set'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'insert'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly place: number; readonly share: number }
  | { readonly kind: 'repeat'; readonly place: number; readonly share: number }
  | { readonly kind: 'truncate'; readonly place: number }
  | { readonly kind: 'field'; readonly place: number; readonly field: Field };

/** A number of a header: at a multiple of its width, an edge of what it can be or about as large as the whole input. */
interface Field {
  readonly bytes: 2 | 4 | 8;
  readonly isLittleEndian: boolean;
  readonly value: number | 'length';
  readonly more: number;
}

/** From 0 up to, but not, 1; one as likely as another. (Of `fc.double`, nearly all are next to nothing: it draws exponents.) */
export const shareArbitrary = fc.noBias(fc.integer({ min: 0, max: 2 ** 32 - 1 })).map((number) => number / 2 ** 32);
/** Every other place is near the start, where headers are. */
const placeArbitrary = fc.oneof(
  shareArbitrary,
  shareArbitrary.map((share) => share * share * 0.1),
);
/** Of what is cut or repeated: mostly little, at most half. */
const pieceArbitrary = shareArbitrary.map((share) => share ** 4 / 2);

/** Bytes that are edges of something: zeros, ones, signs, small and large integers. */
const edgeBytes = fc.constantFrom(
  ...[
    '00',
    'ff',
    '80',
    '7f',
    '01',
    '0000000000000000',
    'ffffffffffffffff',
    '0000000000000080',
    'ffffffffffff1f00',
    '0100000000000080',
  ].map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
);
const bytesArbitrary = fc.oneof(edgeBytes, fc.uint8Array({ minLength: 1, maxLength: 24 }));

const fieldArbitrary: fc.Arbitrary<Field> = fc.record({
  bytes: fc.constantFrom(2, 4, 8),
  isLittleEndian: fc.boolean(),
  value: fc.constantFrom<number | 'length'>(
    'length',
    'length',
    0,
    1,
    16,
    255,
    0x7fff,
    0xffff,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 48,
    2 ** 53 - 1,
    -1,
  ),
  more: fc.integer({ min: -9, max: 9 }),
});

export const mutationArbitrary: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), place: placeArbitrary, mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('set' as const), place: placeArbitrary, bytes: bytesArbitrary }),
  fc.record({ kind: fc.constant('insert' as const), place: placeArbitrary, bytes: bytesArbitrary }),
  fc.record({ kind: fc.constant('cut' as const), place: placeArbitrary, share: pieceArbitrary }),
  fc.record({ kind: fc.constant('repeat' as const), place: placeArbitrary, share: pieceArbitrary }),
  fc.record({ kind: fc.constant('truncate' as const), place: placeArbitrary }),
  fc.record({ kind: fc.constant('field' as const), place: placeArbitrary, field: fieldArbitrary }),
);

/** Every other time one alone: what is wrong in one place gets further. */
const mutationsArbitrary = fc.oneof(fc.tuple(mutationArbitrary), fc.array(mutationArbitrary, { minLength: 1, maxLength: 6 }));

/** Mutated seeds for the most part, two of them joined, and arbitrary bytes. For property tests too. */
export function fuzzInputs(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const arbitrary = fc.uint8Array({ maxLength: 512 });
  if (seeds.length === 0) return arbitrary;
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), mutationsArbitrary)
    .map(([seed, mutations]) => mutations.reduce(mutate, seed));
  const spliced = fc
    .tuple(fc.constantFrom(...seeds), fc.constantFrom(...seeds), placeArbitrary, placeArbitrary)
    .map(([head, tail, headShare, tailShare]) => concat(head.subarray(0, at(head, headShare)), tail.subarray(at(tail, tailShare))));
  return fc.oneof({ arbitrary: mutated, weight: 8 }, { arbitrary: spliced, weight: 1 }, { arbitrary, weight: 1 });
}

/** One time in eight; a thing with one lie in it gets further than one with five. */
export const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 7 }, { arbitrary: value, weight: 1 });

/** What was made, as it is or with a byte or two changed. */
export const slightlyChanged = (made: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(made, fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, fc.array(mutationArbitrary, { minLength: 1, maxLength: 2 })))
    .map(([bytes, mutations]) => mutations.reduce(mutate, bytes));

const at = (bytes: Uint8Array, share: number): number => Math.floor(bytes.length * share);

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function mutate(bytes: Uint8Array, mutation: Mutation): Uint8Array {
  const offset = at(bytes, mutation.place);
  const [head, tail] = [bytes.subarray(0, offset), bytes.subarray(offset)];
  switch (mutation.kind) {
    case 'flip':
      return concat(
        head,
        tail.subarray(0, 1).map((byte) => byte ^ mutation.mask),
        tail.subarray(1),
      );
    case 'set':
      return concat(head, mutation.bytes, tail.subarray(mutation.bytes.length));
    case 'insert':
      return concat(head, mutation.bytes, tail);
    case 'cut':
      return concat(head, tail.subarray(at(tail, mutation.share)));
    case 'repeat':
      return concat(head, tail.subarray(0, at(tail, mutation.share)), tail);
    case 'truncate':
      return head;
    case 'field':
      return withField(bytes, offset, mutation.field);
  }
}

function withField(bytes: Uint8Array, near: number, { bytes: width, isLittleEndian, value, more }: Field): Uint8Array {
  const offset = near - (near % width);
  if (offset + width > bytes.length) return bytes;
  // A Buffer's own slice would be a view of the seed.
  const changed = new Uint8Array(bytes);
  const number = BigInt((value === 'length' ? bytes.length : value) + more);
  for (let index = 0; index < width; index++) {
    const place = isLittleEndian ? index : width - 1 - index;
    changed[offset + place] = Number((number >> BigInt(index * 8)) & 255n);
  }
  return changed;
}
