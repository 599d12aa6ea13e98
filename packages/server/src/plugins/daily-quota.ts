/** How many bytes one who tells may have stored in a day. */
import { RequestCounter, type RequestCounterOptions } from './request-counter.js';

export interface DailyQuotaOptions extends Pick<RequestCounterOptions, 'database' | 'log' | 'name'> {
  readonly bytesMax: number;
}

export class DailyQuota {
  readonly #counter: RequestCounter;

  constructor({ bytesMax, ...options }: DailyQuotaOptions) {
    this.#counter = new RequestCounter({ ...options, perMinute: bytesMax, windowSeconds: 86_400 });
  }

  /**
   * Stores what `key` tells; only what was not known before counts.
   * @param told what is to be stored.
   * @param store tells in `accepted` how many of these were not known.
   * @throws UpdaterError LIMIT_RATE when `key` has had as much stored today as it may: nothing is stored then.
   */
  async store<A extends { readonly accepted: number }>(key: string, told: readonly unknown[], store: () => Promise<A>): Promise<A> {
    this.#counter.refuseIfOver(key);
    const answer = await store();
    if (answer.accepted > 0) {
      const bytes = Math.ceil((Buffer.byteLength(JSON.stringify(told)) * answer.accepted) / told.length);
      // What goes over it is stored: the next is refused.
      await this.#counter.take(key, bytes).catch(() => undefined);
    }
    return answer;
  }
}
