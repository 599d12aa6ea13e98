import type { CheckResult } from '@remendo/core';
import type { Language } from '../language.js';
import { printable } from '../output/printable.js';
import { terminalMessages, wordFor } from './messages.js';

/** For every outcome but an update that is available. */
export function checkSentence(found: Exclude<CheckResult, { kind: 'available' }>, language: Language): string {
  const say = terminalMessages(language);
  const installed = found.installed === null ? say.nothingInstalled : say.isInstalled(printable(found.installed));
  switch (found.kind) {
    case 'up-to-date':
      return say.upToDate(installed);
    case 'not-offered':
      return say.noUpdate(installed, printable(wordFor(say, found.reason)));
    default:
      return say.noUpdate(installed, say.rolledBackHere(printable(found.version)));
  }
}
