/** What came of a run, in a sentence. */
import type { Language } from '../language.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { terminalMessages, wordFor } from '../terminal/messages.js';
import type { JobName } from './agent-state.js';
import type { JobEnd } from './job.js';
import { agentMessages } from './messages.js';

export function endSentence(language: Language, end: JobEnd): string {
  const say = agentMessages(language);
  const code = end.kind === 'retry' || end.kind === 'failed' ? end.code : null;
  const detail = printable(told(end.detail ?? '', language, code));
  switch (end.kind) {
    case 'wait':
      return {
        download_window: say.downloadWindow,
        install_window: say.installWindow,
        on_hold: say.onHold,
        in_use: say.inUse,
        busy: say.busy,
        server: () => say.serverWait,
      }[end.reason](detail);
    case 'retry':
    case 'failed':
      return say.failed(end.code === null ? detail : `${end.code}: ${detail}`);
    default:
      return doneTexts(language, detail)[end.outcome] ?? printable(end.outcome);
  }
}

function doneTexts(language: Language, detail: string): Readonly<Record<string, string>> {
  const say = agentMessages(language);
  return {
    up_to_date: say.upToDate,
    not_offered: say.notOffered(printable(wordFor(terminalMessages(language), detail))),
    blocked: say.blocked(detail),
    updated: say.updated(detail),
    rolled_back: say.rolledBack(detail),
    awaiting_launch: say.awaitingLaunch(detail),
    active: say.licenseActive(Number(detail)),
    expiring: say.licenseExpiring(Number(detail)),
    expired: say.licenseExpired,
    suspended: say.licenseSuspended,
    cleaned: say.freed(quantities[language].bytes(Number(detail))),
    checked: say.checked(Number(detail)),
  };
}

export const jobLine = (language: Language, name: JobName, sentence: string): string =>
  `${agentMessages(language)[name]}: ${sentence}`;
