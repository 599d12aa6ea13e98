/** The options about rollouts as values of the protocol. */
import type { RolloutChange } from '@remendo/core/protocol';
import { optionReader } from '../option-reader.js';

/** As they stand on the command line. */
export interface RolloutOptions {
  readonly share?: string;
  readonly groups?: string;
  readonly rings?: string;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly haltRate?: string;
  readonly haltAttempts?: string;
  readonly haltRollbacks?: string;
}

const wholeShare = 10_000;

/** `25%`, `0.5 %` or `2500/10000`: of 10,000 terminals. */
export function parseShare(text: string): number {
  const [, ofWhole, percent] = /^(?:(\d{1,5})\/10000|(\d{1,3}(?:\.\d{1,2})?) ?%)$/.exec(text.trim()) ?? [];
  const share = ofWhole === undefined ? Math.round(Number(percent) * 100) : Number(ofWhole);
  if (share >= 0 && share <= wholeShare) return share;
  throw new Error('must be a share such as 25%, 0.5% or 2500/10000');
}

/** `a,b`; nothing at all is an empty list. */
export const parseNames = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/**
 * What of a rollout is to be changed; null: nothing.
 * @throws UpdaterError CONFIG_INVALID with every problem in `details.problems`.
 */
export function parseRolloutChange(options: RolloutOptions): Omit<RolloutChange, 'reason'> | null {
  const { read, finish } = optionReader();
  const halt_rule = given({
    failure_rate_max: read('--halt-rate', options.haltRate, parseRate),
    attempts_min: read('--halt-attempts', options.haltAttempts, countFrom(1)),
    rollback_votes_max: read('--halt-rollbacks', options.haltRollbacks, countFrom(0)),
  });
  const change = given({
    share: read('--share', options.share, parseShare),
    groups: read('--groups', options.groups, parseNames),
    rings: read('--rings', options.rings, parseNames),
    state: options.pause === true ? ('paused' as const) : options.resume === true ? ('running' as const) : undefined,
    halt_rule: Object.keys(halt_rule).length === 0 ? undefined : halt_rule,
  });
  finish();
  return Object.keys(change).length === 0 ? null : change;
}

type Given<Values> = { [Name in keyof Values]?: Exclude<Values[Name], undefined> };

/** Without what was left out, which stays as it is. */
const given = <Values extends object>(values: Values): Given<Values> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<Values>;

function parseRate(text: string): number {
  if (/^(0(\.\d{1,6})?|1)$/.test(text)) return Number(text);
  throw new Error('must be a rate from 0 to 1, such as 0.05');
}

const countMax = 1_000_000;

const countFrom =
  (min: number) =>
  (text: string): number => {
    const count = Number(text);
    if (/^\d{1,7}$/.test(text) && count >= min && count <= countMax) return count;
    throw new Error(`must be a whole number from ${min} to ${countMax}`);
  };
