/**
 * Fuzzing by time: bytes made from seeds (changed, cut, stretched, spliced) and out of nothing go into a target, which
 * may accept them or refuse them with an `UpdaterError`, and nothing else. The same seed makes the same bytes.
 */
import fc from 'fast-check';
import { isUpdaterError } from '../errors.js';

export interface FuzzTarget {
  readonly name: string;
  /**
   * Takes any bytes. Returns when they are accepted, throws an UpdaterError when they are refused; anything else it
   * throws is a finding, its own checks of what came out among them.
   */
  run(bytes: Uint8Array): Promise<void>;
  /** Well-formed inputs to start from. */
  readonly seeds: () => Promise<readonly Uint8Array[]>;
}

export interface FuzzOptions {
  readonly durationMs: number;
  /** A 32-bit integer; printed by whoever calls, so that a run can be repeated. */
  readonly seed: number;
  /** Milliseconds, monotonic: `performance.now`. */
  readonly now: () => number;
  /** Called after every batch of 64 inputs. */
  readonly onProgress?: (report: FuzzReport) => void;
  /** Memory in use (default: the resident set of this process). */
  readonly memoryBytes?: () => number;
}

export interface FuzzReport {
  readonly name: string;
  readonly seed: number;
  readonly runs: number;
  readonly accepted: number;
  readonly refused: number;
  /** How often each error code was the answer. */
  readonly refusals: Readonly<Record<string, number>>;
  /** By how much memory grew during the run that it grew most in. */
  readonly memoryDeltaBytesMax: number;
  /** By how much memory was ever above where it was at the start. */
  readonly memoryGrowthBytesMax: number;
  readonly slowestMs: number;
  /** The input that took longest, in hex; cut at 4 KiB. */
  readonly slowestInput: string;
}

const batchInputs = 64;
const shownBytesMax = 4096;

/**
 * Runs a target until the time is up; at least one batch.
 * @throws Error at the first finding, with the seed, the number of the run and the input in hex; the finding is its cause.
 */
export async function runFuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { durationMs, seed, now, onProgress, memoryBytes = () => process.memoryUsage.rss() } = options;
  const inputs = fuzzInputs(await target.seeds());
  const tally = new Tally(target.name, seed, memoryBytes());
  const end = now() + durationMs;
  for (let batch = 0; batch === 0 || now() < end; batch++) {
    for (const input of fc.sample(inputs, { numRuns: batchInputs, seed: (seed + batch) | 0 })) {
      const memoryBefore = memoryBytes();
      const start = now();
      const code = await outcome(target, input, () => `seed ${seed}, run ${tally.runs}`);
      tally.add(input, { code, ms: now() - start, memoryBefore, memoryAfter: memoryBytes() });
      if (now() >= end && batch > 0) break;
    }
    onProgress?.(tally.report());
  }
  return tally.report();
}

/** @returns the code of the refusal, or null when the input was accepted. */
async function outcome(target: FuzzTarget, input: Uint8Array, where: () => string): Promise<string | null> {
  try {
    await target.run(input);
    return null;
  } catch (error) {
    if (isUpdaterError(error)) return error.code;
    throw new Error(`${target.name} did not answer with an UpdaterError: ${where()}, input ${hexOf(input)}`, { cause: error });
  }
}

const hexOf = (bytes: Uint8Array): string => {
  const shown = Buffer.from(bytes.subarray(0, shownBytesMax)).toString('hex');
  return bytes.length > shownBytesMax ? `${shown}… (${bytes.length} bytes)` : shown;
};

interface RunFacts {
  readonly code: string | null;
  readonly ms: number;
  readonly memoryBefore: number;
  readonly memoryAfter: number;
}

class Tally {
  runs = 0;
  #accepted = 0;
  readonly #refusals = new Map<string, number>();
  #memoryDeltaBytesMax = 0;
  #memoryGrowthBytesMax = 0;
  #slowestMs = 0;
  #slowest: Uint8Array = new Uint8Array();

  constructor(
    private readonly name: string,
    private readonly seed: number,
    private readonly memoryAtStart: number,
  ) {}

  add(input: Uint8Array, { code, ms, memoryBefore, memoryAfter }: RunFacts): void {
    this.runs++;
    if (code === null) this.#accepted++;
    else this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
    this.#memoryDeltaBytesMax = Math.max(this.#memoryDeltaBytesMax, memoryAfter - memoryBefore);
    this.#memoryGrowthBytesMax = Math.max(this.#memoryGrowthBytesMax, memoryAfter - this.memoryAtStart);
    if (ms <= this.#slowestMs) return;
    this.#slowestMs = ms;
    this.#slowest = input;
  }

  report(): FuzzReport {
    return {
      name: this.name,
      seed: this.seed,
      runs: this.runs,
      accepted: this.#accepted,
      refused: this.runs - this.#accepted,
      refusals: Object.fromEntries([...this.#refusals].sort()),
      memoryDeltaBytesMax: this.#memoryDeltaBytesMax,
      memoryGrowthBytesMax: this.#memoryGrowthBytesMax,
      slowestMs: this.#slowestMs,
      slowestInput: hexOf(this.#slowest),
    };
  }
}

/** One change of some bytes; places are shares of the length, so that one change fits every seed. */
type Mutation =
  | { readonly kind: 'flip'; readonly place: number; readonly mask: number }
  | { readonly kind: 'set'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'insert'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly place: number; readonly share: number }
  | { readonly kind: 'repeat'; readonly place: number; readonly share: number }
  | { readonly kind: 'truncate'; readonly place: number };

/** Every other place is near the start, where headers are. */
const placeArbitrary = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 0.1, noNaN: true }).map((share) => share * share),
);
const shareArbitrary = fc.double({ min: 0, max: 0.5, noNaN: true });

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

const mutationArbitrary: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), place: placeArbitrary, mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('set' as const), place: placeArbitrary, bytes: bytesArbitrary }),
  fc.record({ kind: fc.constant('insert' as const), place: placeArbitrary, bytes: bytesArbitrary }),
  fc.record({ kind: fc.constant('cut' as const), place: placeArbitrary, share: shareArbitrary }),
  fc.record({ kind: fc.constant('repeat' as const), place: placeArbitrary, share: shareArbitrary }),
  fc.record({ kind: fc.constant('truncate' as const), place: placeArbitrary }),
);

/** What `runFuzz` feeds: mutated seeds for the most part, and arbitrary bytes. For property tests too. */
export function fuzzInputs(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const arbitrary = fc.uint8Array({ maxLength: 512 });
  if (seeds.length === 0) return arbitrary;
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutationArbitrary, { minLength: 1, maxLength: 6 }))
    .map(([seed, mutations]) => mutations.reduce(mutate, seed));
  const spliced = fc
    .tuple(fc.constantFrom(...seeds), fc.constantFrom(...seeds), placeArbitrary, placeArbitrary)
    .map(([head, tail, headShare, tailShare]) => concat(head.subarray(0, at(head, headShare)), tail.subarray(at(tail, tailShare))));
  return fc.oneof({ arbitrary: mutated, weight: 8 }, { arbitrary: spliced, weight: 1 }, { arbitrary, weight: 1 });
}

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
  }
}
