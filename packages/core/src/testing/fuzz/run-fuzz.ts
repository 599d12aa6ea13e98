/**
 * Fuzzing by time: bytes made from seeds (changed, cut, stretched, spliced), by the format's own rules and out of nothing go
 * into a target, which may accept them or refuse them with an `UpdaterError`, and nothing else.
 *
 * Without `coverage` the same seed makes the same bytes. With it, inputs that reached code which none before had reached
 * are kept and changed further; then the bytes depend on when what was reached.
 */
import { isUpdaterError } from '../../errors.js';
import { type CodeCoverage, ReachedCode } from './code-coverage.js';
import { FuzzFeed } from './fuzz-feed.js';
import { type FuzzReport, FuzzTally } from './fuzz-tally.js';
import type { FuzzTarget } from './fuzz-target.js';

export interface FuzzOptions {
  /** Making the seeds is part of it. */
  readonly durationMs: number;
  /** A 32-bit integer; printed by whoever calls, so that a run can be repeated. */
  readonly seed: number;
  /** Milliseconds, monotonic: `performance.now`. */
  readonly now: () => number;
  /** Milliseconds of work so far: how long one input took is told by this (default: `now`). */
  readonly busyMs?: () => number;
  /** Ends sooner, after so many inputs (default: only by time). */
  readonly runsMax?: number;
  /** Counts what runs, and tells how much it was. */
  readonly coverage?: CodeCoverage;
  /** Whether inputs that reach new code are kept (default: true; nothing without `coverage`). */
  readonly isSteered?: boolean;
  /** Called after every batch of inputs. */
  readonly onProgress?: (report: FuzzReport) => void;
  /** Memory in use (default: the resident set of this process). */
  readonly memoryBytes?: () => number;
}

const batchInputs = 64;
/** Batches of which is asked what ran: they grow until asking takes less than this share of their time. */
const countedInputs = { first: 8, max: 1_024 };
const countingShareMax = 0.15;
const shownBytesMax = 4096;

/**
 * Runs a target until the time is up; at least one batch.
 * @throws Error at the first finding, with the seed, the number of the run and the input in hex; the finding is its cause.
 */
export async function runFuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, onProgress, now, durationMs } = options;
  const end = now() + durationMs;
  const feed = await FuzzFeed.of(target);
  const campaign = await FuzzCampaign.start(target, feed, { ...options, end });
  for (let batch = 0; batch === 0 || !campaign.isOver; batch++) {
    // Neighbouring seeds, such as dates, are to have no batch in common.
    const inputs = feed.sample(campaign.batchInputs, Math.imul(seed, 0x9e37_79b1) + batch);
    await campaign.run(inputs, batch === 0);
    await campaign.keepFresh(inputs);
    onProgress?.(campaign.report());
    // What weak references were asked for is kept until the task ends; promises alone never end it.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return campaign.report();
}

/** `end`: when it is over, by `now`. */
type CampaignOptions = FuzzOptions & { readonly end: number };

class FuzzCampaign {
  batchInputs: number;
  readonly #tally: FuzzTally;
  readonly #reached = new ReachedCode();
  #batchMs = 0;

  private constructor(
    private readonly target: FuzzTarget,
    private readonly feed: FuzzFeed,
    private readonly options: CampaignOptions,
    private readonly memoryBytes: () => number,
  ) {
    this.batchInputs = options.coverage === undefined ? batchInputs : countedInputs.first;
    this.#tally = new FuzzTally(target.name, options.seed, memoryBytes());
  }

  static async start(target: FuzzTarget, feed: FuzzFeed, options: CampaignOptions): Promise<FuzzCampaign> {
    const { coverage, memoryBytes = () => process.memoryUsage.rss() } = options;
    // Making the seeds ran a good deal of code.
    await coverage?.take();
    return new FuzzCampaign(target, feed, options, memoryBytes);
  }

  get isOver(): boolean {
    const { now, end, runsMax = Number.POSITIVE_INFINITY } = this.options;
    return now() >= end || this.#tally.runs >= runsMax;
  }

  async run(inputs: readonly Uint8Array[], isFirst: boolean): Promise<void> {
    const { now, busyMs = now } = this.options;
    const began = now();
    for (const input of inputs) {
      const memoryBefore = this.memoryBytes();
      const start = busyMs();
      const code = await this.#outcome(input);
      this.#tally.add(input, { code, ms: busyMs() - start, memoryBefore, memoryAfter: this.memoryBytes() });
      if (this.isOver && !isFirst) break;
    }
    this.#batchMs = now() - began;
  }

  /** Keeps those of the batch that was run last which reached new code. */
  async keepFresh(inputs: readonly Uint8Array[]): Promise<void> {
    const { coverage, now, isSteered = true } = this.options;
    if (coverage === undefined) return;
    const began = now();
    const ran = await coverage.take();
    if (now() - began > this.#batchMs * countingShareMax) this.batchInputs = Math.min(countedInputs.max, this.batchInputs * 2);
    if (!this.#reached.hasFresh(ran)) return;
    if (isSteered) await this.#findFresh(inputs, coverage);
    // Some code runs once only, whatever the input: nobody is to look for it again.
    this.#reached.add(ran);
  }

  /** Halves the inputs until it is known which did it, by running them again. */
  async #findFresh(inputs: readonly Uint8Array[], coverage: CodeCoverage): Promise<void> {
    if (this.isOver) return;
    for (const input of inputs) await this.#outcome(input);
    const ran = await coverage.take();
    if (!this.#reached.hasFresh(ran)) return;
    const [only] = inputs;
    if (inputs.length === 1 && only !== undefined) {
      this.#reached.add(ran);
      this.feed.keep(only);
      return;
    }
    const middle = Math.ceil(inputs.length / 2);
    await this.#findFresh(inputs.slice(0, middle), coverage);
    await this.#findFresh(inputs.slice(middle), coverage);
  }

  /** @returns the code of the refusal, or null when the input was accepted. */
  async #outcome(input: Uint8Array): Promise<string | null> {
    try {
      await this.target.run(input);
      return null;
    } catch (error) {
      if (isUpdaterError(error)) return error.code;
      const where = `seed ${this.options.seed}, run ${this.#tally.runs}, input ${hexOf(input)}`;
      throw new Error(`${this.target.name} did not answer with an UpdaterError: ${where}`, { cause: error });
    }
  }

  report(): FuzzReport {
    return this.#tally.report(this.options.coverage === undefined ? null : this.#reached.blocks);
  }
}

const hexOf = (bytes: Uint8Array): string => {
  const shown = Buffer.from(bytes.subarray(0, shownBytesMax)).toString('hex');
  return bytes.length > shownBytesMax ? `${shown}… (${bytes.length} bytes)` : shown;
};
