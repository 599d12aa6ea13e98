import { createInterface } from 'node:readline/promises';
import type { CommandContext } from '../command-context.js';

/** Asks on the error output. Without a person the answer is no. @param isDefault whether an empty answer means yes. */
export async function askYes(
  { isInteractive, output, signal }: CommandContext,
  question: string,
  { isDefault = true }: { readonly isDefault?: boolean } = {},
): Promise<boolean> {
  if (!isInteractive) return false;
  output.progress.end();
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await prompt.question(`\n${question} ${isDefault ? '[Y/n]' : '[y/N]'} `, { signal });
    return answer.trim() === '' ? isDefault : /^\s*(y|yes)\s*$/i.test(answer);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    prompt.close();
  }
}
