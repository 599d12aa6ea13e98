/** `remendo check`: is there something newer, and what would it cost? */
import type { CheckResult } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { askYes } from './ask.js';
import { checkSentence } from './check-sentence.js';
import { runInstall } from './install-command.js';
import { logCheck } from './log-check.js';
import { terminalMessages } from './messages.js';
import { offerLines, summaryOfCheck } from './offer-lines.js';
import { withTerminal } from './open-terminal.js';

export interface CheckOptions {
  readonly flags: SettingSources['flags'];
  /** Install what is found without a question. */
  readonly yes?: boolean;
  readonly retry?: boolean;
  /** Ask the server, whatever it said within the last hour. */
  readonly force?: boolean;
  readonly allowDowngrade?: boolean;
}

export async function runCheck(context: CommandContext, options: CheckOptions): Promise<number> {
  const { output, signal } = context;
  const asking = { retry: options.retry === true, allowDowngrade: options.allowDowngrade === true };
  const open = { command: 'check', flags: options.flags, asksServer: true, changesInstall: false };
  let isWanted = false;
  const code = await withTerminal(context, open, async (terminal) => {
    const { guard, log } = terminal;
    await guard();
    const found = await terminal.check({ force: options.force === true, ...asking, signal });
    logCheck(log, found);
    // What is installed at once tells its own story, in events.
    if (!(output.json && options.yes === true && found.kind === 'available')) reportCheck(output, found);
    if (found.kind === 'available')
      isWanted =
        options.yes === true ||
        (!output.json && (await askYes(context, terminalMessages(context.language).installNow(printable(found.version)))));
    return exitCodes.done;
  });
  if (!isWanted) return code;
  return runInstall(context, null, { flags: options.flags, yes: true, ...asking, command: [], isShown: true });
}

function reportCheck(output: Output, found: CheckResult): void {
  output.document(documentOf(found));
  if (found.kind === 'available') for (const line of offerLines(output, summaryOfCheck(found))) output.line(line);
  else output.line(checkSentence(found, output.language));
}

function documentOf(found: CheckResult): object {
  if (found.kind === 'available') return { outcome: 'available', ...summaryOfCheck(found) };
  const { kind, ...fields } = found;
  return { outcome: kind.replaceAll('-', '_'), ...fields };
}
