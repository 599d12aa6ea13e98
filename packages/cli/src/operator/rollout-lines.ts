/** A rollout as operators read it: how far it is let out, and how it fares there. */
import type { Rollout } from '@remendo/core/protocol';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { countText, numberText } from '../output/quantity.js';
import { pairLines } from '../output/table.js';

/** Of 10,000, exactly: `12.55 %`. */
export const rolloutShareText = (share: number): string => `${share / 100} %`;

const percentText = (rate: number): string => `${(rate * 100).toFixed(1)} %`;

export function rolloutLines({ colors }: Output, rollout: Rollout): readonly string[] {
  const { share, state, groups, rings, outcomes, halt_reason: reason } = rollout;
  const shownState = state === 'running' ? colors.green(state) : colors.yellow(state);
  return pairLines([
    ['rollout', `${rolloutShareText(share)} of terminals, ${shownState}${reason === null ? '' : ` (${printable(reason)})`}`],
    ['groups', groups.length === 0 ? 'all' : printable(groups.join(', '))],
    ['rings', rings.length === 0 ? 'none' : printable(rings.join(', '))],
    ['attempts', attemptsText(outcomes)],
    ['failure rate', failureText(outcomes)],
    ['halts', haltText(rollout.halt_rule)],
  ]);
}

function attemptsText({ attempts, completed, failed, rolled_back: rolledBack }: Rollout['outcomes']): string {
  if (attempts === 0) return 'none yet';
  const parts = [`${numberText(completed)} completed`, `${numberText(failed)} failed`, `${numberText(rolledBack)} rolled back`];
  return `${numberText(attempts)}: ${parts.join(', ')}`;
}

function failureText({ attempts, completed, failure_rate_lower_bound: atLeast }: Rollout['outcomes']): string {
  if (attempts === 0) return 'not known yet';
  return `${percentText((attempts - completed) / attempts)} of the attempts; surely at least ${percentText(atLeast)}`;
}

const haltText = (rule: Rollout['halt_rule']): string =>
  `when that is over ${percentText(rule.failure_rate_max)} from ${countText(rule.attempts_min, 'attempt')} on, ` +
  `or after more than ${countText(rule.rollback_votes_max, 'rollback')}`;
