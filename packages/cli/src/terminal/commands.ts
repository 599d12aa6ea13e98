/** The terminal's commands: their arguments, options, help and examples. */
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runCheck } from './check-command.js';
import { addLicense, addRegister } from './customer-commands.js';
import { runDownload } from './download-command.js';
import { runInstall } from './install-command.js';
import { runLaunch } from './launch-command.js';
import { runRepair } from './repair-command.js';
import { runRollback } from './rollback-command.js';
import { runStatus } from './status-command.js';
import { runVerify } from './verify-command.js';

const folderFlags = ['root', 'home', 'config', 'language'] as const satisfies readonly SettingName[];
const serverFlags = [
  ...folderFlags,
  'server',
  'application',
  'platform',
  'channel',
  'allowInsecure',
  'trustRoot',
  'trustFirstUse',
] as const satisfies readonly SettingName[];
const installFlags = [
  ...serverFlags,
  'bundle',
  'preserve',
  'bandwidthBytesPerSecond',
  'relay',
  'healthyAfterMs',
  'health',
  'steps',
  'components',
  'openpgpKeys',
] as const satisfies readonly SettingName[];
const launchFlags = [...installFlags, 'checkWaitMs', 'mandatoryWaitMs', 'downloadWaitMs'] as const satisfies readonly SettingName[];
const downloadFlags = [
  ...serverFlags,
  'bundle',
  'preserve',
  'bandwidthBytesPerSecond',
  'relay',
  'components',
  'openpgpKeys',
] as const satisfies readonly SettingName[];
const repairFlags = [
  ...serverFlags,
  'bundle',
  'preserve',
  'bandwidthBytesPerSecond',
  'relay',
  'openpgpKeys',
] as const satisfies readonly SettingName[];
const verifyFlags = [...folderFlags, 'preserve'] as const satisfies readonly SettingName[];

type Options = Readonly<Record<string, unknown>>;

/** @param startCommand what followed `--`. */
export function addTerminalCommands(program: Command, run: Run, startCommand: readonly string[]): void {
  addRegister(program, run);
  addLicense(program, run);
  addCheck(program, run);
  addDownload(program, run);
  addInstall(program, run, startCommand);
  addRollback(program, run);
  addStatus(program, run);
  addVerify(program, run);
  addRepair(program, run);
  addLaunch(program, run, startCommand);
}

function addCheck(program: Command, run: Run): void {
  const command = program
    .command('check')
    .summary('is there something newer?')
    .description('Asks the server for something newer and shows what it would mean. On a terminal it offers to install it.')
    .option('--yes', 'Install what is found without a question')
    .option('--retry', 'Offer a version again that was rolled back here')
    .option('--force', 'The same, and ask the server whatever it said within the last hour')
    .option('--allow-downgrade', 'Offer an older version when the server says that policy wants it');
  addSettings(command, installFlags).action((options: Options) =>
    run(command, (context) =>
      runCheck(context, {
        flags: flagsOf(options, installFlags),
        yes: options.yes === true,
        retry: wantsRetry(options),
        force: options.force === true,
        allowDowngrade: options.allowDowngrade === true,
      }),
    ),
  );
  addExamples(
    command,
    'remendo check --root /opt/erp --server https://updates.example.com',
    'remendo check --root /opt/erp --json',
  );
}

const wantsRetry = (options: Options): boolean => options.retry === true || options.force === true;

function addDownload(program: Command, run: Run): void {
  const command = program
    .command('download')
    .argument('[version]', 'release to download (default: the newest that is offered)')
    .summary('fetch what an update needs, and change nothing')
    .description(
      'Downloads all that an update needs, while the application runs; goes on where an earlier download stopped. ' +
        'A later install asks a few questions only. Nothing of the install is changed.',
    )
    .option('--retry', 'Download a version again that was rolled back here')
    .option('--force', 'The same')
    .option('--allow-downgrade', 'Download an older version when the server says that policy wants it');
  addSettings(command, downloadFlags).action((version: string | undefined, options: Options) =>
    run(command, (context) =>
      runDownload(context, version ?? null, {
        flags: flagsOf(options, downloadFlags),
        retry: wantsRetry(options),
        allowDowngrade: options.allowDowngrade === true,
      }),
    ),
  );
  addExamples(
    command,
    'remendo download --root /opt/erp --server https://updates.example.com',
    'remendo download 1.0.1 --root /opt/erp --json',
  );
}

function addInstall(program: Command, run: Run, startCommand: readonly string[]): void {
  const command = program
    .command('install')
    .argument('[version]', 'release to install (default: the newest that is offered)')
    .usage('[options] [version] [-- COMMAND ARGS…]')
    .summary('install or update, all or nothing')
    .description(
      'Installs the newest release, or the one named, by the fewest bytes. What follows -- is started afterwards and has to prove healthy; ' +
        'else the update is rolled back by itself. The application keeps running when this command ends.',
    )
    .option('--yes', 'Ask nothing')
    .option('--retry', 'Try a version again that was rolled back here')
    .option('--force', 'The same')
    .option('--allow-downgrade', 'Go to an older version when the server says that policy wants it')
    .option('--skip-backup', 'Skip the configured backup; the way back is kept all the same')
    .option('--rollback-on-error', 'Always so: a half-installed result can not be asked for');
  addSettings(command, installFlags).action((version: string | undefined, options: Options) =>
    run(command, (context) =>
      runInstall(context, version ?? null, {
        flags: flagsOf(options, installFlags),
        yes: options.yes === true,
        retry: wantsRetry(options),
        allowDowngrade: options.allowDowngrade === true,
        skipBackup: options.skipBackup === true,
        command: startCommand,
      }),
    ),
  );
  addExamples(
    command,
    'remendo install --root /opt/erp --server https://updates.example.com --yes',
    'remendo install --root C:\\sistema\\bin --from E:\\ --yes',
    'remendo install 1.0.1 --root /opt/erp -- ./erp --self-test',
  );
}

function addRollback(program: Command, run: Run): void {
  const command = program
    .command('rollback')
    .summary('go back to the version before')
    .description('Goes back to what the last update replaced. That version is not installed again by itself. Needs no server.')
    .option('--reason <TEXT>', 'Why, for the log', 'asked for');
  addSettings(command, folderFlags).action((options: Options) =>
    run(command, (context) => runRollback(context, { flags: flagsOf(options, folderFlags), reason: String(options.reason) })),
  );
  addExamples(command, 'remendo rollback --root /opt/erp --reason "invoices print twice"');
}

function addStatus(program: Command, run: Run): void {
  const command = program
    .command('status')
    .summary('what is installed?')
    .description('Shows what is installed and how the last update ended. Changes nothing and asks nobody.');
  addSettings(command, folderFlags).action((options: Options) =>
    run(command, (context) => runStatus(context, flagsOf(options, folderFlags))),
  );
  addExamples(command, 'remendo status --root /opt/erp');
}

function addVerify(program: Command, run: Run): void {
  const command = program
    .command('verify')
    .summary('hold every installed file against its manifest')
    .description(
      'Reads every installed file and holds it against the manifest by SHA-256. Ends with exit code 24 when files are damaged. Needs no server.',
    );
  addSettings(command, verifyFlags).action((options: Options) =>
    run(command, (context) => runVerify(context, flagsOf(options, verifyFlags))),
  );
  addExamples(command, 'remendo verify --root /opt/erp --json');
}

function addRepair(program: Command, run: Run): void {
  const command = program
    .command('repair')
    .summary('put the installed release in order')
    .description(
      'Holds every installed file against the release and fetches what is damaged alone: the parts of a file that differ, or the file. ' +
        'An install that has lost what it knew about itself is recognised by its files. Nothing else is touched.',
    )
    .option('--yes', 'Ask nothing')
    .option('--dry-run', 'Show what is damaged and what it would cost, and leave it so; ends with 24 when something is');
  addSettings(command, repairFlags).action((options: Options) =>
    run(command, (context) =>
      runRepair(context, { flags: flagsOf(options, repairFlags), yes: options.yes === true, dryRun: options.dryRun === true }),
    ),
  );
  addExamples(
    command,
    'remendo repair --root /opt/erp --server https://updates.example.com',
    'remendo repair --root /opt/erp --dry-run --json',
  );
}

function addLaunch(program: Command, run: Run, startCommand: readonly string[]): void {
  const command = program
    .command('launch')
    .usage('[options] -- COMMAND ARGS…')
    .summary('update when due, then start the application and stay its parent')
    .description(
      'Recovers, updates when there is something newer, starts the application and stays its parent: its exit code and signals are passed on. ' +
        'A failing update never keeps the application from starting. A new version that does not prove healthy is rolled back, and the one before is started.',
    );
  command.option('--force', 'Ask the server, whatever it said within the last hour');
  addSettings(command, launchFlags).action((options: Options) =>
    run(command, (context) =>
      runLaunch(context, { flags: flagsOf(options, launchFlags), force: options.force === true, command: startCommand }),
    ),
  );
  addExamples(command, 'remendo launch --root C:\\sistema\\bin --server https://updates.example.com -- Vnd.exe /caixa:3');
}
