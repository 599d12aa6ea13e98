/** A maker and a deriver that keep the seconds of each patch. */
import type { Deriver } from '@remendo/core';
import type { PatchMaker, PatchReport } from '@remendo/core/publish';

export const secondsSince = (start: number): number => (performance.now() - start) / 1_000;

/** A patch as it was made. */
export interface MadePatch {
  readonly seconds: number;
  readonly report: PatchReport;
}

/** Keeps how each patch was made by the paths of its targets. */
export const timedMaker = (maker: PatchMaker, made: Map<string, MadePatch>): PatchMaker => ({
  ...maker,
  async make(input) {
    const start = performance.now();
    const report = await maker.make(input);
    for (const path of input.targetPaths) made.set(path, { seconds: secondsSince(start), report });
    return report;
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
