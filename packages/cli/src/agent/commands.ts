/** The agent's commands: their arguments, options, help and examples. */
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { optionReader } from '../option-reader.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runAgent } from './agent-command.js';
import { runCleanup } from './cleanup-command.js';
import { runWhy } from './why-command.js';

const folderFlags = ['root', 'home', 'config', 'language'] as const satisfies readonly SettingName[];
const agentFlags = [
  ...folderFlags,
  'server',
  'application',
  'platform',
  'channel',
  'preserve',
  'bandwidthBytesPerSecond',
  'agent',
  'selfUpdate',
  'backups',
  'allowInsecure',
  'trustRoot',
  'trustFirstUse',
  'openpgpKeys',
] as const satisfies readonly SettingName[];
const cleanupFlags = [...folderFlags, 'agent'] as const satisfies readonly SettingName[];

type Options = Readonly<Record<string, unknown>>;

export function addAgentCommands(program: Command, run: Run): void {
  addAgent(program, run);
  addCleanup(program, run);
  addWhy(program, run);
}

function addAgent(program: Command, run: Run): void {
  const command = program
    .command('agent')
    .summary('look after an install: check, download, install, licence, clean-up, backups')
    .description(
      'Runs until it is ended: checks for updates every six hours, downloads and installs in their maintenance windows, asks for the licence daily, cleans up weekly, ' +
        'looks at backups, and tells the server what happened. It never starts the application: an update that it put in place is proved by the next launch.',
    )
    .option('--once', 'One round, and what else is due; for schedules of the system')
    .option('--qualify', 'Read configuration and install, change nothing: does this program run here?')
    .option(
      '--guard',
      "Look only after the agent's own program: finish or undo an update of it that was cut short, go back from one that ends at every start",
    );
  addSettings(command, agentFlags).action((options: Options) => {
    const { once = false, qualify = false, guard = false } = options as Readonly<Record<string, boolean | undefined>>;
    return run(command, (context) => runAgent(context, { flags: flagsOf(options, agentFlags), once, qualify, guard }));
  });
  addExamples(
    command,
    'remendo agent --root /opt/erp --server https://updates.example.com',
    'remendo agent --root /opt/erp --once',
  );
}

function addCleanup(program: Command, run: Run): void {
  const command = program
    .command('cleanup')
    .summary('remove what is not needed any more')
    .description(
      'Removes old downloads, what interrupted updates left, and logs beyond their number. Never the way back to the version before, nor anything of an update that is under way.',
    )
    .option('--dry-run', 'Show what would be removed, and remove nothing')
    .option('--older-than <DAYS>', "Downloads that nothing asked for so long (default: the agent's downloadDaysMax, 14)");
  addSettings(command, cleanupFlags).action((options: Options) =>
    run(command, (context) => {
      const reader = optionReader();
      const olderThanDays = reader.read('--older-than', options.olderThan as string | undefined, parseDays);
      reader.finish();
      return runCleanup(context, { flags: flagsOf(options, cleanupFlags), isDryRun: options.dryRun === true, olderThanDays });
    }),
  );
  addExamples(command, 'remendo cleanup --root /opt/erp --dry-run');
}

function parseDays(text: string): number {
  const days = Number(text);
  if (/^\d{1,4}$/.test(text)) return days;
  throw new Error('must be a whole number of days');
}

function addWhy(program: Command, run: Run): void {
  const command = program
    .command('why')
    .summary('what happened last, and why nothing was installed')
    .description(
      'Tells from the log and the state of this install: what the last check said, which plan was chosen and why others lost, what was fetched, what failed, what an update waits for. ' +
        'Changes nothing and asks nobody.',
    );
  addSettings(command, folderFlags).action((options: Options) =>
    run(command, (context) => runWhy(context, flagsOf(options, folderFlags))),
  );
  addExamples(command, 'remendo why --root /opt/erp', 'remendo why --root /opt/erp --json');
}
