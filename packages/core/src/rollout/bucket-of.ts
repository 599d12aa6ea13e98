import { digestOf } from '../hash/digest.js';

/** Shares are counted in parts of this. */
export const bucketCount = 10_000;

/**
 * The fixed place of a terminal in a rollout, 0 … 9,999: in when it is below the share. Each release has a seed of its
 * own, so that not the same terminals are first each time.
 *
 * From the first 48 bits of SHA-256 of `seed\0key`: the largest share of terminals that a bucket gets beyond another's is
 * below 10⁻¹⁰.
 */
export const bucketOf = (seed: string, terminalKey: string): number =>
  Number.parseInt(digestOf(`${seed}\0${terminalKey}`).slice(0, 12), 16) % bucketCount;
