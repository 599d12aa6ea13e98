/** Jobs and their states as a table, and what is wrong below it. */
import type { CommandContext } from '../command-context.js';
import { durationText, momentText } from '../output/duration.js';
import { toldError } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { detailOf } from './alert-text.js';
import type { Undelivered } from './deliver-messages.js';
import { backupMessages, findingText, stateTexts } from './messages.js';
import type { BackupJob } from './parse-backups.js';
import type { JobRecord } from './records.js';

export interface JobLine {
  readonly job: BackupJob;
  readonly record: JobRecord;
  readonly isGrowing: boolean;
}

export function backupLines({ language, output }: CommandContext, lines: readonly JobLine[], nowMs: number): readonly string[] {
  const say = backupMessages(language);
  const { green, red } = output.colors;
  const { bytes, number } = quantities[language];
  const table = lines.map(({ job, record }) => {
    const [last] = record.results;
    if (last === undefined) return [printable(job.name), say.notChecked];
    const { state, newest, files, atMs } = last;
    const age = newest === null ? say.none : durationText(Math.max(0, nowMs - newest.atMs) / 1_000, language, 1);
    return [
      printable(job.name),
      (state === 'ok' ? green : red)(stateTexts[language][state]),
      momentText(language, record.sinceMs),
      newest === null ? say.none : `${printable(newest.name)} (${say.ago(age)})`,
      newest === null ? '' : bytes(newest.bytes),
      number(files),
      momentText(language, atMs),
    ];
  });
  const columns = [
    ...[{ title: say.job }, { title: say.state }, { title: say.since }, { title: say.newest }],
    ...([{ title: say.size, align: 'right' }, { title: say.copies, align: 'right' }, { title: say.checked }] as const),
  ];
  const remarks = lines.flatMap(({ job, record, isGrowing }) => {
    const texts = (record.results[0]?.findings ?? []).map((one) => findingText(one, language));
    return [...texts, ...(isGrowing ? [say.growing] : [])].map((text) => `${printable(job.name)}: ${printable(text)}`);
  });
  return [...tableLines(columns, table), ...(remarks.length === 0 ? [] : ['', ...remarks])];
}

export function undeliveredLines({ language }: CommandContext, undelivered: readonly Undelivered[]): readonly string[] {
  const say = backupMessages(language);
  return undelivered.map(({ target, count, error }) => {
    if (error === null) return printable(say.queued(target, count));
    return printable(say.waiting(target, count, toldError(error, language)));
  });
}

/** For --json: the same in every language. */
export function jobDocument({ job, record, isGrowing }: JobLine) {
  const [last] = record.results;
  const iso = (ms: number): string => new Date(ms).toISOString();
  if (last === undefined) return { job: job.name, state: null, checkedAt: null };
  const { state, files, totalBytes, freeBytes, newest, atMs } = last;
  return {
    ...{ job: job.name, state, since: iso(record.sinceMs), checkedAt: iso(atMs), files, totalBytes, freeBytes, isGrowing },
    newest: newest === null ? null : { name: newest.name, bytes: newest.bytes, madeAt: iso(newest.atMs) },
    proven:
      record.proven === null
        ? null
        : { name: record.proven.name, madeAt: iso(record.proven.madeMs), provenAt: iso(record.proven.provenMs) },
    findings: last.findings.map(({ kind, values }) => ({ kind, values, text: detailOf({ findings: [{ kind, values }] }) })),
  };
}

export const undeliveredDocument = (undelivered: readonly Undelivered[]) =>
  undelivered.map(({ target, count, error, nextMs }) => ({
    ...{ target, messages: count },
    nextAttemptAt: nextMs === 0 ? null : new Date(nextMs).toISOString(),
    error: error === null ? null : error instanceof Error ? error.message : String(error),
  }));
