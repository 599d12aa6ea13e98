/** The command `page`: its options, help and examples. */
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { optionReader } from '../option-reader.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runPage } from './page-command.js';

const flags = [
  'root',
  'home',
  'config',
  'server',
  'bundle',
  'application',
  'platform',
  'channel',
  'preserve',
  'bandwidthBytesPerSecond',
  'relay',
  'agent',
  'backups',
  'allowInsecure',
  'trustRoot',
  'trustFirstUse',
  'openpgpKeys',
  'language',
] as const satisfies readonly SettingName[];

export function addPageCommand(program: Command, run: Run): void {
  const command = program
    .command('page')
    .summary('the update manager of an install, for programs of this machine')
    .description(
      'Tells programs of this machine what is installed, what is offered, what is being done and what was done, and starts an update when it is asked to, until it is ended. ' +
        'It listens at 127.0.0.1 only, and answers only whoever shows the token in the address that it prints.',
    )
    .option('--port <N>', 'Port to listen at; 0 takes any that is free (default: 0)');
  addSettings(command, flags).action((options: Readonly<Record<string, unknown>>) =>
    run(command, (context) => {
      const reader = optionReader();
      const port = reader.read('--port', options.port as string | undefined, parsePort) ?? 0;
      reader.finish();
      return runPage(context, { flags: flagsOf(options, flags), port });
    }),
  );
  addExamples(
    command,
    'remendo page --root /opt/erp --server https://updates.example.com',
    'remendo page --root C:\\sistema\\bin --port 8477 --json',
  );
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Error('must be a whole number from 0 to 65535');
}
