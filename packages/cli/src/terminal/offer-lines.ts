import type { CheckResult, UpdatePlan } from '@remendo/core';
import type { Output } from '../output/output.js';
import { printable, printableLines } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { pairLines } from '../output/table.js';
import { terminalMessages, wordFor } from './messages.js';

/** What an update means, before anything is done about it. */
export interface OfferSummary {
  readonly installed: string | null;
  readonly version: string;
  /** Null where the server does not say: for a version that was asked for by its number. */
  readonly type: string | null;
  /** Null while its deltas are still being built. */
  readonly patchBytes: number | null;
  readonly zipBytes: number | null;
  readonly requiresBackup: boolean | null;
  readonly requiresDowntime: boolean;
  readonly mandatory: boolean;
  readonly title: string;
  readonly changelog: string;
  readonly breakingChanges: string;
}

type Available = Extract<CheckResult, { kind: 'available' }>;

export const summaryOfCheck = ({ installed, version, answer }: Available): OfferSummary => ({
  installed,
  version: answer.display_version ?? version,
  type: answer.type ?? null,
  patchBytes: answer.patch_bytes ?? null,
  zipBytes: answer.size_bytes ?? null,
  requiresBackup: answer.requires_backup ?? null,
  requiresDowntime: answer.requires_downtime ?? false,
  mandatory: answer.mandatory ?? false,
  title: answer.title ?? '',
  changelog: answer.changelog ?? '',
  breakingChanges: answer.breaking_changes ?? '',
});

/** For a version that was asked for: the server was asked for its plans only. */
export const summaryOfPlan = (installed: string | null, plan: UpdatePlan): OfferSummary => ({
  installed,
  version: plan.displayVersion,
  type: null,
  patchBytes: plan.offers.find((offer) => offer.kind === 'delta')?.cost.fetchBytes ?? null,
  zipBytes: plan.release.zip.bytes,
  requiresBackup: null,
  requiresDowntime: false,
  mandatory: false,
  title: '',
  changelog: '',
  breakingChanges: '',
});

/** A table, and what the publisher says about the release. */
export function offerLines({ colors, language }: Output, offer: OfferSummary): readonly string[] {
  const say = terminalMessages(language);
  const { bytes } = quantities[language];
  const text = (heading: string, body: string): readonly string[] =>
    body.trim() === '' ? [] : ['', colors.bold(heading), ...printableLines(body.trim()).map((line) => `  ${line}`)];
  const type = [offer.type === null ? '—' : wordFor(say, offer.type), ...(offer.mandatory ? [say.mandatory] : [])].join(', ');
  return [
    ...pairLines([
      [say.current, offer.installed === null ? say.notInstalled : printable(offer.installed)],
      [say.new, colors.green(printable(offer.version))],
      [say.type, printable(type)],
      [say.patch, offer.patchBytes === null ? say.notBuiltYet : bytes(offer.patchBytes)],
      [say.fullZip, offer.zipBytes === null ? '—' : bytes(offer.zipBytes)],
      [say.backupNeeded, offer.requiresBackup === null ? '—' : offer.requiresBackup ? say.yes : say.no],
      ...(offer.requiresDowntime ? ([[say.downtime, say.yes]] as const) : []),
    ]),
    ...text(offer.title.trim() === '' ? say.changes : printable(offer.title.trim()), offer.changelog),
    ...text(say.breakingChanges, offer.breakingChanges),
  ];
}
