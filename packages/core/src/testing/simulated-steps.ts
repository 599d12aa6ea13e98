/**
 * Steps without processes, and the world that they change: a journal of what ran, a maintenance mode, a database. The world
 * outlives the updater, as it does in life; `crashAt` kills the updater in the middle of the n-th command.
 */
import type { StepCommand } from '../transaction/journal-record.js';
import type { StepEnd, StepRunner } from '../transaction/step-runner.js';

export class SimulatedSteps implements StepRunner {
  /** Every command that ran, in order: its name and arguments. */
  readonly ran: string[] = [];
  isInMaintenance = false;
  database = 'base';
  /** Commands that fail, by their words. */
  readonly failing = new Set<string>();
  /** Called in the middle of each command. */
  onRun: (words: string) => Promise<void> = () => Promise.resolve();
  readonly ended: number[] = [];

  async run(command: StepCommand, { onStarted, signal }: Parameters<StepRunner['run']>[1]): Promise<StepEnd> {
    const words = [command.command, ...command.args].join(' ');
    await onStarted({ pid: 5_000 + this.ran.length, startedAt: 'step' });
    this.ran.push(words);
    await this.onRun(words);
    if (signal?.aborted === true) return { failure: 'it was stopped', output: '', durationMs: 1 };
    if (this.failing.has(words)) return { failure: 'it ended with exit code 1', output: 'disk on fire', durationMs: 1 };
    if (words === 'maintenance on') this.isInMaintenance = true;
    if (words === 'maintenance off') this.isInMaintenance = false;
    if (command.command === 'database') this.database = command.args[0] ?? '';
    return { failure: null, output: `did ${words}`, durationMs: 1 };
  }

  async end({ pid }: Parameters<StepRunner['end']>[0]): Promise<void> {
    this.ended.push(pid);
  }
}
