import { createInterface } from 'node:readline/promises';
import type { CommandContext } from '../command-context.js';
import type { Language } from '../language.js';
import { terminalMessages } from './messages.js';

/** Asks on the error output. Without a person the answer is no. @param isDefault whether an empty answer means yes. */
export async function askYes(
  { isInteractive, output, language, signal }: CommandContext,
  question: string,
  { isDefault = true }: { readonly isDefault?: boolean } = {},
): Promise<boolean> {
  if (!isInteractive) return false;
  const say = terminalMessages(language);
  output.progress.end();
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await prompt.question(`\n${question} ${isDefault ? say.choiceYes : say.choiceNo} `, { signal });
    return answer.trim() === '' ? isDefault : isYes(answer, language);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    prompt.close();
  }
}

/** The words of the language for yes, and the English ones; everything else is no. */
export const isYes = (answer: string, language: Language): boolean =>
  terminalMessages(language).yesWords.split(' ').includes(answer.trim().toLowerCase());
