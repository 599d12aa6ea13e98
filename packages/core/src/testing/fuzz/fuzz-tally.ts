export interface FuzzReport {
  readonly name: string;
  readonly seed: number;
  readonly runs: number;
  readonly accepted: number;
  readonly refused: number;
  /** How often each error code was the answer. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Blocks of JavaScript that ran; null when that was not counted. */
  readonly blocks: number | null;
  /** By how much memory grew during the run that it grew most in. */
  readonly memoryDeltaBytesMax: number;
  /** By how much memory was ever above where it was at the start. */
  readonly memoryGrowthBytesMax: number;
  readonly slowestMs: number;
  /** The input that took longest. */
  readonly slowestInput: Uint8Array;
}

interface RunFacts {
  /** Null when the input was accepted. */
  readonly code: string | null;
  readonly ms: number;
  readonly memoryBefore: number;
  readonly memoryAfter: number;
}

/** What came of the inputs so far. */
export class FuzzTally {
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

  report(blocks: number | null): FuzzReport {
    return {
      name: this.name,
      seed: this.seed,
      runs: this.runs,
      accepted: this.#accepted,
      refused: this.runs - this.#accepted,
      refusals: Object.fromEntries([...this.#refusals].sort()),
      blocks,
      memoryDeltaBytesMax: this.#memoryDeltaBytesMax,
      memoryGrowthBytesMax: this.#memoryGrowthBytesMax,
      slowestMs: this.#slowestMs,
      slowestInput: this.#slowest,
    };
  }
}
