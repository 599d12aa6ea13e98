import { type ErrorCode, errorCatalogue, errorChain, isUpdaterError } from '@remendo/core';
import { Interrupted } from '../exit-codes.js';
import type { Output } from './output.js';
import { printable, printableLines } from './printable.js';

const advice = {
  never: null,
  backoff: 'It may work when it is tried again later.',
  'after-action': null,
} as const;

/** What to do next, where the code's sentence leaves that open. */
const nextSteps: Partial<Readonly<Record<ErrorCode, string>>> = {
  CONFIG_INVALID: '--help shows every option.',
  AUTH_REQUIRED:
    "An operator's token comes from REMENDO_TOKEN, a customer's key and secret from REMENDO_API_KEY and REMENDO_API_SECRET.",
  DOWNLOAD_INSECURE: 'Use https; --allow-insecure is for networks that are protected otherwise.',
  INSTALL_NOT_FOUND: 'Is --root the right folder? remendo install makes an install.',
  INSTALL_UNSAFE:
    'remendo setup takes that right away from the root; folders above it, and owners, are for an administrator to change: docs/operating/terminal-setup.md.',
  RELEASE_BLOCKED: '--retry tries it again.',
  RELEASE_EXISTS: 'Publish it under a new version.',
};

/** The one place where failures become words: the chain once, what the code means, and what may help. */
export function printError(output: Output, error: unknown): void {
  output.progress.end();
  if (error instanceof Interrupted) {
    output.note('interrupted; nothing was left half-done');
    output.event('error', { code: null, message: error.message });
    return;
  }
  const [first = 'unknown failure', ...causes] = errorChain(error).map(printable);
  output.note(`error ${first}`);
  for (const cause of causes) output.note(`  because ${cause}`);
  if (isUpdaterError(error)) {
    for (const problem of problemsOf(error.details.problems)) output.note(`  - ${printable(problem)}`);
    const { sentence, retry } = errorCatalogue[error.code];
    const said = [sentence, advice[retry], nextSteps[error.code] ?? null];
    output.note(`  ${said.filter((text) => text !== null).join(' ')}`);
    output.event('error', { code: error.code, message: error.message, details: error.details, retry });
  } else {
    output.event('error', { code: null, message: first });
    if (error instanceof Error && error.stack !== undefined) for (const line of printableLines(error.stack)) output.note(line);
  }
}

const problemsOf = (problems: unknown): readonly string[] => (Array.isArray(problems) ? problems.map(String) : []);
