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
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  blockVersion,
  bufferSource,
  type FileSystem,
  hasCode,
  type InstallGate,
  type InstallLayout,
  isUpdaterError,
  parseJournal,
  peekInstall,
  type Updater,
  UpdaterError,
} from '@remendo/core';
import { linkOrCopy, sparePath } from './spare-program.js';
import { countStart, forgetStarts } from './trial-starts.js';

export interface SelfUpdateOptions {
  readonly fileSystem: FileSystem;
  /** Of the agent's own install. */
  readonly layout: InstallLayout;
  /** File name of the program in the install root. */
  readonly program: string;
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
  /** To be called after a healthy round. @returns whether a new version has proved itself by it. Never rejects. */
  confirm(): Promise<boolean>;
  close(): Promise<void>;
}

export function createSelfUpdate(options: SelfUpdateOptions): SelfUpdate {
  /** The committed transaction whose program this is. */
  let proving: string | null = null;
  return {
    async begin(by) {
      const found = await peek(options);
      if (found?.state === 'committed') proving = found.id;
      return found === null ? 'go-on' : recoverOrCount(options, { ...found, by });
    },
    async update(signal) {
      const found = await peek(options);
      // Not proved yet; or put in place by this very process, which then is the old one.
      if (found?.state === 'committed') return found.id === proving ? 'go-on' : 'restart';
      return tryUpdate(options, signal);
    },
    async confirm() {
      const found = await peek(options);
      if (found?.state !== 'committed' || found.id !== proving) return false;
      return confirmProved(options, found.target.version);
    },
    close: () => options.localUpdater.close(),
  };
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
    await updater.rollback(reason);
    await forgetStarts(options.fileSystem, options.layout.home).catch(() => undefined);
    log('agent_rolled_back', { state: 'rolled_back', version: target.version, reason });
    return 'restart';
  } catch (error) {
    log('agent_recovery_failed', failed(error));
    // Half of a rollback is not to be run on; anything else is better than no agent.
    return hasCode(error, 'TRANSACTION_ROLLBACK_PENDING', 'TRANSACTION_STUCK') ? 'restart' : 'go-on';
  }
}

/** A start that can not be counted counts as one too many: on a full disk the version before is the safe one. */
const startsOf = (
  { fileSystem, layout }: SelfUpdateOptions,
  start: { readonly transaction: string; readonly by: 'spare' | 'program' },
): Promise<number> => countStart(fileSystem, layout.home, start).catch(() => Number.POSITIVE_INFINITY);

async function tryUpdate(options: SelfUpdateOptions, signal?: AbortSignal): Promise<SelfUpdateStep> {
  const { openUpdater, log } = options;
  try {
    const updater = await openUpdater(qualifyingGate(options, signal));
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

/** For one update. The updater asks before it downloads, when there is nothing to look at yet, and again before it swaps. */
function qualifyingGate(options: SelfUpdateOptions, signal?: AbortSignal): InstallGate {
  const { fileSystem, layout, program, log } = options;
  let asked = 0;
  return async ({ version }) => {
    if (++asked < 2) return;
    const reason = await qualifyStaged(options, signal);
    if (reason !== null) {
      await blockVersion(fileSystem, layout, version);
      throw new UpdaterError('START_FAILED', `version ${version} of the agent is not fit to run here: ${reason}`, {
        details: { version, reason },
      });
    }
    const live = join(layout.root, program);
    if ((await fileSystem.stat(live)) !== null) await linkOrCopy(fileSystem, live, sparePath(layout.home, program));
    log('agent_qualified', { version });
  };
}

/** Under the program's own name: Windows starts nothing that is called `0`. */
async function qualifyStaged(options: SelfUpdateOptions, signal?: AbortSignal): Promise<string | null> {
  const { layout, program, qualify, fileSystem } = options;
  const { transaction, slots } = (await parseJournal(bufferSource(await readFile(layout.journal)))).contents;
  const slot = slots.find(({ place, path, target }) => place === 'root' && path === program && target !== null);
  // A release that leaves the program as it is.
  if (slot === undefined) return qualify(join(layout.root, program), signal);
  const trial = join(layout.home, 'trial', program);
  try {
    await linkOrCopy(fileSystem, join(layout.staging, transaction, String(slot.index)), trial);
    return await qualify(trial, signal);
  } finally {
    await fileSystem.removeFile(trial).catch(() => undefined);
  }
}
