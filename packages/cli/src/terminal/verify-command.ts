/** `remendo verify`: every installed file against its manifest, by SHA-256. */
import type { VerifyReport } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { assertInstalled, withTerminal } from './open-terminal.js';
import { damageTexts, showDamaged, showPaths } from './show-damage.js';

export async function runVerify(context: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const { output, signal } = context;
  const open = { command: 'verify', flags, asksServer: false, changesInstall: false };
  return withTerminal(context, open, async (terminal) => {
    assertInstalled(terminal);
    output.progress.step(damageTexts(context).say.verifying);
    const onProgress = (done: number, total: number): void => output.progress.at(done, total, 'bytes');
    const report = await terminal.updater.verify({ signal, onProgress });
    output.progress.end();
    const { version, intact, damaged } = report;
    terminal.log.write('verified', { version, intact, damaged: damaged.length });
    output.document(report);
    showReport(context, report);
    return intact ? exitCodes.done : exitCodes.install;
  });
}

function showReport(context: CommandContext, report: VerifyReport): void {
  const { colors, line } = context.output;
  const { say, bytes, files } = damageTexts(context);
  const { damaged, preserved, foreign, intact } = report;
  const verdict = intact ? colors.green(say.intact) : colors.red(say.damaged(files(damaged.length)));
  line(`${printable(report.version)}, ${files(report.files)}, ${bytes(report.bytes)}: ${verdict}`);
  showDamaged(context, damaged);
  if (!intact) line(say.orRepair);
  if (preserved.length > 0) line(say.preserved(files(preserved.length)));
  showPaths(context, preserved);
  if (foreign.length > 0) line(say.foreign(files(foreign.length)));
  showPaths(context, foreign);
}
