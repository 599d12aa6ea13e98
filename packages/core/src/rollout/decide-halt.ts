/** When a rollout stops by itself. */

/** What became of a release so far, one outcome for each enrolled terminal. */
export interface RolloutOutcomes {
  /** Terminals that tried it and came to an end, good or bad. */
  readonly attempts: number;
  /** Of the attempts, those that did not end with the release in place: failed or rolled back. */
  readonly failures: number;
  /** Of the failures, those where the release was installed and then rolled back: each is a vote against it. */
  readonly rollbacks: number;
}

export interface HaltRule {
  /** The largest rate of failures that is put up with, 0 … 1. */
  readonly failureRateMax: number;
  /** With fewer attempts the rate says nothing; votes count from the first. */
  readonly attemptsMin: number;
  /** The most votes that are put up with, however large the fleet. */
  readonly rollbackVotesMax: number;
  /** How sure to be, in standard deviations (default 1.96: 95 %, two-sided). */
  readonly z?: number;
}

/**
 * One in twenty: two failures among the first ten attempts halt, and ten among a hundred, while a fleet in which one update
 * in fifty fails for its own reasons (disks, power) goes on. A sixth vote halts at any size: an application that does not
 * come up is worse than an update that did not happen.
 */
export const defaultHaltRule: HaltRule = { failureRateMax: 0.05, attemptsMin: 10, rollbackVotesMax: 5 };

/** `lowerBound` is of the failure rate, 0 … 1, also where votes decided. */
export type HaltDecision =
  | { readonly kind: 'go' }
  | { readonly kind: 'halt'; readonly reason: 'failure_rate' | 'rollback_votes'; readonly lowerBound: number };

/** Whether a rollout with these outcomes has to stop; the rate is named first when both speak against it. */
export function decideHalt({ attempts, failures, rollbacks }: RolloutOutcomes, rule: HaltRule = defaultHaltRule): HaltDecision {
  const lowerBound = wilsonLowerBound(failures, attempts, rule.z);
  if (attempts >= rule.attemptsMin && lowerBound > rule.failureRateMax) return { kind: 'halt', reason: 'failure_rate', lowerBound };
  if (rollbacks > rule.rollbackVotesMax) return { kind: 'halt', reason: 'rollback_votes', lowerBound };
  return { kind: 'go' };
}

/**
 * The failure rate that is exceeded, as sure as `z` says, given what was seen: near 0 with few attempts, near the observed
 * rate with many. Lower end of the score interval: E. B. Wilson, "Probable inference, the law of succession, and
 * statistical inference", JASA 22 (1927).
 * @returns 0 … 1; 0 without attempts or failures. More failures than attempts count as all.
 */
export function wilsonLowerBound(failures: number, attempts: number, z = 1.96): number {
  if (attempts <= 0 || failures <= 0) return 0;
  const rate = Math.min(failures, attempts) / attempts;
  const square = z ** 2 / attempts;
  const spread = z * Math.sqrt((rate * (1 - rate) + square / 4) / attempts);
  return Math.max(0, (rate + square / 2 - spread) / (1 + square));
}
