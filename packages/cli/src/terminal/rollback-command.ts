/** `remendo rollback`: back to what the last update replaced. */
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { reportFailure } from './command-failure.js';
import { assertInstalled, installedVersion, withTerminal } from './open-terminal.js';

export interface RollbackOptions {
  readonly flags: SettingSources['flags'];
  readonly reason?: string;
}

export async function runRollback(context: CommandContext, { flags, reason = 'asked for' }: RollbackOptions): Promise<number> {
  const { output } = context;
  const open = { command: 'rollback', flags, asksServer: false, changesInstall: false };
  return withTerminal(context, open, async (terminal) => {
    const { updater, log } = terminal;
    try {
      assertInstalled(terminal);
      await terminal.guard();
      const base = await installedVersion(terminal);
      log.write('command_started', { state: 'started', base, reason });
      output.progress.step('Rolling back');
      const { version } = await updater.rollback(reason);
      output.progress.end();
      const installed = version === null ? 'nothing is installed' : `${printable(version)} is installed`;
      const left = base === null ? '' : `, and ${printable(base)} is not tried again by itself`;
      output.line(`Rolled back: ${installed}${left}.`);
      const fields = { outcome: 'rolled_back', base, version, recovery: terminal.events.recovery() };
      log.write('command_ended', fields);
      output.result(fields);
      return exitCodes.done;
    } catch (error) {
      reportFailure(output, terminal, error);
      throw error;
    }
  });
}
