/** What can be wrong with a backup, as data: screens, mails and reports make sentences of it (messages.ts). */
import type { BackupReport } from '@remendo/core/protocol';

export type BackupState = BackupReport['state'];
export type BadState = Exclude<BackupState, 'ok'>;

/** Of all that is wrong, the first in this order is the state. */
export const precedence = [
  'missing',
  'unreadable',
  'empty',
  'stale',
  'corrupt',
  'too_small',
  'shrunk',
  'too_few',
  'disk_low',
] as const satisfies readonly BadState[];

/** Each kind belongs to one state. */
export const stateOfKind = {
  folder_missing: 'missing',
  folder_unreadable: 'unreadable',
  folder_silent: 'unreadable',
  folder_too_large: 'unreadable',
  no_file: 'empty',
  file_empty: 'empty',
  too_old: 'stale',
  never_finished: 'stale',
  file_unreadable: 'unreadable',
  file_silent: 'unreadable',
  look_late: 'unreadable',
  zip_encrypted: 'unreadable',
  zip_unsupported: 'unreadable',
  no_archive: 'unreadable',
  no_checksum: 'unreadable',
  checksum_malformed: 'unreadable',
  command_unusable: 'unreadable',
  command_late: 'unreadable',
  zip_damaged: 'corrupt',
  gzip_damaged: 'corrupt',
  checksum_differs: 'corrupt',
  command_refused: 'corrupt',
  file_small: 'too_small',
  file_shrunk: 'shrunk',
  few_copies: 'too_few',
  disk_low: 'disk_low',
} as const satisfies Readonly<Record<string, BadState>>;

export type FindingKind = keyof typeof stateOfKind;
export type FindingValues = Readonly<Record<string, string | number>>;

export interface Finding {
  readonly kind: FindingKind;
  /** What the sentence is filled with: names, numbers of bytes and seconds, the system's own words as `why`. */
  readonly values: FindingValues;
}

/** What stands in a zip, or a program says, may be of any length. */
const valueCharactersMax = 1_000;

export const finding = (kind: FindingKind, values: FindingValues = {}): Finding => ({
  kind,
  values: Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? storableText(value, valueCharactersMax) : value,
    ]),
  ),
});

/** No longer than that, and without what a server refuses a report for: NUL, and half of a character that was cut. */
export const storableText = (text: string, charactersMax: number): string =>
  text.slice(0, charactersMax).toWellFormed().replaceAll('\0', '\ufffd');

export const stateOf = (findings: readonly Finding[]): BackupState =>
  precedence.find((state) => findings.some(({ kind }) => stateOfKind[kind] === state)) ?? 'ok';

/** The gravest first. */
export const byGravity = (findings: readonly Finding[]): readonly Finding[] =>
  findings.toSorted((a, b) => precedence.indexOf(stateOfKind[a.kind]) - precedence.indexOf(stateOfKind[b.kind]));
