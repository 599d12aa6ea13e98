import { UpdaterError } from '@remendo/core';

export interface OpenAnswersOptions {
  /** At a time, for all who ask and for each of them. */
  readonly openMax: number;
  readonly openOfOneMax: number;
  /** Of those who only say who they are, from one address: somebody could give a new name each time. */
  readonly openOfAddressMax: number;
}

export interface AnswerCaller {
  readonly name: string;
  /** Null: who it is has been proved. */
  readonly address: string | null;
}

const retryAfterSeconds = 10;

/** How many answers that cost memory for as long as they are being read may be under way. */
export class OpenAnswers {
  readonly #byName = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();
  #open = 0;

  constructor(private readonly options: OpenAnswersOptions) {}

  /** @returns what is called, once, when the answer is over. @throws UpdaterError LIMIT_RATE. */
  begin({ name, address }: AnswerCaller): () => void {
    const { openMax, openOfOneMax, openOfAddressMax } = this.options;
    const isFull = this.#open >= openMax || (this.#byName.get(name) ?? 0) >= openOfOneMax;
    if (isFull || (address !== null && (this.#byAddress.get(address) ?? 0) >= openOfAddressMax)) {
      throw new UpdaterError('LIMIT_RATE', `try again in ${retryAfterSeconds} s`, { details: { retryAfterSeconds } });
    }
    this.#count(name, address, 1);
    let isOver = false;
    return () => {
      if (!isOver) this.#count(name, address, -1);
      isOver = true;
    };
  }

  #count(name: string, address: string | null, more: 1 | -1): void {
    this.#open += more;
    add(this.#byName, name, more);
    if (address !== null) add(this.#byAddress, address, more);
  }
}

function add(counts: Map<string, number>, key: string, more: number): void {
  const count = (counts.get(key) ?? 0) + more;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
