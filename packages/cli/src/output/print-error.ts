import { errorCatalogue, errorChain, isUpdaterError } from '@remendo/core';
import { Interrupted } from '../exit-codes.js';
import { errorSentence, nextStep } from './error-sentences.js';
import { outputMessages } from './messages.js';
import type { Output } from './output.js';
import { printable, printableLines } from './printable.js';

/**
 * The one place where failures become words: the chain once, as the layers told it in English, then what the code means and
 * what may help, in the person's language.
 */
export function printError(output: Output, error: unknown): void {
  const { language } = output;
  const say = outputMessages(language);
  output.progress.end();
  if (error instanceof Interrupted) {
    output.note(say.interrupted);
    output.event('error', { code: null, message: error.message });
    return;
  }
  const [first = say.unknownFailure, ...causes] = errorChain(error).map(printable);
  output.note(say.error(first));
  for (const cause of causes) output.note(`  ${say.because(cause)}`);
  if (isUpdaterError(error)) {
    for (const problem of problemsOf(error.details.problems)) output.note(`  - ${printable(problem)}`);
    const { retry } = errorCatalogue[error.code];
    const advice = retry === 'backoff' ? say.tryLater : null;
    const said = [errorSentence(error.code, language), advice, nextStep(error.code, language)];
    output.note(`  ${said.filter((text) => text !== null).join(' ')}`);
    output.event('error', { code: error.code, message: error.message, details: error.details, retry });
  } else {
    output.event('error', { code: null, message: first });
    if (error instanceof Error && error.stack !== undefined) for (const line of printableLines(error.stack)) output.note(line);
  }
}

const problemsOf = (problems: unknown): readonly string[] => (Array.isArray(problems) ? problems.map(String) : []);
