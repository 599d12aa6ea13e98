/**
 * The agent updates itself as it updates any application: an install root of its own, the same checks, the same journaled swap.
 * What is particular is that there is nobody above it who could start the old one again, so:
 *
 *   1. the new program is staged beside the old one and qualified by a trial run; an unfit one is never put in place, and its
 *      version is not tried again;
 *   2. a spare of the running program is kept under a name that no swap touches, and then the swap is committed;
 *   3. the agent ends with an exit code of its own, and whoever keeps it running starts the new one;
 *   4. the new one is confirmed after its first healthy round. Started `startsMax` times without, it goes, and the old one is
 *      back: `begin` counts and decides, before anything else, as Mender's client does with its state.
 *
 * Every start begins with the spare where there is one (`remendo agent --guard`): it finishes a swap that was cut short, also
 * when that left nothing at the program's own name, and it counts, also when the new program does not even start.
 */
import { join } from 'node:path';
import {
  type FileSystem,
  hasCode,
  type InstallGate,
  type InstallLayout,
  isUpdaterError,
  peekInstall,
  type Updater,
} from '@remendo/core';
import { qualifyingGate } from './qualify-staged.js';
import { keepSpare, sparePath } from './spare-program.js';
import { countStart, forgetStarts } from './trial-starts.js';

export interface SelfUpdateOptions {
  readonly fileSystem: FileSystem;
  /** Of the agent's own install. */
  readonly layout: InstallLayout;
  /** File name of the program in the install root. */
  readonly program: string;
  /** The install root that this agent looks after: others may run the same program. */
  readonly agent: string;
  readonly startsMax: number;
  /** The updater of the agent's own install, for what needs no server. */
  readonly localUpdater: Updater;
  /**
   * The same with a server, opened for every update. It has to ask the gate, and must not look for running programs: this one
   * runs. @throws UpdaterError CONFIG_INVALID
   */
  readonly openUpdater: (gate: InstallGate) => Promise<Updater>;
  /** @returns what makes the program at this path unfit, or null. */
  readonly qualify: (program: string, signal?: AbortSignal) => Promise<string | null>;
  readonly log: (event: string, fields?: object) => void;
}

/** go-on: nothing changed under this program · restart: what is installed is not what runs; end, to be started again. */
export type SelfUpdateStep = 'go-on' | 'restart';

export interface SelfUpdate {
  /** To be called before anything else at every start, by the spare and by the program. Never rejects. */
  begin(by: 'spare' | 'program'): Promise<SelfUpdateStep>;
  /** Looks for a newer agent and puts it in place, once a round. Never rejects but with the signal's reason. */
  update(signal?: AbortSignal): Promise<SelfUpdateStep>;
  /** To be called after a round that failed as nobody foresaw: a version that has not proved itself ends by it. Never rejects. */
  fail(reason: string): Promise<SelfUpdateStep>;
  /** To be called after a healthy round. @returns whether a new version has proved itself by it. Never rejects. */
  confirm(): Promise<boolean>;
  close(): Promise<void>;
}

export function createSelfUpdate(options: SelfUpdateOptions): SelfUpdate {
  /** What was under way, or last done, when this program was started. */
  let begun: Found | null = null;
  const isProving = ({ id, state }: Found): boolean => state === 'committed' && begun?.state === 'committed' && begun.id === id;
  return {
    async begin(by) {
      begun = await peek(options);
      return begun === null ? 'go-on' : recoverOrCount(options, { ...begun, by });
    },
    async update(signal) {
      const found = await peek(options);
      if (found !== null && isProving(found)) return 'go-on';
      return isReplaced(found, begun) ? 'restart' : tryUpdate(options, signal);
    },
    async fail(reason) {
      const found = await peek(options);
      if (found === null || !isProving(found)) return 'go-on';
      options.log('agent_round_failed', { version: found.target.version, message: reason });
      return 'restart';
    },
    async confirm() {
      const found = await peek(options);
      return found !== null && isProving(found) ? confirmProved(options, found.target.version) : false;
    },
    close: () => options.localUpdater.close(),
  };
}

/** Whether another program stands at this one's name: put there by this very process, by another agent, or by hand. */
function isReplaced(found: Found | null, begun: Found | null): boolean {
  if (found === null) return false;
  if (found.state === 'committed') return true;
  if (found.state === 'confirmed') return found.id !== begun?.id;
  return found.state === 'rolled_back' && found.id === begun?.id && found.state !== begun.state;
}

type Found = NonNullable<Awaited<ReturnType<typeof peekInstall>>>;

/** Null: nothing was installed yet by an updater, or its journal can not be read, which updates will tell. */
const peek = ({ fileSystem, layout }: SelfUpdateOptions): Promise<Found | null> =>
  peekInstall(fileSystem, layout).catch(() => null);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failed = (error: unknown) => ({
  state: 'failed',
  code: isUpdaterError(error) ? error.code : null,
  message: messageOf(error),
});

async function recoverOrCount(
  options: SelfUpdateOptions,
  { id, state, target, by }: Found & { readonly by: 'spare' | 'program' },
): Promise<SelfUpdateStep> {
  const { log, localUpdater: updater } = options;
  try {
    if (state === 'committing' || state === 'rolling_back') {
      log('agent_recovered', { outcome: await updater.recover() });
      return 'restart';
    }
    if (state !== 'committed') return 'go-on';
    const starts = await startsOf(options, { transaction: id, by });
    if (starts <= options.startsMax) return 'go-on';
    const reason = `it was started ${options.startsMax} times without a healthy round`;
    // Before: whoever is killed after the last file is back has told it.
    log('agent_rolling_back', { version: target.version, reason });
    await updater.rollback(reason);
    await forgetStarts(options.fileSystem, options.layout.home).catch(() => undefined);
    log('agent_rolled_back', { state: 'rolled_back', version: target.version, reason });
    return 'restart';
  } catch (error) {
    log('agent_recovery_failed', failed(error));
    // The next start goes on with a rollback that was stopped; anything else is better than no agent.
    return hasCode(error, 'TRANSACTION_ROLLBACK_PENDING') ? 'restart' : 'go-on';
  }
}

/** A start that can not be counted counts as one too many: on a full disk the version before is the safe one. */
const startsOf = (
  { fileSystem, layout, agent }: SelfUpdateOptions,
  start: { readonly transaction: string; readonly by: 'spare' | 'program' },
): Promise<number> => countStart(fileSystem, layout.home, { agent, ...start }).catch(() => Number.POSITIVE_INFINITY);

async function tryUpdate(options: SelfUpdateOptions, signal?: AbortSignal): Promise<SelfUpdateStep> {
  const { openUpdater, log, fileSystem, layout, program } = options;
  try {
    const updater = await openUpdater(qualifyingGate(options, signal));
    // Where there is no room for one now, an update will say so.
    await keepSpare(fileSystem, join(layout.root, program), sparePath(layout.home, program)).catch(() => undefined);
    const result = await updater
      .update({ awaitsLaunch: true, ...(signal === undefined ? {} : { signal }) })
      .finally(() => updater.close());
    if (result.kind !== 'updated') return 'go-on';
    log('agent_replaced', { base: result.base, version: result.version });
    return 'restart';
  } catch (error) {
    signal?.throwIfAborted();
    log('agent_update_failed', failed(error));
    return 'go-on';
  }
}

async function confirmProved({ fileSystem, layout, log, localUpdater }: SelfUpdateOptions, version: string): Promise<boolean> {
  try {
    if (!(await localUpdater.confirm())) return false;
    await forgetStarts(fileSystem, layout.home).catch(() => undefined);
    log('agent_confirmed', { version });
    return true;
  } catch (error) {
    log('agent_confirm_failed', failed(error));
    return false;
  }
}
