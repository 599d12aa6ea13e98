import type { Command } from 'commander';
import type { CommandContext } from './command-context.js';

/** Runs what a command does, with the options every command has. The use gives the exit code. */
export type Run = (command: Command, use: (context: CommandContext) => Promise<number>) => Promise<void>;
