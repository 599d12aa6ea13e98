/** How long something goes on after it was forbidden. */

export interface Effect {
  /** From the answer to the change until the beginning of the last request that still got through; 0: there was none. */
  readonly delayMs: number;
}

/** Long enough without one getting through: it is over. */
const quietMs = 1_500;
const waitMsMax = 30_000;

/**
 * Asks as fast as it gets answers, meanwhile makes the change, and goes on until nothing gets through any more.
 * @param asks whether it got through.
 * @throws Error when it still does after half a minute.
 */
export async function effectDelay(asks: () => Promise<boolean>, change: () => Promise<unknown>): Promise<Effect> {
  if (!(await asks())) throw new Error('nothing gets through before the change');
  let changedAt = Number.POSITIVE_INFINITY;
  const changing = change().finally(() => {
    changedAt = performance.now();
  });
  changing.catch(() => {});
  let lastAt = performance.now();
  for (;;) {
    const beganAt = performance.now();
    if (await asks()) lastAt = beganAt;
    if (beganAt - changedAt > waitMsMax) throw new Error('it still gets through after half a minute');
    if (beganAt > Math.max(lastAt, changedAt) + quietMs) break;
  }
  await changing;
  return { delayMs: Math.max(0, lastAt - changedAt) };
}
