import { countText } from './number-text.js';
import type { Plan, PlanChoice, PlanCost, PlanLoser } from './plan.js';

/**
 * A choice in short English sentences for people: the chosen plan, the offered alternatives, then the losers with their
 * costs and reasons; one sentence each, in the order of the choice, at most `losersMax` losers (default 10) and one
 * sentence for the rest.
 */
export function explainChoice(choice: PlanChoice, losersMax = 10): readonly string[] {
  const [chosen, ...others] = choice.plans;
  if (chosen === undefined) return ['There is no plan.'];
  const sentences = [`Chosen: ${withCost(chosen.label, chosen.cost)}.`];
  for (const plan of others) sentences.push(`Alternative: ${withCost(plan.label, plan.cost)}, ${comparedTo(chosen, plan.cost)}.`);
  for (const loser of choice.losers.slice(0, losersMax)) sentences.push(lost(loser));
  const rest = choice.losers.length - losersMax;
  if (rest > 0) sentences.push(`Lost as well: ${countText(rest, 'more candidate')}.`);
  return sentences;
}

const lost = ({ label, cost, reason }: PlanLoser): string =>
  cost === null ? `Not possible: ${label}, ${reason}.` : `Lost: ${withCost(label, cost)}, ${reason}.`;

function withCost(label: string, cost: PlanCost): string {
  if (cost.requests === 0) return `${label}, ${countText(cost.costBytes, 'byte')}`;
  return `${label}, ${countText(cost.costBytes, 'byte')} (${countText(cost.fetchBytes, 'byte')} in ${countText(cost.requests, 'request')})`;
}

function comparedTo(chosen: Plan, cost: PlanCost): string {
  const difference = cost.costBytes - chosen.cost.costBytes;
  return difference === 0 ? 'the same cost' : `${countText(difference, 'byte')} dearer`;
}
