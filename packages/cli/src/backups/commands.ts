/** The command `backups`: its commands, options, help and examples. */
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runBackupsAccept } from './accept-command.js';
import { runBackupsCheck } from './check-command.js';
import { runBackupsList } from './list-command.js';

const flags = [
  'root',
  'home',
  'config',
  'server',
  'allowInsecure',
  'language',
  'backups',
] as const satisfies readonly SettingName[];

type Options = Readonly<Record<string, unknown>>;

export function addBackupsCommand(program: Command, run: Run): void {
  const command = program
    .command('backups')
    .summary('watch the backups of this terminal')
    .description('Watches the backups that the setting backups names: are they there, young, whole, large and many enough?');
  addCheck(command, run);
  addList(command, run);
  addAccept(command, run);
  addExamples(command, 'remendo backups check --root /opt/erp');
}

function addCheck(backups: Command, run: Run): void {
  const command = backups
    .command('check')
    .argument('[job]', 'the one to look at (default: all)')
    .summary('look at the backups now')
    .description(
      'Looks at the backups now, as the agent does when their time has come, and tells whoever is to be told of a change. ' +
        'Files that were proved are not read again for some days, unless with --full. Ends with exit code 33 when one fails.',
    )
    .option('--full', 'Read every file again that is to be proved');
  addSettings(command, flags).action((job: string | undefined, options: Options) =>
    run(command, (context) =>
      runBackupsCheck(context, { flags: flagsOf(options, flags), job: job ?? null, isFull: options.full === true }),
    ),
  );
  addExamples(command, 'remendo backups check --root /opt/erp', 'remendo backups check database --root /opt/erp --full --json');
}

function addList(backups: Command, run: Run): void {
  const command = backups
    .command('list')
    .summary('how were the backups at the last look?')
    .description(
      'Shows how each backup was when it was looked at last, and what could not be told to somebody yet. Looks at nothing anew.',
    );
  addSettings(command, flags).action((options: Options) =>
    run(command, (context) => runBackupsList(context, flagsOf(options, flags))),
  );
  addExamples(command, 'remendo backups list --root /opt/erp');
}

function addAccept(backups: Command, run: Run): void {
  const command = backups
    .command('accept')
    .argument('<job>', 'the one that is smaller for a good reason')
    .summary('take the present size of a backup as the usual one')
    .description(
      'For a backup that is much smaller than before for a good reason: looks at it, and when nothing else is wrong with it takes ' +
        'its size as what is usual from now on. Ends with exit code 33 when something else is wrong.',
    );
  addSettings(command, flags).action((job: string, options: Options) =>
    run(command, (context) => runBackupsAccept(context, { flags: flagsOf(options, flags), job })),
  );
  addExamples(command, 'remendo backups accept database --root /opt/erp');
}
