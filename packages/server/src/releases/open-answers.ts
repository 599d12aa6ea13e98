import { UpdaterError } from '@remendo/core';

export interface OpenAnswersOptions {
  /** At a time, for all who ask and for each of them. */
  readonly openMax: number;
  readonly openOfOneMax: number;
}

const retryAfterSeconds = 10;

/** How many answers that cost memory for as long as they are being read may be under way. */
export class OpenAnswers {
  readonly #byCaller = new Map<string, number>();
  #open = 0;

  constructor(private readonly options: OpenAnswersOptions) {}

  /** @returns what is called, once, when the answer is over. @throws UpdaterError LIMIT_RATE. */
  begin(caller: string): () => void {
    const ofCaller = this.#byCaller.get(caller) ?? 0;
    if (this.#open >= this.options.openMax || ofCaller >= this.options.openOfOneMax) {
      throw new UpdaterError('LIMIT_RATE', `try again in ${retryAfterSeconds} s`, { details: { retryAfterSeconds } });
    }
    this.#open += 1;
    this.#byCaller.set(caller, ofCaller + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#open -= 1;
      const left = (this.#byCaller.get(caller) ?? 1) - 1;
      if (left === 0) this.#byCaller.delete(caller);
      else this.#byCaller.set(caller, left);
    };
  }
}
