/**
 * JSON that is nearly right: a good value with a part or two replaced, left out, repeated or moved, and spelled as no
 * encoder would. Parts are replaced by others of their kind, by other parts of the same value, and by what parsers dislike.
 */
import fc from 'fast-check';
import { shareArbitrary } from './fuzz-inputs.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A text that stands for itself without quotes in what is encoded: numbers that no value spells, depths, doubled names. */
const rawMark = '\u0001raw:';
const rawTexts = [
  '1e999',
  '-0',
  '-1e-400',
  '1.0',
  '1e0',
  '9007199254740993',
  '123456789012345678901234567890',
  '{"a":1,"a":2}',
  '{"__proto__":{"admin":true}}',
  '"\\ud800"',
  '"\\u0000"',
  `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  'NaN',
  '01',
  '',
];

const hostileTexts = [
  '',
  ' ',
  '\0',
  '__proto__',
  'constructor',
  'toString',
  '../x',
  'C:\\x',
  '/etc/passwd',
  'con',
  'a\u0301',
  '\ud800',
  '\u202e',
  '👍',
  'x'.repeat(300),
  '9'.repeat(400),
  '1.0.0-0'.repeat(9),
  '0'.repeat(64),
  'F'.repeat(64),
];

const hostileNumbers = [0, -1, 1, 0.5, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e21, 1e308];

const hostile: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.constantFrom(...hostileNumbers),
  fc.constantFrom<Json>(null, true, false, [], {}, [[]], [null]),
  fc.constantFrom(...rawTexts).map((text) => rawMark + text),
);

/** A text or a number that is not far from another. */
const near = fc.record({
  share: shareArbitrary,
  by: fc.integer({ min: -3, max: 3 }),
  with: fc.string(),
});
type Near = typeof near extends fc.Arbitrary<infer Value> ? Value : never;

function nearby(value: Json, { share, by, with: text }: Near): Json {
  if (typeof value === 'number') return value + by;
  if (typeof value === 'boolean') return !value;
  if (typeof value !== 'string') return value;
  const at = Math.floor(share * value.length);
  if (by === 0) return value.toUpperCase();
  return by > 0 ? value.slice(0, at) + text + value.slice(at + by - 1) : value.slice(0, at) + value.slice(at - by);
}

interface Edit {
  /** Which of the value's parts, as a share of all of them. */
  readonly place: number;
  /** Another of the parts, for copies. */
  readonly other: number;
  readonly kind: 'hostile' | 'near' | 'copy' | 'omit' | 'repeat' | 'swap';
  readonly hostile: Json;
  readonly near: Near;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  place: shareArbitrary,
  other: shareArbitrary,
  kind: fc.constantFrom('hostile', 'near', 'near', 'copy', 'omit', 'repeat', 'swap'),
  hostile,
  near,
});
/** Of the same kind as before: what encodes the value finds what it looks for. */
const typedEdit = edit.filter(({ kind }) => kind !== 'hostile' && kind !== 'omit');

/** The value with up to three edits; one that nothing can be done with leaves it as it is. */
export const variedJson = (value: Json): fc.Arbitrary<Json> => fc.array(edit, { minLength: 1, maxLength: 3 }).map(applied(value));

/** As `variedJson`, but everything stays of its type, numbers integers and not negative, and objects keep their names. */
export const variedValue = <T>(value: T): fc.Arbitrary<T> =>
  fc
    .tuple(
      fc.array(typedEdit, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...hostileNumbers.filter((n) => n >= 0 && n <= 2 ** 53 - 1)),
    )
    .map(([edits, number]) => sameTypes(applied(value as Json)(edits), value as Json, Math.floor(number)) as T);

const applied =
  (value: Json) =>
  (edits: readonly Edit[]): Json =>
    edits.reduce(editOnce, value);

/** Where a part stands: the names and positions that lead to it. */
type Path = readonly (string | number)[];

function pathsOf(value: Json, path: Path = []): readonly Path[] {
  if (value === null || typeof value !== 'object') return [path];
  const names = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [path, ...[...names].flatMap((name) => pathsOf((value as Record<string | number, Json>)[name] as Json, [...path, name]))];
}

const partAt = (value: Json, path: Path): Json =>
  path.reduce<Json>((part, name) => (part as Record<string | number, Json>)[name] as Json, value);

function editOnce(value: Json, { place, other, kind, hostile: wrong, near: by }: Edit): Json {
  const paths = pathsOf(value);
  const path = paths[Math.floor(place * paths.length)] ?? [];
  const elsewhere = partAt(value, paths[Math.floor(other * paths.length)] ?? []);
  if (kind === 'hostile') return replaced(value, path, () => [wrong]);
  if (kind === 'near') return replaced(value, path, (part) => [nearby(part, by)]);
  if (kind === 'copy') return replaced(value, path, (part) => [typeof part === typeof elsewhere ? elsewhere : part]);
  if (kind === 'swap') return replaced(value, path, (part) => [Array.isArray(part) ? part.toReversed() : part]);
  return replaced(value, path, (part) => (kind === 'omit' ? [] : [part, part]));
}

/** @param change none leaves the part out; a second one is put behind it, in arrays only. */
function replaced(value: Json, path: Path, change: (part: Json) => readonly Json[]): Json {
  const [name, ...rest] = path;
  if (name === undefined) return change(value)[0] ?? null;
  const parts = (part: Json): readonly Json[] => (rest.length === 0 ? change(part) : [replaced(part, rest, change)]);
  if (Array.isArray(value)) return value.flatMap((part: Json, index) => (index === name ? parts(part) : [part]));
  const fields = Object.entries(value as Record<string, Json>);
  return Object.fromEntries(
    fields.flatMap(([field, part]) =>
      field === name
        ? parts(part)
            .slice(0, 1)
            .map((p) => [field, p])
        : [[field, part]],
    ),
  );
}

/** What the edits made of the value, as far as it is of the value's types. */
function sameTypes(made: Json, value: Json, number: number): Json {
  if (Array.isArray(value)) {
    const [first] = value;
    if (!Array.isArray(made)) return value;
    return first === undefined ? [] : made.map((part: Json, index) => sameTypes(part, (value[index] ?? first) as Json, number));
  }
  if (typeof value === 'number') {
    if (typeof made !== 'number' || made === value) return value;
    return Number.isSafeInteger(made) && made >= 0 ? made : number;
  }
  if (value === null || typeof value !== 'object') return typeof made === typeof value ? made : value;
  if (made === null || typeof made !== 'object' || Array.isArray(made)) return value;
  const fields = made as Record<string, Json>;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, name in fields ? sameTypes(fields[name] as Json, part, number) : part]),
  );
}

/** As bytes: compact, indented, or with what a value can not say. */
export const jsonBytes = (values: fc.Arbitrary<Json>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(values, fc.constantFrom(0, 0, 0, 2)).map(([value, indent]) => new TextEncoder().encode(spelled(value, indent)));

const spelled = (value: Json, indent: number): string =>
  JSON.stringify(value, null, indent).replace(/"\\u0001raw:((?:[^"\\]|\\.)*)"/g, (_, text: string) => JSON.parse(`"${text}"`));
