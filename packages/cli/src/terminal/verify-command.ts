/** `remendo verify`: every installed file against its manifest, by SHA-256. */
import type { VerifyReport } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { assertInstalled, withTerminal } from './open-terminal.js';

export async function runVerify(context: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const { output, signal } = context;
  const open = { command: 'verify', flags, asksServer: false, changesInstall: false };
  return withTerminal(context, open, async (terminal) => {
    assertInstalled(terminal);
    output.progress.step('Verifying');
    const report = await terminal.updater.verify({ signal });
    output.progress.end();
    const { version, intact, damaged } = report;
    terminal.log.write('verified', { version, intact, damaged: damaged.length });
    output.document(report);
    showReport(output, report);
    return intact ? exitCodes.done : exitCodes.install;
  });
}

const pathsShownMax = 40;

function showReport(output: Output, { version, files, bytes, intact, damaged, preserved, foreign }: VerifyReport): void {
  const { colors } = output;
  const verdict = intact ? colors.green('intact') : colors.red(`damaged: ${countText(damaged.length, 'file')}`);
  output.line(`${printable(version)}, ${countText(files, 'file')}, ${bytesText(bytes)}: ${verdict}`);
  showPaths(
    output,
    damaged.map(({ path, finding }) => `${finding.padEnd(8)} ${path}`),
  );
  if (!intact) output.line(`remendo install ${printable(version)} puts them in order and fetches those files alone.`);
  if (preserved.length > 0) output.line(`Preserved, and not as in the release: ${countText(preserved.length, 'file')}`);
  showPaths(output, preserved);
  if (foreign.length > 0) output.line(`In the folder, but in no release: ${countText(foreign.length, 'file')}`);
  showPaths(output, foreign);
}

function showPaths(output: Output, paths: readonly string[]): void {
  for (const path of paths.slice(0, pathsShownMax)) output.line(`  ${printable(path)}`);
  if (paths.length > pathsShownMax) output.line(`  … and ${countText(paths.length - pathsShownMax, 'more')}`);
}
