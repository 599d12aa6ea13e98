/** `remendo download [VERSION]`: fetches all that an update needs, and changes nothing: installing takes a few questions then. */
import { type PrepareResult, parseVersion } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { checkSentence } from './check-sentence.js';
import { reportFailure } from './command-failure.js';
import { logCheck } from './log-check.js';
import { type Terminal, withTerminal } from './open-terminal.js';
import { updateMessages } from './update-messages.js';

export interface DownloadOptions {
  readonly flags: SettingSources['flags'];
  readonly retry?: boolean;
  readonly allowDowngrade?: boolean;
}

export async function runDownload(context: CommandContext, wanted: string | null, options: DownloadOptions): Promise<number> {
  const { output, signal } = context;
  const version = wanted === null ? null : parseVersion(wanted).version;
  const open = { command: 'download', flags: options.flags, asksServer: true, changesInstall: true };
  return withTerminal(context, open, async (terminal) => {
    try {
      await terminal.guard();
      terminal.log.write('command_started', { state: 'started', version });
      output.progress.step(updateMessages(output.language).checking);
      const prepared = await terminal.updater.prepare({
        ...(version === null ? {} : { version }),
        retry: options.retry === true,
        allowDowngrade: options.allowDowngrade === true,
        signal,
      });
      return report(context, terminal, prepared);
    } catch (error) {
      reportFailure(output, terminal, error);
      throw error;
    }
  });
}

/** The result as a line and as JSON. @returns the exit code. */
function report({ output }: CommandContext, terminal: Terminal, prepared: PrepareResult): number {
  const { kind, installed } = prepared;
  const fetchedBytes = terminal.fetchedBytes();
  const details = {
    ...(prepared.kind === 'prepared' ? { version: prepared.version, plan: prepared.plan } : { version: installed }),
    ...(prepared.kind === 'not-offered' ? { reason: prepared.reason } : {}),
    ...(prepared.kind === 'blocked' ? { blocked: prepared.version } : {}),
  };
  const fields = { outcome: kind.replaceAll('-', '_'), base: installed, ...details, fetchedBytes };
  if (prepared.kind === 'prepared') terminal.log.write('update_prepared', { version: prepared.version });
  else logCheck(terminal.log, prepared);
  terminal.log.write('command_ended', fields);
  output.progress.end();
  const say = updateMessages(output.language);
  if (prepared.kind === 'prepared') output.line(say.downloaded(printable(prepared.version), fetchedBytes));
  else output.line(checkSentence(prepared, output.language));
  output.result(fields);
  return kind === 'blocked' ? exitCodes.release : exitCodes.done;
}
