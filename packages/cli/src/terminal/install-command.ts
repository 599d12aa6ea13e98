/** `remendo install [VERSION] [-- COMMAND ARGS…]`: shows what an update means, asks, and does it, all or nothing. */
import { type CheckResult, nodeFileSystem, parseVersion, peekInstall, type UpdateResult } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import type { Language } from '../language.js';
import type { Output } from '../output/output.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { askYes } from './ask.js';
import { checkSentence } from './check-sentence.js';
import { interruptedBy, reportFailure } from './command-failure.js';
import { logCheck } from './log-check.js';
import { terminalMessages } from './messages.js';
import { offerLines, summaryOfCheck, summaryOfPlan } from './offer-lines.js';
import { installedVersion, type Terminal, withTerminal } from './open-terminal.js';
import { planLines } from './show-events.js';
import { updateMessages } from './update-messages.js';

export interface InstallOptions {
  readonly flags: SettingSources['flags'];
  readonly yes?: boolean;
  readonly retry?: boolean;
  readonly allowDowngrade?: boolean;
  readonly skipBackup?: boolean;
  /** What to start after the swap; empty: nothing. */
  readonly command: readonly string[];
  /** The table has been shown, by `check`. */
  readonly isShown?: boolean;
}

type UpToDate = Extract<CheckResult, { kind: 'up-to-date' }>;

type Outcome =
  | UpdateResult
  | { readonly kind: 'declined'; readonly installed: string | null }
  | { readonly kind: 'recovered'; readonly installed: string | null };

export async function runInstall(context: CommandContext, wanted: string | null, options: InstallOptions): Promise<number> {
  const { output } = context;
  const version = wanted === null ? null : parseVersion(wanted).version;
  let isPlanShown = false;
  const onPlanShown = (): void => {
    isPlanShown = true;
  };
  const open = { command: 'install', flags: options.flags, asksServer: true, changesInstall: true, showPlan: () => !isPlanShown };
  return withTerminal(context, open, async (terminal) => {
    try {
      await terminal.guard();
      terminal.log.write('command_started', { state: 'started', version });
      const outcome = await installAll(context, terminal, { version, options, onPlanShown });
      return report(output, terminal, outcome);
    } catch (error) {
      reportFailure(output, terminal, error);
      throw error;
    }
  });
}

interface Installing {
  readonly version: string | null;
  readonly options: InstallOptions;
  readonly onPlanShown: () => void;
}

/**
 * Steps on the way are updates of their own, each whole before the next begins. An application that runs now is left
 * running: the next step comes with the next install.
 */
async function installAll(context: CommandContext, terminal: Terminal, installing: Installing): Promise<Outcome> {
  for (let options = installing.options; ; options = { ...options, yes: true, isShown: true }) {
    const outcome = await install(context, terminal, { ...installing, options });
    if (outcome.kind !== 'updated' || outcome.finalVersion === null || outcome.running !== null) return outcome;
    const say = updateMessages(context.language);
    context.output.note(say.stepOnTheWay(printable(outcome.version), printable(outcome.finalVersion)));
  }
}

async function install(
  context: CommandContext,
  terminal: Terminal,
  { version, options, onPlanShown }: Installing,
): Promise<Outcome> {
  const { signal } = context;
  const { updater, supervised, health } = terminal;
  if (terminal.isInstalled()) await updater.recover();
  // What is held is decided here, whatever the server has: its files are in place, so nothing would be newer.
  const isHeld = ((await peekInstall(nodeFileSystem(), terminal.layout))?.heldBecause ?? null) !== null;
  const ending = isHeld ? null : await showOffer(context, terminal, { version, options, onPlanShown });
  if (ending !== null) return ending.kind === 'up-to-date' ? settleRecovered(terminal, ending, options) : ending;
  const start = terminal.startCommand(options.command);
  const updating = updater.update({
    ...(version === null ? {} : { version }),
    ...(start === null ? {} : { start, health }),
    retry: options.retry === true,
    allowDowngrade: options.allowDowngrade === true,
    skipBackup: options.skipBackup === true,
    signal,
  });
  const result = await Promise.race([updating, supervised.interrupted.then(interruptedBy)]);
  supervised.proved();
  supervised.letGo();
  return result.kind === 'up-to-date' ? settleRecovered(terminal, result, options) : result;
}

/** Shows what the update means and asks. @returns how the command ends here, or null to go on. */
async function showOffer(context: CommandContext, terminal: Terminal, installing: Installing): Promise<Outcome | null> {
  const { output, signal } = context;
  const { version, options } = installing;
  output.progress.step(updateMessages(output.language).checking);
  const found =
    version === null
      ? await terminal.updater.check({ retry: options.retry === true, allowDowngrade: options.allowDowngrade === true, signal })
      : null;
  if (found !== null) logCheck(terminal.log, found);
  if (found !== null && found.kind !== 'available') return found;
  if (version !== null && (await terminal.updater.status()).version?.version === version) return null;
  if (context.isInteractive && options.yes !== true && !output.json) return askAbout(context, terminal, { ...installing, found });
  if (found === null || options.isShown === true) return null;
  for (const line of [...offerLines(output, summaryOfCheck(found)), '']) output.line(line);
  return null;
}

interface Asking extends Installing {
  /** Null for a version that was named. */
  readonly found: Extract<CheckResult, { kind: 'available' }> | null;
}

async function askAbout(
  context: CommandContext,
  terminal: Terminal,
  { version, found, onPlanShown }: Asking,
): Promise<Outcome | null> {
  const { output, signal } = context;
  const plan = await terminal.updater.plan(version ?? found?.version ?? '', { signal });
  const installed = await installedVersion(terminal);
  output.progress.end();
  const summary = found === null ? summaryOfPlan(installed, plan) : summaryOfCheck(found);
  const offers = plan.offers.map(({ label, cost }) => ({ label, ...cost }));
  for (const line of [...offerLines(output, summary), '', ...planLines(offers, plan.losers, output.language)]) output.line(line);
  onPlanShown();
  return (await askYes(context, terminalMessages(context.language).installNow(printable(plan.displayVersion))))
    ? null
    : { kind: 'declined', installed };
}

/** Nothing newer; but an update that a crash cut short may just have been finished, and then wants its proof. */
async function settleRecovered(terminal: Terminal, found: UpToDate, options: InstallOptions): Promise<Outcome> {
  const { events, updater, supervised, health } = terminal;
  const recovery = events.recovery();
  const start = terminal.startCommand(options.command);
  if (start === null) {
    if (recovery !== 'rolled-forward') return found;
    // It had been asked for without a proof, as this is.
    await updater.confirm();
    return { kind: 'recovered', installed: found.installed };
  }
  if (recovery !== 'rolled-forward' && recovery !== 'committed') return found;
  const started = await Promise.race([updater.start(start, { health }), supervised.interrupted.then(interruptedBy)]);
  supervised.proved();
  supervised.letGo();
  if (started.kind !== 'rolled-back') return { kind: 'recovered', installed: found.installed };
  return { kind: 'rolled-back', base: await installedVersion(terminal), version: started.version, reason: started.reason };
}

/** The result as a line and as JSON. @returns the exit code. */
function report(output: Output, terminal: Terminal, outcome: Outcome): number {
  output.progress.end();
  const fetchedBytes = terminal.fetchedBytes();
  const recovery = terminal.events.recovery();
  const versions =
    'base' in outcome ? { base: outcome.base, version: outcome.version } : { base: outcome.installed, version: outcome.installed };
  const details = {
    ...versions,
    ...(outcome.kind === 'updated'
      ? { plan: outcome.plan, changedFiles: outcome.changedFiles, finalVersion: outcome.finalVersion ?? outcome.version }
      : {}),
    ...(outcome.kind === 'rolled-back' ? { installed: outcome.base, reason: outcome.reason } : {}),
    ...(outcome.kind === 'not-offered' ? { reason: outcome.reason } : {}),
    ...(outcome.kind === 'blocked' ? { blocked: outcome.version } : {}),
    fetchedBytes,
    recovery,
  };
  const fields = { outcome: outcome.kind.replaceAll('-', '_'), ...details };
  terminal.log.write('command_ended', fields);
  output.line(sentence(outcome, fetchedBytes, output.language));
  output.result(fields);
  if (outcome.kind === 'rolled-back') return exitCodes.start;
  return outcome.kind === 'blocked' ? exitCodes.release : exitCodes.done;
}

function sentence(outcome: Outcome, fetchedBytes: number, language: Language): string {
  const say = updateMessages(language);
  switch (outcome.kind) {
    case 'updated': {
      const base = outcome.base === null ? say.newInstall : printable(outcome.base);
      return say.updated(base, printable(outcome.version), outcome.changedFiles, fetchedBytes);
    }
    case 'rolled-back': {
      const version = printable(outcome.version);
      const failure = say.notHealthy(version, printable(told(outcome.reason, language)));
      return outcome.base === null ? say.nothingLeft(failure) : say.baseLeft(failure, printable(outcome.base), version);
    }
    case 'declined':
      return say.declined;
    case 'recovered':
      return say.finished(printable(outcome.installed ?? ''));
    default:
      return checkSentence(outcome, language);
  }
}
