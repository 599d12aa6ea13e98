import fc from 'fast-check';
import { fuzzInputs, slightlyChanged } from './fuzz-inputs.js';
import type { FuzzTarget } from './fuzz-target.js';

/** So many of the inputs that were kept last are what half of all inputs are made of. */
const latestMax = 4;
const keptMax = 1_000;

/** Where the inputs of a target come from: its seeds, its maker, and what was kept because it reached something. */
export class FuzzFeed {
  readonly #kept: Uint8Array[] = [];
  #inputs: fc.Arbitrary<Uint8Array>;

  private constructor(
    private readonly seeds: readonly Uint8Array[],
    private readonly made: fc.Arbitrary<Uint8Array> | null,
  ) {
    this.#inputs = this.#arrange();
  }

  static async of(target: FuzzTarget): Promise<FuzzFeed> {
    return new FuzzFeed(await target.seeds(), target.made === undefined ? null : slightlyChanged(await target.made()));
  }

  sample(count: number, seed: number): readonly Uint8Array[] {
    return fc.sample(this.#inputs, { numRuns: count, seed: seed | 0 });
  }

  /** Mutated from now on like the seeds, and more often as long as it is new. */
  keep(input: Uint8Array): void {
    this.#kept.push(input);
    if (this.#kept.length > keptMax) this.#kept.shift();
    this.#inputs = this.#arrange();
  }

  #arrange(): fc.Arbitrary<Uint8Array> {
    const all = fuzzInputs([...this.seeds, ...this.#kept]);
    const latest = this.#kept.slice(-latestMax);
    return fc.oneof(
      { arbitrary: all, weight: 2 },
      ...(latest.length === 0 ? [] : [{ arbitrary: fuzzInputs(latest), weight: 4 }]),
      ...(this.made === null ? [] : [{ arbitrary: this.made, weight: 2 }]),
    );
  }
}
