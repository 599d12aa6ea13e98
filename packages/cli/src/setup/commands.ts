/** The command `setup`: its options, help and examples. */
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import type { Run } from '../run.js';
import type { ServiceSettings } from '../service/service-settings.js';
import { setupNames } from './read-answers.js';
import type { OnlySetup } from './setup-answers.js';
import { runSetup } from './setup-command.js';

interface SetupFlags extends Readonly<Record<string, unknown>> {
  readonly answers?: string;
  readonly name?: string;
  readonly branch?: string;
  readonly group?: string;
  readonly install?: boolean;
  readonly enrol?: boolean;
  readonly withoutAgent?: boolean;
  readonly user?: boolean;
  readonly remove?: boolean;
  readonly dryRun?: boolean;
}

export function addSetup(program: Command, run: Run): void {
  const command = program
    .command('setup')
    .summary('set up a terminal: install, enrolment and scheduled agent, without a question')
    .description(
      "Makes the install root and the updater's folder, takes from others the right to write to them, puts the root of trust in its " +
        "place and writes the configuration; enrols the machine with the customer's key; installs the newest release where that is " +
        'asked for; and has the system keep the agent running. Asks nothing, and changes nothing that is right: it may be run again at any time.',
    )
    .option('--answers <FILE>', 'Settings as JSON, as in the configuration file; a flag or a variable goes before them')
    .option('--install', 'Install the newest release (default with --answers)')
    .option('--no-install', 'Leave the application as it is')
    .option('--name <TEXT>', 'Name of the terminal (default: of the machine)')
    .option('--branch <TEXT>', 'Branch that it stands in (default: the same as its name)')
    .option('--group <TEXT>', 'Group of terminals that it belongs to')
    .option('--no-enrol', "Enrol nothing: the terminal asks with the customer's key, or as nobody")
    .option('--without-agent', 'Leave the agent to others')
    .option('--user', "The agent as the person's own service; needs no root, no administrator")
    .option('--remove', 'Take the agent away again; the application stays')
    .option('--dry-run', 'Show what would be done, and do nothing');
  addSettings(command, setupNames).action((options: SetupFlags) =>
    run(command, (context) =>
      runSetup(context, {
        flags: flagsOf(options, setupNames),
        answers: options.answers ?? null,
        own: ownOf(options, (flag) => command.getOptionValueSource(flag) === 'cli'),
        ownService: ownServiceOf(options),
        isRemoving: options.remove === true,
        isDry: options.dryRun === true,
      }),
    ),
  );
  addExamples(
    command,
    'REMENDO_API_KEY=… REMENDO_API_SECRET=… remendo setup --root /opt/erp --server https://updates.example.com --application erp --trust-root root.json --install',
    'remendo setup --root C:\\sistema\\bin --answers answers.json --dry-run',
    'remendo setup --root /opt/erp --remove',
  );
}

/** @param isGiven whether a person gave it: commander has a default for each option that can be negated. */
function ownOf({ name, branch, group, install, enrol }: SetupFlags, isGiven: (flag: string) => boolean): OnlySetup {
  const terminal = {
    ...(name === undefined ? {} : { name }),
    ...(branch === undefined ? {} : { branch }),
    ...(group === undefined ? {} : { group }),
  };
  return {
    terminal,
    ...(install === undefined || !isGiven('install') ? {} : { install }),
    ...(enrol === undefined || !isGiven('enrol') ? {} : { enrol }),
  };
}

const ownServiceOf = ({ withoutAgent, user }: SetupFlags): Partial<ServiceSettings> => ({
  ...(withoutAgent === true ? { mode: 'none' as const } : {}),
  ...(user === true ? { scope: 'user' as const } : {}),
});
