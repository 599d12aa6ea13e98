import { createInterface } from 'node:readline/promises';
import type { CommandContext } from '../command-context.js';

/** Asks on the error output; an empty answer means yes. Without a person the answer is no. */
export async function askYes({ isInteractive, output, signal }: CommandContext, question: string): Promise<boolean> {
  if (!isInteractive) return false;
  output.progress.end();
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await prompt.question(`\n${question} [Y/n] `, { signal });
    return /^\s*(y|yes|)\s*$/i.test(answer);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    prompt.close();
  }
}
