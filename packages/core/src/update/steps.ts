/** The configured steps around the swap, made ready for one update: placeholders filled, defaults decided. */
import { isAbsolute, join } from 'node:path';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import type { PlannedStep, StepCommand, StepPhase } from '../transaction/journal-record.js';

export interface StepProgram {
  /** A program: absolute, or below the install root, or on the PATH. No shell is between. */
  readonly command: string;
  /** `{root}`, `{base}`, `{target}` and `{transaction}` in them become the install root, the versions and the transaction's id. */
  readonly args?: readonly string[];
  /** Default: the install root. */
  readonly folder?: string;
  /** It is ended, with everything it started, and has failed, after this long (default 10 minutes). */
  readonly timeLimitMs?: number;
}

export interface Step extends StepProgram {
  /** Shown while it runs; one of its own for every step. */
  readonly name: string;
  /**
   * Takes back what the step did, also of one that failed or was cut short half-way; it may be run twice. It must not start
   * the application: files go back only after it (that is for `finally`).
   */
  readonly undo?: StepProgram;
  /** It changes data that the application keeps, a database for example (default false). Before the swap only with `undo`. */
  readonly changesData?: boolean;
  /**
   * The step makes this backup, a file or a folder; it has failed when nothing is there afterwards. `{base}`, `{target}` and
   * `{transaction}` are filled. The path stands in the log; who skips backups skips the step.
   */
  readonly backupPath?: string;
}

/** Each list in its order. */
export interface Steps {
  /** Before the swap: maintenance mode on, stop the application, back up configuration and database. */
  readonly before?: readonly Step[];
  /** After the swap, before the application starts: dependencies, migration, caches. */
  readonly after?: readonly Step[];
  /** In the end, also after a rollback, at least once: maintenance mode off. */
  readonly finally?: readonly Step[];
}

export const defaultStepTimeLimitMs = 600_000;

export interface StepsFor {
  readonly root: string;
  readonly base: string | null;
  readonly target: string;
  readonly transaction: string;
  readonly skipBackup: boolean;
}

/** @throws UpdaterError CONFIG_INVALID with every problem. */
export function assertSteps(steps: Steps): void {
  const problems = problemsOf(steps);
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the steps are not right', { details: { problems } });
}

/** @throws UpdaterError CONFIG_INVALID with every problem. */
export function planStepsFor(steps: Steps, about: StepsFor): readonly PlannedStep[] {
  assertSteps(steps);
  return phases.flatMap((phase) =>
    (steps[phase] ?? [])
      .filter((step) => step.backupPath === undefined || !about.skipBackup)
      .map((step) => plannedStep(phase, step, about)),
  );
}

const phases: readonly StepPhase[] = ['before', 'after', 'finally'];

/** What a configuration of steps has wrong, one sentence each. */
export function problemsOf(steps: Steps): readonly string[] {
  const all = phases.flatMap((phase) => (steps[phase] ?? []).map((step) => ({ phase, step })));
  const names = all.map(({ step }) => step.name);
  const problems = names.filter((name, at) => names.indexOf(name) !== at).map((name) => `two steps are called ${name}`);
  if (all.length > limits.stepsMax) problems.push(`there are ${all.length} steps, more than ${limits.stepsMax}`);
  for (const { phase, step } of all)
    if (phase === 'finally' && (step.undo !== undefined || step.backupPath !== undefined || step.changesData === true))
      problems.push(`${step.name}: a step of finally runs in any case, and has nothing to undo, to back up or to change`);
    else if (phase === 'before' && step.changesData === true && step.undo === undefined)
      problems.push(
        `${step.name}: until the swap the version before has to stay usable: data are changed after it, or with an undo`,
      );
  return problems;
}

function plannedStep(phase: StepPhase, step: Step, about: StepsFor): PlannedStep {
  return {
    phase,
    name: step.name,
    run: commandOf(step, about),
    undo: step.undo === undefined ? null : commandOf(step.undo, about),
    changesData: step.changesData ?? false,
    backupPath: step.backupPath === undefined ? null : wholePath(filled(step.backupPath, about), about.root),
  };
}

const commandOf = (
  { command, args = [], folder, timeLimitMs = defaultStepTimeLimitMs }: StepProgram,
  about: StepsFor,
): StepCommand => ({
  command,
  args: args.map((arg) => filled(arg, about)),
  folder: folder === undefined ? about.root : wholePath(folder, about.root),
  timeLimitMs,
});

const wholePath = (path: string, root: string): string => (isAbsolute(path) ? path : join(root, path));

const filled = (text: string, { root, base, target, transaction }: StepsFor): string =>
  text.replace(
    /\{(root|base|target|transaction)\}/g,
    (_, name: 'root' | 'base' | 'target' | 'transaction') => ({ root, base: base ?? 'none', target, transaction })[name],
  );
