/** Random inputs of the planner, the same for the same seed, and the seed itself. */
import type { Content, DeltaObject, Derivation } from '../delta/delta.js';
import { type Digest, digestOf } from '../hash/digest.js';
import type { DeltaRecipe, PlanInput } from './plan.js';

const givenSeed = process.env.REMENDO_TEST_SEED;

/** Of this run: REMENDO_TEST_SEED, or another one each time. */
export const runSeed = givenSeed === undefined ? Date.now() % 1_000_000_000 : Number.parseInt(givenSeed, 10);

/** Runs a check for many seeds; a failure names the one that REMENDO_TEST_SEED runs alone. */
export function forSeeds(count: number, check: (random: Random, seed: number) => void): void {
  if (!Number.isSafeInteger(runSeed)) throw new Error(`REMENDO_TEST_SEED is not a whole number: ${givenSeed}`);
  const seeds = givenSeed === undefined ? count : 1;
  for (let seed = runSeed; seed < runSeed + seeds; seed += 1) {
    try {
      check(new Random(seed), seed);
    } catch (cause) {
      throw new Error(`REMENDO_TEST_SEED=${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}

/** Mulberry32: 32 bits of state, good enough to vary inputs. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** From `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, key: this.next() }))
      .sort((a, b) => a.key - b.key)
      .map(({ item }) => item);
  }
}

/** Bytes of a blob: now tiny against a request, now large. */
const blobBytes = (random: Random): number => (random.chance(0.3) ? random.between(0, 700) : random.between(500, 20_000));

const digests = new Map<string, Digest>();

/** A digest for a name; remembered, as hashing would take most of a test's time. */
export function digestNamed(name: string): Digest {
  const known = digests.get(name);
  if (known !== undefined) return known;
  const digest = digestOf(name);
  digests.set(name, digest);
  return digest;
}

export const contentNamed = (name: string): Content => ({ sha256: digestNamed(name), bytes: 100_000 });

/** Puts blobs into objects, one after the other with gaps between them. */
export class ObjectPacker {
  readonly #ends = new Map<string, number>();

  place(object: string, bytes: number, gapBytes = 0): Derivation['blob'] {
    const offset = (this.#ends.get(object) ?? -gapBytes) + gapBytes;
    this.#ends.set(object, offset + bytes);
    return { object: digestNamed(object), offset, bytes, sha256: digestNamed(`${object}@${offset}`) };
  }

  objects(): DeltaObject[] {
    return [...this.#ends].map(([name, bytes]) => ({ digest: digestNamed(name), bytes }));
  }
}

/** A planner's input and what a test needs to check its answer by other means. */
export interface RandomCase {
  readonly input: PlanInput;
  readonly allDerivations: readonly Derivation[];
}

export const wholeOf = (target: Content, blob: Derivation['blob']): Derivation => ({
  kind: 'whole',
  target,
  encoding: 'brotli',
  blob,
});

export const patchOf = (bases: readonly Content[], targets: readonly Content[], blob: Derivation['blob']): Derivation => ({
  kind: 'patch',
  codec: 'bsdiff40',
  bases,
  targets,
  blob,
});

/**
 * Files that have nothing to do with each other: up to 6 releases of up to 4 files, contents that change or stay from
 * release to release, single-base patches between any two releases (backwards too), whole contents; each blob an object.
 */
export function separateFilesCase(random: Random): RandomCase {
  const releases = random.between(2, 6);
  const files = random.between(1, 4);
  const density = random.next() * 0.5;
  const packer = new ObjectPacker();
  const derivations: Derivation[] = [];
  const held: Content[] = [];
  const wanted: Content[] = [];
  for (let file = 0; file < files; file += 1) {
    const versions = versionsOf(random, releases, `file${file}`);
    held.push(...versions.slice(0, 1));
    wanted.push(...versions.slice(-1));
    derivations.push(...fileDerivations(random, [...new Set(versions)], density, packer));
  }
  return { input: inputOf({ held, wanted, derivations, deltas: [], packer, random }), allDerivations: derivations };
}

/** The content of a file in each release: mostly another one, sometimes the same, sometimes one from before. */
function versionsOf(random: Random, releases: number, name: string): Content[] {
  const versions = [contentNamed(`${name}@0`)];
  for (let release = 1; release < releases; release += 1) {
    versions.push(random.chance(0.2) ? random.pick(versions) : contentNamed(`${name}@${release}`));
  }
  return versions;
}

function fileDerivations(random: Random, contents: readonly Content[], density: number, packer: ObjectPacker): Derivation[] {
  const derivations: Derivation[] = [];
  for (const target of contents) {
    const own = (kind: string): Derivation['blob'] => packer.place(`${kind} ${target.sha256}`, blobBytes(random));
    if (random.chance(0.3 + density)) derivations.push(wholeOf(target, own('whole')));
    for (const base of contents) {
      if (base !== target && random.chance(density)) derivations.push(patchOf([base], [target], own(`patch ${base.sha256}`)));
    }
  }
  return derivations;
}

interface InputParts {
  readonly held: readonly Content[];
  readonly wanted: readonly Content[];
  readonly derivations: readonly Derivation[];
  readonly deltas: readonly DeltaRecipe[];
  readonly packer: ObjectPacker;
  readonly random: Random;
}

function inputOf({ held, wanted, derivations, deltas, packer, random }: InputParts): PlanInput {
  return {
    held: new Set(held.map((content) => content.sha256)),
    wanted,
    derivations,
    objects: packer.objects(),
    deltas,
    baseRelease: 'r0',
    targetRelease: `r${deltas.length === 0 ? 9 : Math.max(...deltas.map((delta) => Number(delta.target.slice(1))))}`,
    zip: { digest: digestNamed('zip'), bytes: random.between(1_000, 150_000) },
    plansMax: 4,
  };
}

/**
 * Releases whose contents mix: files appear, go, come back, are copied and merged; deltas between many pairs of releases,
 * each a recipe of groups (several bases, several targets), single patches and whole contents; blobs packed into one
 * object per delta with gaps, or into one for all, or alone; patches beside the recipes that share intermediates, some of
 * them from nothing.
 */
export function mixedReleasesCase(random: Random): RandomCase {
  const pool = Array.from({ length: random.between(3, 10) }, (_, index) => contentNamed(`content${index}`));
  const filesMax = (release: number): number => (release === 0 ? Math.ceil(pool.length / 3) : pool.length);
  const releases = Array.from({ length: random.between(2, 5) }, (_, release) =>
    random.shuffled(pool).slice(0, random.between(1, filesMax(release))),
  );
  const packer = new ObjectPacker();
  const packing = random.pick(['delta', 'all', 'alone'] as const);
  let count = 0;
  const place = (delta: string): Derivation['blob'] => {
    const object = packing === 'delta' ? `delta ${delta}` : packing === 'all' ? 'all' : `object ${count}`;
    count += 1;
    return packer.place(object, blobBytes(random), random.chance(0.5) ? 0 : random.between(0, 1_500));
  };
  const deltas: DeltaRecipe[] = [];
  for (const [base, held] of releases.entries()) {
    for (const [target, wanted] of releases.entries()) {
      if (base === target || !random.chance(base + 1 === target ? 0.85 : base < target ? 0.4 : 0.1)) continue;
      deltas.push({
        base: `r${base}`,
        target: `r${target}`,
        derivations: recipeOf(random, held, wanted, () => place(`${base}-${target}`)),
      });
    }
  }
  const extra = Array.from({ length: random.between(0, 14) }, () => loosePatch(random, pool, () => place('extra')));
  const allDerivations = [...deltas.flatMap((delta) => delta.derivations), ...extra];
  const [held = []] = releases;
  const input = inputOf({ held, wanted: releases.at(-1) ?? [], derivations: allDerivations, deltas, packer, random });
  return { input: { ...input, targetRelease: `r${releases.length - 1}` }, allDerivations };
}

function recipeOf(
  random: Random,
  base: readonly Content[],
  target: readonly Content[],
  place: () => Derivation['blob'],
): Derivation[] {
  const recipe: Derivation[] = [];
  const made = [...base];
  const missing = random.shuffled(target.filter((content) => !base.includes(content)));
  while (missing.length > 0) {
    const group = missing.splice(0, random.chance(0.5) ? 1 : random.between(1, 4));
    const [first] = group;
    if (first === undefined) break;
    if (group.length === 1 && (made.length === 0 || random.chance(0.25))) recipe.push(wholeOf(first, place()));
    else if (made.length === 0) recipe.push(...group.map((content) => wholeOf(content, place())));
    else recipe.push(patchOf(random.shuffled(made).slice(0, random.between(1, 3)), group, place()));
    made.push(...group);
  }
  return recipe;
}

function loosePatch(random: Random, pool: readonly Content[], place: () => Derivation['blob']): Derivation {
  const [target, ...others] = random.shuffled(pool);
  if (target === undefined) throw new Error('the pool is empty');
  if (random.chance(0.4)) return wholeOf(target, place());
  return patchOf(others.slice(0, random.between(0, 2)), [target, ...others.slice(2, random.between(2, 3))], place());
}
