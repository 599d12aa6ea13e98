/**
 * The planner's view of its input: contents and derivations as small integers, held contents left out, and only what can
 * matter: derivations whose blob can be fetched, whose codec the terminal knows and that lead, over any number of steps, to
 * a wanted content.
 *
 * Derivations are numbered by where their blob lies (object, offset), so that neighbours in number are neighbours in
 * their object; equal ones get one number. Contents are numbered as the derivations name them. Both orders depend on
 * what the input says and not on the order it says it in, and so does everything that breaks ties by number.
 */
import { type Content, type Derivation, derivationBases, derivationTargets } from '../delta/delta.js';
import type { Digest } from '../hash/digest.js';
import { liesIn, objectSizes } from './merge-ranges.js';
import type { PlanInput } from './plan.js';
import { Rows } from './rows.js';

export interface ContentGraph {
  /** By derivation number. */
  readonly derivations: readonly Derivation[];
  /** Of each derivation's blob: its start, its bytes, and its object by number, ascending. */
  readonly blobOffset: Float64Array;
  readonly blobBytes: Float64Array;
  readonly blobObject: Int32Array;
  readonly objectSizes: ReadonlyMap<Digest, number>;
  /** By derivation: distinct contents it needs beside the held ones. */
  readonly bases: Rows;
  /** By derivation: distinct contents it makes that are not held, not among its own bases, and of use for something wanted. */
  readonly targets: Rows;
  /** By content: derivations that need it, and that make it, ascending. */
  readonly usedBy: Rows;
  readonly madeBy: Rows;
  /** By content number. */
  readonly digests: readonly Digest[];
  /** Wanted contents that are not held, ascending. */
  readonly wanted: readonly number[];
  /** Derivation numbers of each of `PlanInput.deltas`, ascending. */
  readonly recipes: readonly (readonly number[])[];
}

export function buildContentGraph(input: PlanInput): ContentGraph {
  const missing = [...new Set(input.wanted.map((content) => content.sha256).filter((sha256) => !input.held.has(sha256)))].sort();
  const known = readDerivations(input);
  const wantedHere = missing.map((sha256) => known.contents.numberOf(sha256));
  const useful = usefulInOrder(known, wantedHere);
  const { distinct, numberOf } = numberDistinct(known, useful);
  const { bases, targets, wanted, contents } = renumberContents(known, { distinct, wantedHere, isUseful: useful.isUseful });
  const derivations = distinct.flatMap((entry) => known.derivations[entry] ?? []);
  return {
    derivations,
    blobOffset: Float64Array.from(derivations, (derivation) => derivation.blob.offset),
    blobBytes: Float64Array.from(derivations, (derivation) => derivation.blob.bytes),
    blobObject: numberObjects(derivations),
    objectSizes: known.objectSizes,
    bases,
    targets,
    usedBy: bases.transposed(contents.length),
    madeBy: targets.transposed(contents.length),
    digests: contents.flatMap((content) => known.contents.items[content] ?? []),
    wanted,
    recipes: known.recipes.map((recipe) => recipeNumbers(recipe, numberOf)),
  };
}

/** Numbers things as they are first seen. */
class Numbering<T> {
  readonly items: T[] = [];
  readonly #numbers = new Map<T, number>();

  numberOf(item: T): number {
    const known = this.#numbers.get(item);
    if (known !== undefined) return known;
    this.#numbers.set(item, this.items.length);
    return this.items.push(item) - 1;
  }
}

/** The input with numbers that still depend on its order. */
interface KnownDerivations {
  readonly derivations: readonly Derivation[];
  readonly objectSizes: ReadonlyMap<Digest, number>;
  readonly contents: Numbering<Digest>;
  /** By derivation, without held contents; empty for a derivation that can't be fetched or carried out, so it is never of use. */
  readonly bases: Rows;
  readonly targets: Rows;
  readonly recipes: readonly (readonly number[])[];
}

function readDerivations(input: PlanInput): KnownDerivations {
  const sizes = objectSizes(input.objects);
  const entries = new Numbering<Derivation>();
  for (const derivation of input.derivations) entries.numberOf(derivation);
  const recipes = input.deltas.map((delta) => delta.derivations.map((derivation) => entries.numberOf(derivation)));
  const contents = new Numbering<Digest>();
  const isUsable = entries.items.map(
    (derivation) => liesIn(derivation.blob, sizes.get(derivation.blob.object)) && isKnownTo(input.codecs, derivation),
  );
  const missing = (contentsOf: (derivation: Derivation) => readonly Content[]): Rows =>
    Rows.build(entries.items.length, (entry, add) => {
      const derivation = entries.items[entry];
      const list = derivation === undefined || !isUsable[entry] ? [] : contentsOf(derivation);
      const distinct = list.length < 2 ? list : new Map(list.map((content) => [content.sha256, content])).values();
      for (const { sha256 } of distinct) if (!input.held.has(sha256)) add(contents.numberOf(sha256));
    });
  const bases = missing(derivationBases);
  return { derivations: entries.items, objectSizes: sizes, contents, bases, targets: missing(derivationTargets), recipes };
}

/** Whether a terminal that knows these codecs (undefined: all) can carry out the derivation. */
export const isKnownTo = (codecs: PlanInput['codecs'], derivation: Derivation): boolean =>
  derivation.kind === 'whole' || codecs === undefined || codecs.has(derivation.codec);

interface UsefulDerivations {
  readonly order: readonly number[];
  readonly isUseful: Uint8Array;
  /** By which they are ordered. */
  readonly compare: (one: number, other: number) => number;
}

/** Backwards from what is missing: what makes a useful content is useful, and so are its bases. In the order of the blobs. */
function usefulInOrder(known: KnownDerivations, wanted: readonly number[]): UsefulDerivations {
  const makers = known.targets.transposed(known.contents.items.length);
  const isUseful = new Uint8Array(known.contents.items.length);
  const isTaken = new Uint8Array(known.derivations.length);
  const order: number[] = [];
  const open = [...wanted];
  for (const content of wanted) isUseful[content] = 1;
  for (let content = open.pop(); content !== undefined; content = open.pop()) {
    for (let at = makers.start(content); at < makers.end(content); at += 1) {
      const entry = makers.item(at);
      if (isTaken[entry] === 1) continue;
      isTaken[entry] = 1;
      order.push(entry);
      for (let to = known.bases.start(entry); to < known.bases.end(entry); to += 1) {
        const base = known.bases.item(to);
        if (isUseful[base] === 0) open.push(base);
        isUseful[base] = 1;
      }
    }
  }
  const compare = blobComparison(known.derivations);
  return { order: order.sort(compare), isUseful, compare };
}

/**
 * By object, offset, bytes, then by all else that tells two derivations apart; 0 for equal ones. The first 48 bits of
 * the object's digest and the offset are laid out as numbers first: they decide nearly always.
 */
function blobComparison(derivations: readonly Derivation[]): (one: number, other: number) => number {
  const prefix = Float64Array.from(derivations, ({ blob }) => Number.parseInt(blob.object.slice(0, 12), 16));
  const offset = Float64Array.from(derivations, ({ blob }) => blob.offset);
  return (one, other) => {
    const difference = (prefix[one] ?? 0) - (prefix[other] ?? 0);
    if (difference !== 0) return difference;
    const [a, b] = [derivations[one], derivations[other]];
    if (a === undefined || b === undefined || a === b) return 0;
    if (a.blob.object !== b.blob.object) return a.blob.object < b.blob.object ? -1 : 1;
    return (offset[one] ?? 0) - (offset[other] ?? 0) || a.blob.bytes - b.blob.bytes || compareText(textOf(a), textOf(b));
  };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** All that tells a derivation from another one with the same range. */
function textOf(derivation: Derivation): string {
  const [bases, targets] = [derivationBases(derivation), derivationTargets(derivation)].map((list) =>
    list.map(({ sha256 }) => sha256).join(),
  );
  const how = derivation.kind === 'whole' ? derivation.encoding : derivation.codec;
  return `${derivation.kind} ${how} ${bases} ${targets} ${derivation.blob.sha256}`;
}

/** One entry for those that are equal, and the final number of each. */
function numberDistinct(
  known: KnownDerivations,
  { order, compare }: UsefulDerivations,
): { distinct: number[]; numberOf: Int32Array } {
  const distinct: number[] = [];
  const numberOf = new Int32Array(known.derivations.length).fill(-1);
  for (const [index, entry] of order.entries()) {
    const last = order[index - 1];
    if (last === undefined || compare(last, entry) !== 0) distinct.push(entry);
    numberOf[entry] = distinct.length - 1;
  }
  return { distinct, numberOf };
}

/** Contents by the order in which the derivations that stay name them; wanted ones that nothing makes come last. */
function renumberContents(known: KnownDerivations, { distinct, wantedHere, isUseful }: KeptContents) {
  const contents: number[] = [];
  const numbers = new Int32Array(known.contents.items.length).fill(-1);
  const numberOf = (content: number): number => {
    if (numbers[content] === -1) numbers[content] = contents.push(content) - 1;
    return numbers[content] ?? 0;
  };
  const keep = (rows: Rows, isKept: (content: number, entry: number) => boolean): Rows =>
    Rows.build(distinct.length, (row, add) => {
      const entry = distinct[row] ?? 0;
      for (let at = rows.start(entry); at < rows.end(entry); at += 1) {
        if (isKept(rows.item(at), entry)) add(numberOf(rows.item(at)));
      }
    });
  const bases = keep(known.bases, () => true);
  const targets = keep(known.targets, (content, entry) => isUseful[content] === 1 && !known.bases.has(entry, content));
  const wanted = wantedHere.map(numberOf).sort((a, b) => a - b);
  return { bases, targets, wanted, contents };
}

interface KeptContents {
  readonly distinct: readonly number[];
  readonly wantedHere: readonly number[];
  readonly isUseful: Uint8Array;
}

function numberObjects(derivations: readonly Derivation[]): Int32Array {
  let object = 0;
  return Int32Array.from(derivations, ({ blob }, index) => {
    if (index > 0 && blob.object !== derivations[index - 1]?.blob.object) object += 1;
    return object;
  });
}

function recipeNumbers(recipe: readonly number[], numberOf: Int32Array): readonly number[] {
  const numbers = recipe.map((entry) => numberOf[entry] ?? -1).filter((number) => number >= 0);
  return [...new Set(numbers)].sort((a, b) => a - b);
}
