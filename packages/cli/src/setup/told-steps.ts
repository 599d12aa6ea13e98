import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import type { SetupMessages } from './messages.js';

export const stepNames = [
  'folders',
  'permissions',
  'trust',
  'configuration',
  'customer',
  'terminal',
  'application',
  'agent',
] as const;
export type StepName = (typeof stepNames)[number];

/** done, changed: it was not so before · kept: it was · by_hand: a person has the rest to do · planned: with --dry-run. */
export const stepOutcomes = ['done', 'kept', 'changed', 'left_out', 'planned', 'by_hand', 'failed'] as const;
export type StepOutcome = (typeof stepOutcomes)[number];

export interface ToldStep {
  readonly step: StepName;
  readonly outcome: StepOutcome;
}

export interface ToldSteps {
  readonly all: readonly ToldStep[];
  /** @param detail for people, in their language. */
  tell(step: StepName, outcome: StepOutcome, detail?: string): void;
}

/** A line for each step as soon as it is over, in columns, and all of them for the document at the end. */
export function toldSteps(output: Output, say: SetupMessages): ToldSteps {
  const all: ToldStep[] = [];
  const stepWidth = Math.max(...stepNames.map((name) => say[name].length));
  const outcomeWidth = Math.max(...stepOutcomes.map((name) => say[name].length));
  return {
    all,
    tell(step, outcome, detail = '') {
      all.push({ step, outcome });
      const cells = [say[step].padEnd(stepWidth), say[outcome].padEnd(outcomeWidth), printable(detail)];
      output.line(cells.join('  ').trimEnd());
    },
  };
}
