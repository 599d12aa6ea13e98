/**
 * `remendo launch -- COMMAND ARGS…`: recovers, updates when there is something newer, starts the application and stays
 * its parent.
 *
 * The application comes first: no server, no space, no failed update keeps it from starting; it is said on the error
 * output and in the log. Only an install that is a mixture of two versions is not started.
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
import { printable } from '../output/printable.js';
import { interruptedBy, reportFailure } from './command-failure.js';
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
  const base = await installedVersion(terminal);
  log.write('command_started', { state: 'started', base, start: start.command });
  const launched = refusal === null ? launch(context, terminal, launching) : launchAsIs(context, terminal, { start, refusal });
  const { outcome, running } = await Promise.race([launched, supervised.interrupted.then(interruptedBy)]);
  supervised.proved();
  const version = await installedVersion(terminal);
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

/** @returns why this program must not change the install, or null. */
async function guard(terminal: Terminal): Promise<UpdaterError | null> {
  try {
    await terminal.guard();
    return null;
  } catch (error) {
    if (hasCode(error, 'INSTALL_UNSAFE')) return error;
    throw error;
  }
}

/**
 * Nothing is changed where others can write; but the application was started there before there was an updater, and is now.
 * @throws the refusal when what is there is a mixture that would have to be recovered first.
 */
async function launchAsIs(
  { output }: CommandContext,
  { layout, supervised }: Terminal,
  { start, refusal }: { readonly start: StartCommand; readonly refusal: UpdaterError },
): Promise<Launched> {
  if (await isSwapping(layout)) throw refusal;
  output.warn(updateMessages(output.language).withoutUpdate(printable(refusal.message)));
  return { outcome: 'not_checked', running: supervised.starter.start(start) };
}

/** Whether the last transaction stands in the middle of moving files. */
const isSwapping = async (layout: InstallLayout): Promise<boolean> =>
  ['committing', 'rolling_back'].includes((await peekInstall(nodeFileSystem(), layout))?.state ?? '');

async function launch(context: CommandContext, terminal: Terminal, launching: Launching): Promise<Launched> {
  const { start } = launching;
  const readiness = await recoverFirst(context, terminal);
  await assertNotHeld(terminal);
  if (readiness === 'busy') return { outcome: 'not_checked', running: terminal.supervised.starter.start(start) };
  if (readiness === 'waiting') return startApplication(terminal, start, 'recovered');
  const { outcome, running } = await updateWhenDue(context, terminal, launching);
  return running === null ? startApplication(terminal, start, outcome) : { outcome, running };
}

/** What a failed update left in maintenance mode is not started: somebody has to decide. @throws UpdaterError INSTALL_MAINTENANCE */
async function assertNotHeld({ layout }: Terminal): Promise<void> {
  const last = await peekInstall(nodeFileSystem(), layout);
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
        output.warn(updateMessages(output.language).withoutUpdate(printable(error.message)));
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
    output.warn(updateMessages(output.language).withoutUpdate(printable(message)));
    terminal.log.write('update_failed', { state: 'failed', code: isUpdaterError(error) ? error.code : null, message });
    return { outcome: 'update_failed', running: null };
  }
}

async function update(context: CommandContext, terminal: Terminal, { start, force }: Launching): Promise<Updated> {
  const { output, signal } = context;
  const { updater, health } = terminal;
  const found = await checkInTime(context, terminal, { isMandatory: await isBelowFloor(terminal), force });
  const outcome = found.kind.replaceAll('-', '_');
  if (found.kind !== 'available') return { outcome, running: null };
  const say = updateMessages(output.language);
  output.note(say.updating(printable(found.installed ?? say.nothing), printable(found.version)));
  const result = await updater.update({ start, health, signal: downloadInTime(terminal, signal) });
  if (result.kind === 'updated') return { outcome: 'updated', running: result.running };
  if (result.kind === 'rolled-back') {
    const { version, reason, base } = result;
    output.warn(say.rolledBackAtStart(printable(version), printable(reason), printable(base ?? say.whatIsThere)));
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
  readonly force: boolean;
  /** The server is asked whatever it said, and waited for longer. */
  readonly isMandatory: boolean;
}

async function checkInTime({ signal }: CommandContext, terminal: Terminal, { force, isMandatory }: Asking): Promise<CheckResult> {
  const waitMs = isMandatory ? terminal.mandatoryWaitMs : terminal.checkWaitMs;
  const timeout = new AbortController();
  const message = `the server did not answer within ${waitMs} ms`;
  const timer = setTimeout(() => timeout.abort(new UpdaterError('DOWNLOAD_FAILED', message)), waitMs);
  try {
    return await terminal.check({ force: force || isMandatory, signal: AbortSignal.any([signal, timeout.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

/** Proves an update that waits for it, also one that was just rolled forward; otherwise only starts. */
async function startApplication(
  { updater, supervised, health }: Terminal,
  start: StartCommand,
  outcome: string,
): Promise<Launched> {
  try {
    const { kind, running } = await updater.start(start, { health });
    return { outcome: kind === 'rolled-back' ? 'rolled_back' : outcome, running };
  } catch (error) {
    if (!hasCode(error, 'TRANSACTION_LOCKED')) throw error;
    return { outcome, running: supervised.starter.start(start) };
  }
}

/** The application's own; a signal that ended it as shells have it. */
const exitCodeAfter = ({ code, signal }: ExitStatus): number =>
  code ?? 128 + (signal === null ? 0 : (constants.signals[signal as NodeJS.Signals] ?? 0));
