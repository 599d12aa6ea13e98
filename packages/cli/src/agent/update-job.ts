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
import type { RoundVerdict } from './self-update/self-update.js';
import { runUpdateCycle } from './update-cycle.js';

export function updateJob(context: CommandContext, options: OpenJobsOptions): Job {
  return {
    name: 'update',
    isFirst: true,
    isUrgent: options.ownProgram?.isOnTrial === true,
    nextMs: byCron(options, options.config.checkCron),
    async run(signal) {
      let isAnswered = false;
      const onAnswer = (): void => {
        isAnswered = true;
      };
      const round = await updateOnce({ ...context, signal }, { ...options, onAnswer }).then(
        (end): Round => ({ end, isWhole: true, isAnswered }),
        (error: unknown): Round => {
          signal.throwIfAborted();
          return { end: endOfFailure(error), isWhole: false, isAnswered };
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
  /** The server answered the check, whatever came after it. */
  readonly isAnswered: boolean;
}

/** Whatever keeps the application's update back, the agent's own goes on: it may bring the remedy. */
async function updateItself(own: OwnProgram | null, round: Round, signal: AbortSignal): Promise<void> {
  if (own === null) return;
  if ((await own.self.judge(verdictOf(round), signal)) === 'restart') return own.onReplaced();
  // It is the same server that asked to wait.
  if (askedToWait(round.end)) return;
  if ((await own.self.update(signal)) === 'restart') own.onReplaced();
}

/**
 * A round that reached the server proves this program, whatever became of the application's update; an error that nobody foresaw
 * is a mistake of it, and so are settings that only the version before understands.
 */
export function verdictOf({ end, isWhole, isAnswered }: Round): RoundVerdict {
  const code = end.kind === 'retry' || end.kind === 'failed' ? end.code : undefined;
  const reason = end.detail ?? '';
  if (code === null) return { kind: 'broken', reason };
  if (isAnswered || (isWhole && end.kind !== 'retry')) return { kind: 'healthy' };
  if (code === 'CONFIG_INVALID') return { kind: 'broken', reason };
  return code === 'DOWNLOAD_FAILED' ? { kind: 'unreached', reason } : { kind: 'inconclusive' };
}

interface RoundOptions extends OpenJobsOptions {
  readonly onAnswer: () => void;
}

async function updateOnce(context: CommandContext, options: RoundOptions): Promise<JobEnd> {
  const { settings, layout, config, flags, ownProgram, onAnswer } = options;
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
        async check(until, force = false) {
          // What another version was told within the last hour proves nothing.
          const isAsked = force || ownProgram?.isOnTrial === true;
          const found = await terminal.check({ force: isAsked, signal: until });
          if (isAsked) onAnswer();
          return found;
        },
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
