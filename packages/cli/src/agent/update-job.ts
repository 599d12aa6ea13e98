/** The update of the application, and afterwards of the agent itself. */
import { existsSync, readdirSync } from 'node:fs';
import { nodeFileSystem, nodeHost, peekInstall } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { withTerminal } from '../terminal/open-terminal.js';
import type { Job } from './agent.js';
import { readAgentState } from './agent-state.js';
import { holdOf } from './hold-lock.js';
import type { JobEnd } from './job.js';
import { byCron, changeState, type OpenJobsOptions, type OwnProgram } from './job-surroundings.js';
import { runUpdateCycle } from './update-cycle.js';

export function updateJob(context: CommandContext, options: OpenJobsOptions): Job {
  return {
    name: 'update',
    isFirst: true,
    nextMs: byCron(options, options.config.checkCron),
    async run(signal) {
      const end = await updateOnce({ ...context, signal }, options);
      await updateItself(options.ownProgram, end, signal);
      return end;
    },
  };
}

/** A round that reached the server proves this program, whatever became of the application's update. */
async function updateItself(own: OwnProgram | null, end: JobEnd, signal: AbortSignal): Promise<void> {
  if (own === null) return;
  if (end.kind !== 'retry') await own.self.confirm();
  if ((await own.self.update(signal)) === 'restart') own.onReplaced();
}

/** Settings that have changed since the last round count in this one. */
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
        check: () => terminal.check({ force: false, signal }),
        prepare: (until) => updater.prepare({ signal: until }),
        update: () => updater.update({ awaitsLaunch: config.proof === 'launch', signal }),
        hold,
        isAwaitingLaunch: async () => (await peekInstall(nodeFileSystem(), layout))?.state === 'committed',
        prepared: {
          // A confirmed update takes all downloads along.
          get: () => (hasFiles(layout.downloads) ? (readAgentState(home)?.preparedVersion ?? null) : null),
          set: (preparedVersion) => changeState(home, { preparedVersion }),
        },
        log: (event, fields) => log.write(event, fields),
      },
      signal,
    );
    if (end.kind === 'wait') history.progress.show({ phase: 'waiting', detail: end.reason });
    return 0;
  });
  return end ?? { kind: 'done', outcome: 'up_to_date', detail: null };
}

const hasFiles = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;
