/** `remendo repair`: puts the installed release in order and fetches what differs alone. */
import type { RepairPlan, RepairReport } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitClassOf, exitCodes } from '../exit-codes.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { askYes } from './ask.js';
import { assertInstalled, type Terminal, withTerminal } from './open-terminal.js';
import { damageTexts, showDamaged } from './show-damage.js';

export interface RepairCommandOptions {
  readonly flags: SettingSources['flags'];
  /** Ask nothing. */
  readonly yes: boolean;
  /** Show what is damaged and what it costs, and leave it so. */
  readonly dryRun: boolean;
}

export async function runRepair(context: CommandContext, options: RepairCommandOptions): Promise<number> {
  const open = { command: 'repair', flags: options.flags, asksServer: true, changesInstall: false };
  return withTerminal(context, open, async (terminal) => {
    assertInstalled(terminal);
    await terminal.guard();
    terminal.log.write('command_started', { state: 'started', version: null });
    const report = await terminal.updater.repair({ ...approval(context, options), ...progress(context), signal: context.signal });
    return tell(context, terminal, report, options);
  });
}

/** Without a question nobody is asked what it costs either. */
function approval(context: CommandContext, { yes, dryRun }: RepairCommandOptions) {
  const isAsked = context.isInteractive && !yes && !context.output.json;
  if (!dryRun && !isAsked) return {};
  return {
    approve: async (plan: RepairPlan): Promise<boolean> => {
      context.output.progress.end();
      context.output.event('repair_planned', plan);
      showPlan(context, plan);
      return !dryRun && (await askYes(context, damageTexts(context).say.repairNow));
    },
  };
}

function progress({ output, language }: CommandContext) {
  const { say } = damageTexts({ language });
  return {
    onProgress: (what: 'reading' | 'comparing', done: number, total: number): void => {
      output.progress.step(what === 'reading' ? say.verifying : say.comparing);
      output.progress.at(done, total, 'bytes');
    },
  };
}

function showPlan(context: CommandContext, { version, identified, damaged, own, fetchBytes }: RepairPlan): void {
  const { colors, line } = context.output;
  const { say, number, bytes, files } = damageTexts(context);
  if (identified !== null) line(say.recognised(printable(version), number(identified.matched), number(identified.asked)));
  line(`${printable(version)}: ${damaged.length === 0 ? say.intact : colors.red(say.damaged(files(damaged.length)))}`);
  showDamaged(context, damaged);
  if (own.length > 0) line(say.ownFiles(own.join(', ')));
  if (fetchBytes === null) line(say.toFetchUnknown);
  else line(fetchBytes === 0 ? say.toFetchNothing : say.toFetch(bytes(fetchBytes)));
}

/** The result as lines and as JSON. @returns the exit code. */
function tell(context: CommandContext, terminal: Terminal, report: RepairReport, options: RepairCommandOptions): number {
  const { output } = context;
  output.progress.end();
  const { kind, damaged, left, ...rest } = report;
  const fields = { outcome: options.dryRun && kind === 'declined' ? 'damaged' : kind.replaceAll('-', '_'), damaged, left, ...rest };
  terminal.log.write('command_ended', {
    outcome: fields.outcome,
    version: report.version,
    damaged: damaged.length,
    left: left.length,
    fetchedBytes: report.fetchedBytes,
  });
  showResult(context, report, options);
  output.result(fields);
  if (kind === 'intact' || kind === 'repaired') return exitCodes.done;
  const [first] = left;
  return first === undefined || first.code === null ? exitCodes.install : exitCodes[exitClassOf[first.code]];
}

function showResult(context: CommandContext, report: RepairReport, { dryRun }: RepairCommandOptions): void {
  const { line } = context.output;
  const { say } = damageTexts(context);
  for (const { path, asidePath } of report.movedAside) line(say.movedAside(printable(path), printable(asidePath)));
  const result = resultLine(report, dryRun, damageTexts(context));
  if (result !== null) line(result);
  for (const { path, reason, code } of report.left)
    line(`  ${printable(path)}: ${printable(told(reason, context.language, code))}`);
}

function resultLine(
  { kind, damaged, left, fetchedBytes, ...report }: RepairReport,
  dryRun: boolean,
  { say, bytes, files }: ReturnType<typeof damageTexts>,
): string | null {
  const version = printable(report.version);
  switch (kind) {
    case 'intact':
      return say.nothingDamaged(version);
    case 'declined':
      return dryRun ? null : say.declined;
    case 'repaired':
      return say.repaired(version, files(damaged.length), bytes(fetchedBytes));
    case 'partly-repaired':
      return say.partlyRepaired(version, files(damaged.length - left.length), files(left.length));
  }
}
