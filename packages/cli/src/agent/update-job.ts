/** The update of the application, and afterwards of the agent itself. */
import { existsSync, readdirSync } from 'node:fs';
import { nodeFileSystem, nodeHost, peekInstall } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { withTerminal } from '../terminal/open-terminal.js';
import type { Job } from './agent.js';
import { readAgentState } from './agent-state.js';
import { holdOf } from './hold-lock.js';
import { askedToWait, endOfFailure, type JobEnd } from './job.js';
import { byCron, changeState, type OpenJobsOptions, type OwnProgram } from './job-surroundings.js';
import { runUpdateCycle } from './update-cycle.js';

export function updateJob(context: CommandContext, options: OpenJobsOptions): Job {
  return {
    name: 'update',
    isFirst: true,
    nextMs: byCron(options, options.config.checkCron),
    async run(signal) {
      const round = await updateOnce({ ...context, signal }, options).then(
        (end): Round => ({ end, isWhole: true }),
        (error: unknown): Round => {
          signal.throwIfAborted();
          return { end: endOfFailure(error), isWhole: false };
        },
      );
      await updateItself(options.ownProgram, round, signal);
      return round.end;
    },
  };
}

interface Round {
  readonly end: JobEnd;
  /** False: it came to no check at all. */
  readonly isWhole: boolean;
}

/**
 * A round that reached the server proves this program, whatever became of the application's update; an error that nobody foresaw
 * is a mistake of it, and so are settings that only the version before understands. Whatever keeps the application's update
 * back, the agent's own goes on: it may bring the remedy.
 */
async function updateItself(own: OwnProgram | null, { end, isWhole }: Round, signal: AbortSignal): Promise<void> {
  if (own === null) return;
  const isFailure = end.kind === 'retry' || end.kind === 'failed';
  if (isWhole && end.kind !== 'retry') await own.self.confirm();
  else if (isFailure && (end.code === null || end.code === 'CONFIG_INVALID')) {
    if ((await own.self.fail(end.detail)) === 'restart') return own.onReplaced();
  }
  // It is the same server that asked to wait.
  if (askedToWait(end)) return;
  if ((await own.self.update(signal)) === 'restart') own.onReplaced();
}

async function updateOnce(context: CommandContext, { settings, layout, config, flags }: OpenJobsOptions): Promise<JobEnd> {
  const { clock } = nodeHost();
  const { home } = layout;
  const hold = () => holdOf(settings.agent, layout.root, clock.now());
  let end: JobEnd | null = null;
  const open = { command: 'agent', flags, asksServer: true, changesInstall: true, showPlan: () => false };
  await withTerminal(context, open, async (terminal) => {
    await terminal.guard();
    const { updater, log, history } = terminal;
    const { signal } = context;
    end = await runUpdateCycle(
      {
        config,
        clock,
        check: (until, force = false) => terminal.check({ force, signal: until }),
        prepare: (until) => updater.prepare({ signal: until }),
        update: () => updater.update({ awaitsLaunch: config.proof === 'launch', signal }),
        hold,
        isAwaitingLaunch: async () => (await peekInstall(nodeFileSystem(), layout))?.state === 'committed',
        prepared: {
          // A confirmed update takes all downloads along.
          get: () => (hasFiles(layout.downloads) ? (readAgentState(home)?.preparedVersion ?? null) : null),
          set: (preparedVersion) => rememberPrepared(home, preparedVersion),
        },
        // What was fetched until then is of this update, whichever round installs it.
        log: (event, fields) =>
          log.write(event, event === 'update_prepared' ? { ...fields, fetchedBytes: terminal.fetchedBytes() } : fields),
      },
      signal,
    );
    if (end.kind === 'wait') history.progress.show({ phase: 'waiting', detail: end.reason });
    return 0;
  });
  return end ?? { kind: 'done', outcome: 'up_to_date', detail: null };
}

/** A full disk: what is downloaded is found again by its digests, and must not hide why the update failed. */
function rememberPrepared(home: string, preparedVersion: string | null): void {
  try {
    changeState(home, { preparedVersion });
  } catch {
    // The next round looks again.
  }
}

const hasFiles = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;
