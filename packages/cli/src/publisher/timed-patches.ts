/** A maker and a deriver that keep the seconds of each patch. */
import type { Deriver } from '@remendo/core';
import type { PatchMaker } from '@remendo/core/publish';

export const secondsSince = (start: number): number => (performance.now() - start) / 1_000;

/** Keeps the seconds of each patch by the paths of its targets. */
export const timedMaker = (maker: PatchMaker, seconds: Map<string, number>): PatchMaker => ({
  ...maker,
  async make(input) {
    const start = performance.now();
    await maker.make(input);
    for (const path of input.targetPaths) seconds.set(path, secondsSince(start));
  },
});

/** Keeps the seconds of each job by the digests of its targets; one job at a time. */
export function timedDeriver(deriver: Deriver, seconds: Map<string, number>): Deriver {
  let before: Promise<unknown> = Promise.resolve();
  return {
    ...deriver,
    derive(job, signal) {
      const derived = before.then(async () => {
        const start = performance.now();
        await deriver.derive(job, signal);
        for (const target of job.targets) seconds.set(target.sha256, secondsSince(start));
      });
      before = derived.catch(() => {});
      return derived;
    },
  };
}
