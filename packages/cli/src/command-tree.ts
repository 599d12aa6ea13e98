/** All commands of `remendo`. What each one does is in its own file; here is how they are found. */
import { Command } from 'commander';
import { addInspectCommand } from './inspect/commands.js';
import { addKeysCommand } from './keys/commands.js';
import { addReleasesCommand } from './operator/commands.js';
import { addPublisherCommands } from './publisher/commands.js';
import type { Run } from './run.js';
import { addSetup } from './setup/commands.js';
import { addSimulateCommand } from './simulate/commands.js';
import { addTerminalCommands } from './terminal/commands.js';
import { programVersion } from './version.js';

const epilogue = `
Exit codes: 0 done or already up to date, 2 wrong usage or configuration, others by class of failure (docs/cli.md).
Every command takes --json: its result, or its events one a line, as JSON on the standard output.

Example:
  $ remendo check --root /opt/erp --server https://updates.example.com`;

/**
 * The tree, ready to parse. Nothing in it ends the process: commander throws `CommanderError`s.
 * @param startCommand what followed `--`, for the commands that start something.
 */
export function createCommandTree(run: Run, startCommand: readonly string[]): Command {
  const program = new Command('remendo')
    .description('Publishes releases as deltas and keeps terminals up to date with the fewest bytes, all or nothing.')
    .version(programVersion, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .addHelpText('after', epilogue)
    .showHelpAfterError('(--help shows how it is used)')
    .exitOverride();
  program.commandsGroup('Publisher:');
  addPublisherCommands(program, run);
  addReleasesCommand(program, run);
  addKeysCommand(program, run);
  addInspectCommand(program, run);
  program.commandsGroup('Terminal:');
  addSetup(program, run);
  addTerminalCommands(program, run, startCommand);
  program.commandsGroup('Server:');
  addSimulateCommand(program, run);
  program.commands.forEach(finishCommand);
  return program;
}

/** What every command has; one with commands of its own does nothing itself, and prints no result. */
function finishCommand(command: Command): void {
  command.helpOption('-h, --help', 'print help').exitOverride();
  if (command.commands.length === 0) command.option('--json', 'JSON on the standard output, everything else on the error output');
  command.commands.forEach(finishCommand);
}

/** Commands whose arguments end at `--`: what follows is a program to start. */
const startingCommands = ['install', 'launch'];

/** Splits what follows the first `--` off the arguments of commands that start something. */
export function splitStartCommand(args: readonly string[]): {
  readonly args: readonly string[];
  readonly startCommand: readonly string[];
} {
  const at = args.indexOf('--');
  if (at < 0 || !startingCommands.includes(args[0] ?? '')) return { args, startCommand: [] };
  return { args: args.slice(0, at), startCommand: args.slice(at + 1) };
}
