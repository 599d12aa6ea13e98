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
 *
 * A program that has proved itself is counted too, from each round that came to its end: started `provedStartsMax` times without
 * one it goes as well (go-back.ts). Where nothing is left to go back to, each start waits longer than the one before.
 */
import { join } from 'node:path';
import { hasCode, type InstallGate, isUpdaterError, peekInstall, type Updater } from '@remendo/core';
import { type GoBackOptions, goBack } from './go-back.js';
import type { LastTransaction } from './last-transaction.js';
import { qualifyingGate } from './qualify-staged.js';
import { keepSpare, sparePath } from './spare-program.js';
import { countStart, forgetStarts, takeBackStart } from './trial-starts.js';

export interface SelfUpdateOptions extends GoBackOptions {
  /** The install root that this agent looks after: others may run the same program. */
  readonly agent: string;
  /** Starts of a version on trial without a healthy round. */
  readonly startsMax: number;
  /** Starts of one that has proved itself without a round that came to its end: a power cut or two are no fault of it. */
  readonly provedStartsMax: number;
  /**
   * The updater of the agent's own install with a server, opened for every update. It has to ask the gate, and must not look for
   * running programs: this one runs. @throws UpdaterError CONFIG_INVALID
   */
  readonly openUpdater: (gate: InstallGate) => Promise<Updater>;
  /** @returns what makes the program at this path unfit, or null. */
  readonly qualify: (program: string, signal?: AbortSignal) => Promise<string | null>;
  /** Whether the program at this path reaches the server now; false also where it can not say. Never rejects. */
  readonly reachesServer: (program: string, signal?: AbortSignal) => Promise<boolean>;
}

/** go-on: nothing changed under this program · restart: what is installed is not what runs; end, to be started again. */
export type SelfUpdateStep = 'go-on' | 'restart';

/** What a round says of the program that ran it. */
export type RoundVerdict =
  /** It came to an answer of the server's. */
  | { readonly kind: 'healthy' }
  /** It had no answer: the server is away, or it is this program's own fault. */
  | { readonly kind: 'unreached'; readonly reason: string }
  /** It ended as can be foreseen, before it could prove anything. */
  | { readonly kind: 'inconclusive' }
  /** It failed as nobody foresaw, or by settings that this version does not understand. */
  | { readonly kind: 'broken'; readonly reason: string };

export interface SelfUpdate {
  /**
   * To be called before anything else at every start, by the spare and by the program. Never rejects.
   * @returns `waitMs`: how long to wait before the first round.
   */
  begin(by: 'spare' | 'program'): Promise<{ readonly step: SelfUpdateStep; readonly waitMs: number }>;
  /** Whether what runs has still to prove itself. Never rejects. */
  isOnTrial(): Promise<boolean>;
  /** To be called after every round. A version on trial ends by one that is broken. Rejects with the signal's reason only. */
  judge(round: RoundVerdict, signal?: AbortSignal): Promise<SelfUpdateStep>;
  /** Looks for a newer agent and puts it in place, once a round. Never rejects but with the signal's reason. */
  update(signal?: AbortSignal): Promise<SelfUpdateStep>;
  /**
   * To be called when it ends otherwise than by a round: asked to, or because it may not work here (wrong settings, another
   * agent): such a start was no crash. Never rejects.
   */
  end(why: 'asked' | 'refused'): Promise<void>;
  close(): Promise<void>;
}

const waitMsMax = 3_600_000;

/** After as many starts as there may be, each waits twice as long as the one before. */
const waitMsAfter = (startsTooMany: number): number => Math.min(waitMsMax, 60_000 * 2 ** startsTooMany);

export function createSelfUpdate(options: SelfUpdateOptions): SelfUpdate {
  /** What was under way, or last done, when this program was started. */
  let begun: LastTransaction | null = null;
  /** A start is taken back once. */
  let isCounted = false;
  const isProving = (found: LastTransaction | null): found is LastTransaction =>
    found?.state === 'committed' && begun?.state === 'committed' && begun.id === found.id;
  const takeBack = async (): Promise<void> => {
    if (isCounted) await takeBackStart(options.fileSystem, options.layout.home, options.agent).catch(() => undefined);
    isCounted = false;
  };
  return {
    async begin(by) {
      begun = await peek(options);
      isCounted = true;
      return recoverOrCount(options, { begun, by });
    },
    isOnTrial: async () => isProving(await peek(options)),
    async judge(round, signal) {
      const found = await peek(options);
      if (!isProving(found)) {
        if (round.kind !== 'broken') await forget(options);
        return 'go-on';
      }
      const { version } = found.target;
      if (round.kind === 'healthy') {
        await confirmProved(options, version);
        return 'go-on';
      }
      const fault = await faultOf(options, round, signal);
      if (fault === null) {
        await takeBack();
        return 'go-on';
      }
      options.log('agent_round_failed', { version, message: fault });
      return 'restart';
    },
    async update(signal) {
      const found = await peek(options);
      if (isProving(found)) return 'go-on';
      return isReplaced(found, begun) ? 'restart' : tryUpdate(options, signal);
    },
    async end(why) {
      if (why === 'asked' || !isProving(await peek(options))) await takeBack();
    },
    close: () => options.localUpdater.close(),
  };
}

/** Whether another program stands at this one's name: put there by this very process, by another agent, or by hand. */
function isReplaced(found: LastTransaction | null, begun: LastTransaction | null): boolean {
  if (found === null) return false;
  if (found.state === 'committed') return true;
  if (found.state === 'confirmed') return found.id !== begun?.id;
  return found.state === 'rolled_back' && found.id === begun?.id && found.state !== begun.state;
}

/** Null: nothing was installed yet by an updater, or its journal can not be read, which updates will tell. */
const peek = ({ fileSystem, layout }: SelfUpdateOptions): Promise<LastTransaction | null> =>
  peekInstall(fileSystem, layout).catch(() => null);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failed = (error: unknown) => ({
  state: 'failed',
  code: isUpdaterError(error) ? error.code : null,
  message: messageOf(error),
});

interface Beginning {
  readonly begun: LastTransaction | null;
  readonly by: 'spare' | 'program';
}

type Begun = Awaited<ReturnType<SelfUpdate['begin']>>;

const goOn: Begun = { step: 'go-on', waitMs: 0 };
const restart: Begun = { step: 'restart', waitMs: 0 };

async function recoverOrCount(options: SelfUpdateOptions, { begun, by }: Beginning): Promise<Begun> {
  const { log, localUpdater: updater, startsMax, provedStartsMax } = options;
  let waitMs = 0;
  try {
    if (begun?.state === 'committing' || begun?.state === 'rolling_back') {
      log('agent_recovered', { outcome: await updater.recover() });
      return restart;
    }
    const starts = await startsOf(options, { begun, by });
    const tooMany = starts - (begun?.state === 'committed' ? startsMax : provedStartsMax);
    if (tooMany <= 0) return goOn;
    waitMs = waitMsAfter(tooMany);
    if (await goBack(options, { last: begun, starts: starts - 1 })) return restart;
    if (by === 'program') log('agent_start_put_off', { starts: starts - 1, waitMs });
  } catch (error) {
    log('agent_recovery_failed', failed(error));
    // The next start goes on with a rollback that was stopped; anything else is better than no agent.
    if (hasCode(error, 'TRANSACTION_ROLLBACK_PENDING')) return restart;
  }
  return { step: 'go-on', waitMs };
}

/**
 * On a full disk, where no start can be counted, the version before is the safe one as long as the other is on trial. A program that
 * no updater has been at yet makes no folders of its own: who may write to them is looked at by its first update.
 */
async function startsOf({ fileSystem, layout, agent, startsMax }: SelfUpdateOptions, { begun, by }: Beginning): Promise<number> {
  const { id: transaction, state } = begun ?? { id: 'none', state: 'none' };
  try {
    if (begun === null && (await fileSystem.stat(layout.home)) === null) return 0;
    return await countStart(fileSystem, layout.home, { agent, transaction, state, by });
  } catch {
    return state === 'committed' ? startsMax + 1 : 0;
  }
}

/**
 * What speaks against the program that ran the round; null: nothing. A round without an answer does only when the program before
 * has one now: then the server is there, and so is the line.
 */
async function faultOf(
  { layout, program, reachesServer }: SelfUpdateOptions,
  round: Exclude<RoundVerdict, { kind: 'healthy' }>,
  signal?: AbortSignal,
): Promise<string | null> {
  if (round.kind === 'inconclusive') return null;
  if (round.kind === 'broken') return round.reason;
  const isThere = await reachesServer(sparePath(layout.home, program), signal);
  signal?.throwIfAborted();
  return isThere ? `the version before reaches the server, and this one does not: ${round.reason}` : null;
}

const forget = ({ fileSystem, layout, agent }: SelfUpdateOptions): Promise<void> =>
  forgetStarts(fileSystem, layout.home, agent).catch(() => undefined);

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

async function confirmProved({ fileSystem, layout, log, localUpdater }: SelfUpdateOptions, version: string): Promise<void> {
  try {
    if (!(await localUpdater.confirm())) return;
    await forgetStarts(fileSystem, layout.home).catch(() => undefined);
    log('agent_confirmed', { version });
  } catch (error) {
    log('agent_confirm_failed', failed(error));
  }
}
