/**
 * `remendo launch -- COMMAND ARGS…`: recovers, updates when there is something newer, starts the application and stays
 * its parent.
 *
 * The application comes first: no server, no space, no failed update, nothing that can not be read or written keeps it from
 * starting; it is said on the error output and in the log. Only an install that is a mixture of two versions is not started.
 */
import { constants } from 'node:os';
import {
  type CheckResult,
  compareVersions,
  type ExitStatus,
  hasCode,
  type InstallLayout,
  isUpdaterError,
  nodeFileSystem,
  peekInstall,
  type RunningApplication,
  type StartCommand,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { Interrupted } from '../exit-codes.js';
import { told, toldError } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { lastCheck } from './check-cache.js';
import { interruptedBy, reportFailure } from './command-failure.js';
import { logCheck } from './log-check.js';
import { installedVersion, type Terminal, withTerminal } from './open-terminal.js';
import { updateMessages } from './update-messages.js';

export interface LaunchOptions {
  readonly flags: SettingSources['flags'];
  /** Ask the server, whatever it said within the last hour. */
  readonly force: boolean;
  readonly command: readonly string[];
}

interface Launching {
  readonly start: StartCommand;
  readonly force: boolean;
}

interface Launched {
  /** What came of the update: `updated`, `up_to_date`, `rolled_back`, `recovered`, `update_failed`, … */
  readonly outcome: string;
  readonly running: RunningApplication;
}

export async function runLaunch(context: CommandContext, { flags, force, command }: LaunchOptions): Promise<number> {
  const { output } = context;
  const open = { command: 'launch', flags, asksServer: true, changesInstall: true, showPlan: () => false };
  return withTerminal(context, open, async (terminal) => {
    const start = terminal.startCommand(command);
    if (start === null) throw new UpdaterError('CONFIG_INVALID', 'what to start has to follow -- at the end');
    try {
      return await launchAndWait(context, terminal, { start, force });
    } catch (error) {
      reportFailure(output, terminal, error);
      throw error;
    }
  });
}

async function launchAndWait(context: CommandContext, terminal: Terminal, launching: Launching): Promise<number> {
  const { output } = context;
  const { start } = launching;
  const { supervised, log } = terminal;
  const refusal = await guard(terminal);
  const base = await versionOrNull(terminal);
  log.write('command_started', { state: 'started', base, start: start.command });
  const launched = refusal === null ? launch(context, terminal, launching) : launchAsIs(context, terminal, { start, refusal });
  const { outcome, running } = await Promise.race([launched, supervised.interrupted.then(interruptedBy)]);
  supervised.proved();
  const version = await versionOrNull(terminal);
  output.event('started', { outcome, base, version });
  log.write('application_started', { outcome, base, version });
  const exit = await running.exited;
  const recovery = terminal.events.recovery();
  const fields = {
    outcome,
    base,
    version,
    fetchedBytes: terminal.fetchedBytes(),
    recovery,
    exitCode: exit.code,
    exitSignal: exit.signal,
  };
  log.write('application_ended', fields);
  if (exit.error !== undefined) throw new UpdaterError('START_FAILED', `${start.command} could not be started: ${exit.error}`);
  output.result(fields);
  return exitCodeAfter(exit);
}

/** What can not be read tells no version, and keeps nobody waiting. */
const versionOrNull = (terminal: Terminal): Promise<string | null> => installedVersion(terminal).catch(() => null);

/** @returns why this program must not, or can not, change the install, or null. */
async function guard(terminal: Terminal): Promise<Error | null> {
  try {
    await terminal.guard();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Nothing is changed where others can write; but the application was started there before there was an updater, and is now.
 * @throws the refusal when what is there is a mixture that would have to be recovered first.
 */
async function launchAsIs(
  { output }: CommandContext,
  { layout, supervised }: Terminal,
  { start, refusal }: { readonly start: StartCommand; readonly refusal: Error },
): Promise<Launched> {
  if (await isSwapping(layout)) throw refusal;
  output.warn(updateMessages(output.language).withoutUpdate(printable(toldError(refusal, output.language))));
  return { outcome: 'not_checked', running: supervised.starter.start(start) };
}

/** Whether the last transaction stands between two versions, in its files or in what its steps do. */
const isSwapping = async (layout: InstallLayout): Promise<boolean> => (await peek(layout))?.isBetween ?? false;

/** Null also for a journal that this user may not read: then it is another user's updater that looks after the install. */
async function peek(layout: InstallLayout): ReturnType<typeof peekInstall> {
  try {
    return await peekInstall(nodeFileSystem(), layout);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}

async function launch(context: CommandContext, terminal: Terminal, launching: Launching): Promise<Launched> {
  const { start } = launching;
  const readiness = await recoverFirst(context, terminal);
  await assertNotHeld(terminal);
  if (readiness === 'busy') return { outcome: 'not_checked', running: terminal.supervised.starter.start(start) };
  if (readiness === 'waiting') return startApplication(context, terminal, { start, outcome: 'recovered' });
  const { outcome, running } = await updateWhenDue(context, terminal, launching);
  return running === null ? startApplication(context, terminal, { start, outcome }) : { outcome, running };
}

/** What a failed update left in maintenance mode is not started: somebody has to decide. @throws UpdaterError INSTALL_MAINTENANCE */
async function assertNotHeld({ layout }: Terminal): Promise<void> {
  const last = await peek(layout);
  const held = last?.heldBecause ?? null;
  if (last === null || held === null) return;
  const { version } = last.target;
  throw new UpdaterError('INSTALL_MAINTENANCE', `${version} is held: ${held}`, { details: { version, reason: held } });
}

/** Codes of an install that is neither the base nor the target, or whose data is of neither. */
const isMixture = (error: unknown): boolean =>
  hasCode(error, 'TRANSACTION_ROLLBACK_PENDING', 'TRANSACTION_STUCK', 'TRANSACTION_JOURNAL_INVALID', 'INSTALL_MAINTENANCE');

/** ready: nothing is under way · waiting: an update still has to prove itself · busy: somebody else is working on it. */
type Readiness = 'ready' | 'waiting' | 'busy';

const swapWaitMs = 60_000;
const swapPollMs = 250;

/** @throws UpdaterError when the install is a mixture, or is still being swapped by another program after a minute. */
async function recoverFirst({ output, signal }: CommandContext, { updater, layout }: Terminal): Promise<Readiness> {
  for (let waitedMs = 0; ; waitedMs += swapPollMs) {
    try {
      const recovery = await updater.recover();
      return recovery === 'committed' || recovery === 'rolled-forward' ? 'waiting' : 'ready';
    } catch (error) {
      if (!isUpdaterError(error) || isMixture(error)) throw error;
      const isMoving = await isSwapping(layout);
      if (isMoving && waitedMs >= swapWaitMs) throw error;
      if (!isMoving) {
        output.warn(updateMessages(output.language).withoutUpdate(printable(toldError(error, output.language))));
        return 'busy';
      }
      await new Promise((resolve) => setTimeout(resolve, swapPollMs));
      signal.throwIfAborted();
    }
  }
}

interface Updated {
  readonly outcome: string;
  /** Null: it still has to be started. */
  readonly running: RunningApplication | null;
}

/** Whatever fails here is told and passed over, but for a mixture and for Ctrl-C. */
async function updateWhenDue(context: CommandContext, terminal: Terminal, launching: Launching): Promise<Updated> {
  const { output, signal } = context;
  try {
    return await update(context, terminal, launching);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Interrupted || isMixture(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    output.warn(updateMessages(output.language).withoutUpdate(printable(toldError(error, output.language))));
    terminal.log.write('update_failed', { state: 'failed', code: isUpdaterError(error) ? error.code : null, message });
    return { outcome: 'update_failed', running: null };
  }
}

async function update(context: CommandContext, terminal: Terminal, { start, force }: Launching): Promise<Updated> {
  const { output, signal } = context;
  const { updater, health } = terminal;
  const isMandatory = await isBelowFloor(terminal);
  // An offer is never taken from memory: whether the server is there is found out in the time that a check may take.
  const isOffered = lastCheck(terminal.layout.home)?.found.kind === 'available';
  const found = await checkInTime(context, terminal, { isMandatory, force: force || isMandatory || isOffered });
  logCheck(terminal.log, found);
  const outcome = found.kind.replaceAll('-', '_');
  if (found.kind !== 'available') return { outcome, running: null };
  const say = updateMessages(output.language);
  output.note(say.updating(printable(found.installed ?? say.nothing), printable(found.version)));
  const askAgainWaitMs = terminal.checkWaitMs;
  const result = await updater.update({ start, health, askAgainWaitMs, signal: downloadInTime(terminal, signal) });
  if (result.kind === 'updated') return { outcome: 'updated', running: result.running };
  if (result.kind === 'rolled-back') {
    const { version, reason, base } = result;
    output.warn(
      say.rolledBackAtStart(printable(version), printable(told(reason, output.language)), printable(base ?? say.whatIsThere)),
    );
  }
  return { outcome: result.kind.replaceAll('-', '_'), running: null };
}

/** Whether the server last said that what is installed should not be used any more. */
async function isBelowFloor({ updater }: Terminal): Promise<boolean> {
  const { floor, version } = await updater.status();
  return floor !== null && version !== null && compareVersions(version.version, floor) < 0;
}

/** A download that takes too long goes on at the next start; what is here is put in place, however long that takes. */
function downloadInTime({ downloadWaitMs, events }: Terminal, signal: AbortSignal): AbortSignal {
  const timeout = new AbortController();
  const message = `the download did not end within ${downloadWaitMs} ms; the next start goes on with it`;
  const timer = setTimeout(() => timeout.abort(new UpdaterError('DOWNLOAD_FAILED', message)), downloadWaitMs);
  timer.unref();
  void events.staged.then(() => clearTimeout(timer));
  return AbortSignal.any([signal, timeout.signal]);
}

interface Asking {
  /** The server is asked whatever it said. */
  readonly force: boolean;
  /** It is waited for longer. */
  readonly isMandatory: boolean;
}

async function checkInTime({ signal }: CommandContext, terminal: Terminal, { force, isMandatory }: Asking): Promise<CheckResult> {
  const waitMs = isMandatory ? terminal.mandatoryWaitMs : terminal.checkWaitMs;
  const timeout = new AbortController();
  const message = `the server did not answer within ${waitMs} ms`;
  const timer = setTimeout(() => timeout.abort(new UpdaterError('DOWNLOAD_FAILED', message)), waitMs);
  try {
    return await terminal.check({ force, signal: AbortSignal.any([signal, timeout.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

interface Starting {
  readonly start: StartCommand;
  readonly outcome: string;
}

/**
 * Proves an update that waits for it, also one that was just rolled forward; otherwise only starts. Whoever has the lock may be
 * in the middle of a swap, which is waited for. Whatever else keeps the proof from being had, the application is started.
 */
async function startApplication(context: CommandContext, terminal: Terminal, starting: Starting): Promise<Launched> {
  const { updater, supervised, health } = terminal;
  const { start, outcome } = starting;
  try {
    const { kind, running } = await updater.start(start, { health });
    return { outcome: kind === 'rolled-back' ? 'rolled_back' : outcome, running };
  } catch (error) {
    context.signal.throwIfAborted();
    if (isMixture(error)) throw error;
    const isLocked = hasCode(error, 'TRANSACTION_LOCKED');
    if (isLocked && (await recoverFirst(context, terminal)) !== 'busy') return startApplication(context, terminal, starting);
    const { output } = context;
    if (!isLocked) output.warn(updateMessages(output.language).withoutProof(printable(toldError(error, output.language))));
    return { outcome, running: supervised.starter.start(start) };
  }
}

/** The application's own; a signal that ended it as shells have it. */
const exitCodeAfter = ({ code, signal }: ExitStatus): number =>
  code ?? 128 + (signal === null ? 0 : (constants.signals[signal as NodeJS.Signals] ?? 0));
