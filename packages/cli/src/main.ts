#!/usr/bin/env node
/** The process around the commands: arguments, streams, signals, exit code. */
import { CommanderError } from 'commander';
import { lookArgument } from './backups/look-argument.js';
import type { CommandContext } from './command-context.js';
import { createCommandTree, splitStartCommand } from './command-tree.js';
import { configuredLanguage } from './config-files.js';
import { exitCodeOf, exitCodes, Interrupted } from './exit-codes.js';
import { type Language, languageOf } from './language.js';
import { createOutput } from './output/output.js';
import { printError } from './output/print-error.js';
import type { Run } from './run.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Turns signals into an aborted `AbortSignal`, unless an application has taken them over. The second one ends at once. */
function watchSignals(): Pick<CommandContext, 'signal' | 'takeSignals'> {
  const abort = new AbortController();
  let taker: ((signal: NodeJS.Signals) => void) | null = null;
  for (const name of signals) {
    process.on(name, () => {
      if (taker !== null) return taker(name);
      if (abort.signal.aborted) process.exit(exitCodeOf(new Interrupted(name)));
      abort.abort(new Interrupted(name));
    });
  }
  return {
    signal: abort.signal,
    takeSignals(onSignal) {
      taker = onSignal;
      return () => {
        if (taker === onSignal) taker = null;
      };
    },
  };
}

/** Somebody who reads only the first lines (`remendo inspect … | head`) is no failure. */
function endWithReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
}

/** What may be said before a command's own options are read. */
interface CommonOptions {
  readonly json?: boolean;
  readonly lang?: string;
  readonly root?: string;
  readonly home?: string;
  readonly config?: string;
  /** Of setup: as good as a configuration. */
  readonly answers?: string;
}

const spokenLanguage = (asked: string | undefined, configured: () => string | undefined): Language =>
  languageOf({
    asked,
    environment: process.env,
    configured,
    // Of everything in Intl that knows it, the one that takes no time to make.
    systemLocale: new Intl.PluralRules().resolvedOptions().locale,
  });

/** Where the options could not be read. */
const usageLanguage = (args: readonly string[]): Language =>
  spokenLanguage(/ --lang[ =](\S+)/.exec(` ${args.join(' ')}`)?.[1], () => undefined);

async function main(argv: readonly string[]): Promise<void> {
  const { args, startCommand } = splitStartCommand(argv);
  const watched = watchSignals();
  const run: Run = async (command, use) => {
    const { json, lang, answers, root, home, config } = command.opts<CommonOptions>();
    const flags = { root, home, config: config ?? answers };
    const language = spokenLanguage(lang, () => configuredLanguage(flags, process.env));
    const output = createOutput(process, { json: json === true, language });
    const isInteractive = process.stdin.isTTY === true && process.stderr.isTTY === true;
    try {
      process.exitCode = await use({ output, language, environment: process.env, isInteractive, ...watched });
    } catch (error) {
      printError(output, error);
      process.exitCode = exitCodeOf(error);
      // What it was waiting for may still be waiting, a new version that should prove healthy, for example.
      if (error instanceof Interrupted) process.exit();
    } finally {
      output.progress.end();
    }
  };
  try {
    const tree = await createCommandTree(run, { startCommand, asked: args[0], language: usageLanguage(args) });
    await tree.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}

// Remarks that nobody can read any more stop nothing, and nothing keeps `launch` from its application: no reader, no full disk.
process.stderr.on('error', () => {});
if (process.argv[2] === 'launch') process.stdout.on('error', () => {});
else endWithReader(process.stdout);
if (process.argv[2] === lookArgument && process.send !== undefined)
  void import('./backups/look-process.js').then(({ answerLook }) => answerLook());
else void main(process.argv.slice(2));
