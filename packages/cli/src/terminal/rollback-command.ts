/** `remendo rollback`: back to what the last update replaced. */
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { reportFailure } from './command-failure.js';
import { terminalMessages } from './messages.js';
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
      const say = terminalMessages(context.language);
      output.progress.step(say.rollingBack);
      const { version } = await updater.rollback(reason);
      output.progress.end();
      const installed = version === null ? say.nothingInstalled : say.isInstalled(printable(version));
      // What a repair had put in order is of the same version.
      const isOther = base !== null && base !== version;
      output.line(isOther ? say.rolledBackFrom(installed, printable(base)) : say.rolledBack(installed));
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
