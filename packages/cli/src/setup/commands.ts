/** The command `setup`: its options, help and examples. */
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import type { Run } from '../run.js';
import { setupNames } from './read-answers.js';
import { runSetup } from './setup-command.js';

interface SetupFlags extends Readonly<Record<string, unknown>> {
  readonly answers?: string;
  readonly dryRun?: boolean;
}

export function addSetup(program: Command, run: Run): void {
  const command = program
    .command('setup')
    .summary('prepare a terminal: folders, permissions, root of trust, configuration')
    .description(
      "Makes the install root and the updater's folder, takes from others the right to write to them, puts the root of trust in its " +
        'place and writes the configuration. Asks nothing; what it changes of permissions is shown first. May be run again at any time.',
    )
    .option('--answers <FILE>', 'Settings as JSON, as in the configuration file; a flag or a variable goes before them')
    .option('--dry-run', 'Show what would be done, and do nothing');
  addSettings(command, setupNames).action((options: SetupFlags) =>
    run(command, (context) =>
      runSetup(context, {
        flags: flagsOf(options, setupNames),
        answers: options.answers ?? null,
        isDry: options.dryRun === true,
      }),
    ),
  );
  addExamples(
    command,
    'remendo setup --root /opt/erp --server https://updates.example.com --application erp --trust-root root.json',
    'remendo setup --root C:\\sistema\\bin --answers answers.json --dry-run',
  );
}
