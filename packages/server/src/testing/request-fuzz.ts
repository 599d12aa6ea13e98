/**
 * Requests made from the API's own description: shaped as it says with nasty texts in them, and broken in one place.
 * What the description can not say (versions that exist, digests, codes) comes from `Known`.
 */
import fc from 'fast-check';

export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Operation {
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

export interface FuzzRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As it is sent; undefined: none. */
  readonly body: string | undefined;
}

/** By the name of a parameter or field: what means something there. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** What has broken servers before. */
export const nastyTexts: readonly string[] = [
  '',
  ' ',
  "'; drop table release; --",
  "' or '1'='1",
  '"quoted"',
  '$1',
  '\\',
  '%',
  'a\r\nx-evil: 1',
  'a\0b',
  '\ud800',
  '\udfff tail',
  '../../etc/passwd',
  '..\\..\\windows',
  '/absolute',
  'C:\\con',
  '__proto__',
  'constructor',
  'toString',
  '{{7*7}}',
  '=cmd|calc!A1',
  '<script>alert(1)</script>',
  '🦀'.repeat(20),
  'é'.normalize('NFD'),
  '\u202egnp.exe',
  'null',
  'NaN',
  '-1',
  '1e400',
  '99999999999999999999999',
  '0x10',
  '2026-02-30T25:61:61Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999+23:59',
  'x'.repeat(5_000),
];

const nasty = fc.constantFrom(...nastyTexts);
const wrong: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, 2 ** 53 + 2, [], {}, [[]], { length: 1 }, [
    null,
  ]),
  fc.jsonValue({ maxDepth: 3 }),
);

const moments = fc
  .oneof(
    { weight: 3, arbitrary: fc.date({ noInvalidDate: true, min: new Date('2025-01-01'), max: new Date('2030-01-01') }) },
    { weight: 1, arbitrary: fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') }) },
  )
  .map((date) => date.toISOString());

/** Makes values that schemas take; free texts among them are nasty now and then. */
class Values {
  constructor(private readonly known: Known) {}

  /** @param name of the parameter or field. */
  of(schema: Schema, name: string): fc.Arbitrary<unknown> {
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) return fc.oneof(...choices.map((choice) => this.of(choice, name)));
    const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
    const { minimum = -(2 ** 31), maximum = 2 ** 53 - 1, minItems = 0, maxItems = 4 } = schema;
    if (type === 'string') return this.#text(schema, name);
    if (type === 'integer') return fc.integer({ min: Math.max(minimum, 1 - 2 ** 53), max: Math.min(maximum, 2 ** 53 - 1) });
    if (type === 'number') return fc.double({ min: schema.minimum ?? -1e308, max: schema.maximum ?? 1e308, noNaN: true });
    if (type === 'boolean') return fc.boolean();
    if (type === 'null') return fc.constant(null);
    if (type === 'object') return this.#object(schema);
    if (type !== 'array') return fc.jsonValue({ maxDepth: 2 });
    const items = this.of(schema.items ?? {}, name);
    return fc.array(items, { minLength: minItems, maxLength: Math.max(minItems, Math.min(3, maxItems)) });
  }

  #object({ properties = {}, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
    const fields = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, this.of(field, name)]));
    const declared = fc.record(fields, { requiredKeys: [...required] });
    if (typeof additionalProperties !== 'object') return declared;
    const others = fc.dictionary(
      fc.oneof({ weight: 1, arbitrary: nasty }, { weight: 5, arbitrary: fc.constantFrom('multi_db', 'php') }),
      this.of(additionalProperties, ''),
      {
        maxKeys: 3,
      },
    );
    return fc.tuple(declared, others).map(([named, more]) => ({ ...more, ...named }));
  }

  #text({ pattern, format, minLength = 0, maxLength = 5_000 }: Schema, name: string): fc.Arbitrary<string> {
    const form = pattern === undefined ? /^/ : new RegExp(pattern, 'u');
    const fits = (text: string) => [...text].length >= minLength && [...text].length <= maxLength && form.test(text);
    if (format === 'date-time') return moments;
    const made =
      pattern === undefined
        ? fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 40) })
        : matching(pattern).filter(fits);
    const meant = (this.known[name] ?? []).filter(fits);
    if (format !== undefined && meant.length > 0) return fc.constantFrom(...meant);
    const hostile = nastyTexts.filter(fits);
    return fc.oneof(
      { weight: 3, arbitrary: made },
      ...(meant.length === 0 ? [] : [{ weight: 9, arbitrary: fc.constantFrom(...meant) }]),
      ...(hostile.length === 0 ? [] : [{ weight: 1, arbitrary: fc.constantFrom(...hostile) }]),
    );
  }
}

/** The generator does not know all that patterns can say; short words are tried for the rest. */
function matching(pattern: string): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern, 'u'), { size: 'small' });
  } catch {
    return fc.string({ unit: fc.constantFrom(...'abcxyz0189'), minLength: 1, maxLength: 8 });
  }
}

/** What a text in an address or a header can carry. */
const asHeader = (value: unknown) =>
  String(value)
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
    .trim();

function inAddress(value: unknown): string {
  try {
    return encodeURIComponent(String(value));
  } catch {
    // Half of a surrogate pair has no UTF-8; these bytes would be it.
    return '%ED%A0%80';
  }
}

/** Two of three requests are as the description says. */
export function requestOf(path: string, operation: Operation, known: Known): fc.Arbitrary<FuzzRequest> {
  const shaped = { weight: 2, arbitrary: oneRequestOf(path, operation, { known, isBroken: false }) };
  return fc.oneof(shaped, { weight: 1, arbitrary: oneRequestOf(path, operation, { known, isBroken: true }) });
}

interface Making {
  readonly known: Known;
  readonly isBroken: boolean;
}

function oneRequestOf(path: string, operation: Operation, making: Making): fc.Arbitrary<FuzzRequest> {
  const values = (place: string) => parametersOf(operation, place, making);
  const parts = { inPath: values('path'), query: values('query'), header: values('header'), sent: bodyOf(operation, making) };
  return fc.record(parts).map(({ inPath, query, header, sent }) => {
    const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => inAddress(inPath[name]) || '%20');
    const search = Object.entries(query).map(([name, value]) => `${inAddress(name)}=${inAddress(value)}`);
    const headers = Object.entries(header).map(([name, value]) => [name, asHeader(value)]);
    return {
      path: `${filled}${search.length === 0 ? '' : `?${search.join('&')}`}`,
      headers: { ...Object.fromEntries(headers), ...sent.headers },
      body: sent.body,
    };
  });
}

function parametersOf({ parameters = [] }: Operation, place: string, { known, isBroken }: Making) {
  const make = new Values(known);
  const placed = parameters.filter((parameter) => parameter.in === place);
  const required = placed.filter((parameter) => parameter.required || place === 'path').map(({ name }) => name);
  const values = placed.map(({ name, schema }) => {
    const right = make.of(schema, name.replace(/^x-/, ''));
    return [name, isBroken ? fc.oneof({ weight: 2, arbitrary: right }, { weight: 1, arbitrary: wrong }) : right];
  });
  return fc.record(Object.fromEntries(values) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: required });
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const json = { 'content-type': 'application/json' };

function bodyOf({ requestBody }: Operation, { known, isBroken }: Making): fc.Arbitrary<Sent> {
  if (requestBody === undefined) return fc.constant({ headers: {}, body: undefined });
  const schema = Object.values(requestBody.content)[0]?.schema ?? {};
  if ('multipart/form-data' in requestBody.content) return formOf(schema, known);
  const value = new Values(known).of(schema, '');
  if (!isBroken) return value.map((shaped) => ({ headers: json, body: JSON.stringify(shaped) }));
  const broken = fc
    .tuple(value, fc.nat(), wrong)
    .map(([shaped, place, other]) => ({ headers: json, body: JSON.stringify(breakIn(shaped, place, other)) }));
  const malformed = fc.constantFrom<Sent>(
    { headers: json, body: '' },
    { headers: json, body: '{"a":' },
    { headers: json, body: '{"__proto__":{"isAdmin":true}}' },
    { headers: json, body: '"\\ud800"' },
    { headers: json, body: `${'['.repeat(20_000)}` },
    { headers: json, body: JSON.stringify('x'.repeat(1_100_000)) },
    { headers: { 'content-type': 'text/plain' }, body: 'text' },
    { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: '--b--\r\n' },
    { headers: {}, body: undefined },
  );
  return fc.oneof({ weight: 3, arbitrary: broken }, { weight: 1, arbitrary: malformed });
}

/** Puts another value, or one more, into one place of a value; leaves something out where the other is null. */
function breakIn(value: unknown, place: number, other: unknown): unknown {
  if (typeof value !== 'object' || value === null) return other;
  const entries = Object.entries(value);
  const at = place % (entries.length + 1);
  const chosen = entries[at];
  if (chosen === undefined) return Array.isArray(value) ? [...value, other] : { ...value, surplus: other };
  const [name, inner] = chosen;
  const isDeeper = typeof inner === 'object' && inner !== null && place % 3 === 0;
  const changed = isDeeper ? breakIn(inner, Math.floor(place / 3), other) : other;
  if (Array.isArray(value)) return value.map((item, index) => (index === at ? changed : item));
  if (changed === null) return Object.fromEntries(entries.filter(([each]) => each !== name));
  return { ...value, [name]: changed };
}

const boundary = 'fuzz-boundary';

/** A form of some of its fields, others, and a file that is no zip. */
function formOf({ properties = {} }: Schema, known: Known): fc.Arbitrary<Sent> {
  const names = Object.keys(properties).filter((name) => name !== 'file');
  const value = fc.oneof(nasty, fc.constantFrom('erp', 'any', '2.0.0', 'true', 'stable', ...Object.values(known).flat()));
  const fields = fc.dictionary(fc.oneof(fc.constantFrom('version', ...names), nasty), value, { maxKeys: 5 });
  const file = fc.record({ text: fc.oneof(nasty, fc.constant('PK\x03\x04')), name: nasty });
  return fc.tuple(fields, file).map(([given, { text, name }]) => {
    const parts = [
      ...Object.entries({ application: 'erp', ...given }).map(([field, content]) => formPart(field, content)),
      formPart('file', text, name),
    ];
    return {
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: `${parts.join('')}--${boundary}--\r\n`,
    };
  });
}

function formPart(name: string, content: string, fileName?: string): string {
  const quoted = (text: string) => `"${text.replace(/["\r\n]/g, '')}"`;
  const file = fileName === undefined ? '' : `; filename=${quoted(fileName)}`;
  return `--${boundary}\r\ncontent-disposition: form-data; name=${quoted(name)}${file}\r\n\r\n${content}\r\n`;
}
