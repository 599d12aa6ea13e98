/**
 * When a job is to run: at the times of its cron expression, later by a share of the jitter that is the terminal's own, and
 * a little by chance, so that a fleet does not arrive at once. However many times were missed, one run makes up for them,
 * and it has the jitter of any other: machines that wake up together do not ask together.
 */
import { digestOf } from '@remendo/core';
import { Cron } from 'croner';

export interface RunPlan {
  readonly cron: string;
  /** When it ran last; null: never. A time in the future comes from a clock that was set back and counts as now. */
  readonly lastRunMs: number | null;
  readonly nowMs: number;
  readonly jitterMsMax: number;
  /** In [0, 1): the place of this terminal in the jitter. */
  readonly share: number;
}

/** A job that never comes waits so long. */
const neverMs = 366 * 86_400_000;

/** Milliseconds since 1970; never before `nowMs`. */
export function planRun({ cron, lastRunMs, nowMs, jitterMsMax, share }: RunPlan): number {
  const job = new Cron(cron, { paused: true });
  const after = (ms: number): number => job.nextRun(new Date(ms))?.getTime() ?? ms + neverMs;
  const next = after(Math.min(lastRunMs ?? nowMs, nowMs));
  // A job that comes often is not put off beyond its next time.
  const jitterMs = Math.min(jitterMsMax, (after(next) - next) / 2) * share;
  return Math.round(Math.max(next, nowMs) + jitterMs);
}

/** Three quarters the terminal's own, one by chance. @param fraction in [0, 1). */
export const jitterShare = (terminal: string, fraction: number): number =>
  (Number.parseInt(digestOf(terminal).slice(0, 8), 16) / 2 ** 32) * 0.75 + fraction * 0.25;
