/** What people are told of one result: a subject of one line and a few sentences. */
import type { Language } from '../language.js';
import { quantities } from '../output/quantity.js';
import { backupMessages, findingText, stateTexts, timeText } from './messages.js';
import type { BackupMessage } from './records.js';

export interface AlertText {
  readonly kind: 'backup_failed' | 'backup_recovered';
  readonly subject: string;
  readonly body: string;
}

/** @param place which branch or machine it is. */
export function alertText({ job, result, stateBefore }: BackupMessage, language: Language, place: string): AlertText {
  const say = backupMessages(language);
  const { bytes, number } = quantities[language];
  const { state, findings, newest, files, totalBytes, atMs } = result;
  const lines = [
    ...findings.map((one) => findingText(one, language)),
    ...(stateBefore === state ? [] : [say.before(stateTexts[language][stateBefore])]),
    say.checkedAt(timeText(atMs)),
    ...(newest === null ? [] : [say.newestIs(newest.name, bytes(newest.bytes), timeText(newest.atMs))]),
    ...(files === 0 ? [] : [say.folderHolds(say.files(number(files), files === 1), bytes(totalBytes))]),
  ];
  return {
    kind: state === 'ok' ? 'backup_recovered' : 'backup_failed',
    subject: say.subject(job, place, state === 'ok' ? say.recovered : stateTexts[language][state]),
    body: `${lines.join('\n')}\n`,
  };
}

/** The same in English, for reports and logs. */
export const detailOf = ({ findings }: Pick<BackupMessage['result'], 'findings'>): string =>
  findings.map((one) => findingText(one, 'en')).join(' ');
