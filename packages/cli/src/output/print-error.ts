import { errorCatalogue, errorChain, isUpdaterError, type UpdaterError } from '@remendo/core';
import { Interrupted } from '../exit-codes.js';
import type { Language } from '../language.js';
import { errorSentence, nextStep } from './error-sentences.js';
import { outputMessages } from './messages.js';
import type { Output } from './output.js';
import { inWords, told } from './phrases/told.js';
import { printable, printableLines } from './printable.js';

/**
 * The one place where failures become words: what happened and what it came from, in the person's language as far as it has
 * words, what the code means, and what may help. What has no words in that language is kept as it was told, and named so.
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
  if (isUpdaterError(error)) {
    for (const line of errorLines(error, causes, language)) output.note(line);
    const { retry } = errorCatalogue[error.code];
    output.event('error', { code: error.code, message: error.message, details: error.details, retry });
  } else {
    output.note(say.error(first));
    for (const cause of causes) output.note(`  ${say.because(told(cause, language))}`);
    output.event('error', { code: null, message: first });
    if (error instanceof Error && error.stack !== undefined) for (const line of printableLines(error.stack)) output.note(line);
  }
}

function errorLines(error: UpdaterError, causes: readonly string[], language: Language): readonly string[] {
  const say = outputMessages(language);
  const { code } = error;
  const message = printable(error.message);
  const sentence = errorSentence(code, language);
  const words = inWords(message, language);
  const advice = errorCatalogue[code].retry === 'backoff' ? say.tryLater : null;
  const said = [words === null ? null : sentence, advice, nextStep(code, language)].filter((text) => text !== null);
  return [
    say.error(`${code}: ${words ?? sentence}`),
    ...causes.map((cause) => `  ${say.because(told(cause, language))}`),
    ...problemsOf(error.details.problems).map((problem) => `  - ${told(printable(problem), language)}`),
    ...(said.length === 0 ? [] : [`  ${said.join(' ')}`]),
    ...(words === null ? [`  ${say.inEnglish(message)}`] : []),
  ];
}

const problemsOf = (problems: unknown): readonly string[] => (Array.isArray(problems) ? problems.map(String) : []);
