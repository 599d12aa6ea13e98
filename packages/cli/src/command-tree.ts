/**
 * All commands of `remendo`. What each one does is in its own file; here is how they are found. Commands come in parts, and only
 * the part with the command that was asked for is loaded: a terminal starts its application without waiting for the
 * publisher's, the relay's or the mailer's code.
 */
import { Command } from 'commander';
import type { Language } from './language.js';
import { told } from './output/phrases/told.js';
import type { Run } from './run.js';
import { programVersion } from './version.js';

const epilogue = `
Exit codes: 0 done or already up to date, 2 wrong usage or configuration, others by class of failure (docs/cli.md).
Every command takes --json: its result, or its events one a line, as JSON on the standard output.

Example:
  $ remendo check --root /opt/erp --server https://updates.example.com`;

/** Adds its commands. @param startCommand what followed `--`, for the commands that start something. */
type AddCommands = (program: Command, run: Run, startCommand: readonly string[]) => void;

interface Part {
  readonly heading: 'Publisher:' | 'Terminal:' | 'Server:';
  /** Its commands; a name that is missing here costs time only: everything is loaded to look for it. */
  readonly names: readonly string[];
  /** Must be the only import of the part's files. */
  load(): Promise<AddCommands>;
}

/** In the order of the help. */
export const parts: readonly Part[] = [
  {
    heading: 'Publisher:',
    names: ['manifest', 'diff', 'apply', 'bench', 'publish', 'verify-signature'],
    load: async () => (await import('./publisher/commands.js')).addPublisherCommands,
  },
  {
    heading: 'Publisher:',
    names: ['releases'],
    load: async () => (await import('./operator/commands.js')).addReleasesCommand,
  },
  {
    heading: 'Publisher:',
    names: ['keys'],
    load: async () => (await import('./keys/commands.js')).addKeysCommand,
  },
  {
    heading: 'Publisher:',
    names: ['bundle', 'receipts'],
    load: async () => (await import('./bundle/commands.js')).addBundleCommands,
  },
  {
    heading: 'Publisher:',
    names: ['inspect'],
    load: async () => (await import('./inspect/commands.js')).addInspectCommand,
  },
  {
    heading: 'Terminal:',
    names: ['setup'],
    load: async () => (await import('./setup/commands.js')).addSetup,
  },
  {
    heading: 'Terminal:',
    names: ['register', 'license', 'check', 'download', 'install', 'rollback', 'status', 'verify', 'repair', 'launch'],
    load: async () => (await import('./terminal/commands.js')).addTerminalCommands,
  },
  {
    heading: 'Terminal:',
    names: ['agent', 'cleanup', 'why'],
    load: async () => (await import('./agent/commands.js')).addAgentCommands,
  },
  {
    heading: 'Terminal:',
    names: ['page'],
    load: async () => (await import('./page/commands.js')).addPageCommand,
  },
  {
    heading: 'Terminal:',
    names: ['relay'],
    load: async () => (await import('./relay/commands.js')).addRelayCommand,
  },
  {
    heading: 'Terminal:',
    names: ['backups'],
    load: async () => (await import('./backups/commands.js')).addBackupsCommand,
  },
  {
    heading: 'Server:',
    names: ['simulate'],
    load: async () => (await import('./simulate/commands.js')).addSimulateCommand,
  },
];

export interface CommandTreeOptions {
  /** What followed `--`, for the commands that start something. */
  readonly startCommand?: readonly string[];
  /** The first argument: where it is a command, only its part is in the tree (default: all parts). */
  readonly asked?: string | undefined;
  /** Of what is said about a command that was not understood (default: English). */
  readonly language?: Language;
}

/** The tree, ready to parse. Nothing in it ends the process: commander throws `CommanderError`s. */
export async function createCommandTree(run: Run, options: CommandTreeOptions = {}): Promise<Command> {
  const { startCommand = [], asked, language = 'en' } = options;
  const program = new Command('remendo')
    .description('Publishes releases as deltas and keeps terminals up to date with the fewest bytes, all or nothing.')
    .version(programVersion, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .addHelpText('after', epilogue)
    .showHelpAfterError(told('(--help shows how it is used)', language))
    .configureOutput({ outputError: (text, write) => write(`${told(text.trimEnd(), language)}\n`) })
    .exitOverride();
  if (asked === '--version') return program;
  const owner = parts.find(({ names }) => asked !== undefined && names.includes(asked));
  for (const { heading, load } of owner === undefined ? parts : [owner]) {
    const addCommands = await load();
    program.commandsGroup(heading);
    addCommands(program, run, startCommand);
  }
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
