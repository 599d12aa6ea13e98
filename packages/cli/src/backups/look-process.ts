/**
 * What runs in the process of one look: it is asked once, answers once, and is ended by whoever asked. When that one goes away, it
 * ends what it started and then itself, by force: what hangs at a share would keep it.
 */

import { nodeClock } from '@remendo/core';
import { Cron } from 'croner';
import type { CheckedJob } from './checked-job.js';
import { lookerHere } from './looker.js';
import type { BackupJob } from './parse-backups.js';
import type { GoodFile, JobRecord } from './records.js';
import type { VerifyOptions } from './verify-backup.js';

/** As it goes from one process to another. */
export type SentJob = Omit<BackupJob, 'cron'> & { readonly cron: string | null };

export type Question =
  | {
      readonly kind: 'check';
      readonly job: SentJob;
      readonly record: JobRecord;
      readonly again: VerifyOptions['again'];
      readonly silentMsMax: number;
    }
  | { readonly kind: 'there'; readonly folder: string; readonly file: GoodFile };

export type Answer =
  | { readonly kind: 'check'; readonly checked: CheckedJob }
  | { readonly kind: 'there'; readonly isThere: boolean }
  | { readonly kind: 'failed'; readonly message: string };

export const sentJob = (job: BackupJob): SentJob => ({ ...job, cron: job.cron?.getPattern() ?? null });

const receivedJob = ({ cron, ...job }: SentJob): BackupJob => ({
  ...job,
  cron: cron === null ? null : new Cron(cron, { mode: '5-part' }),
});

/** Programs that prove backups are ended in less. */
const endMsMax = 1_000;

export function answerLook(): void {
  const gone = new AbortController();
  const end = (): void => void process.kill(process.pid, 'SIGKILL');
  let looking: Promise<void> = Promise.resolve();
  process.once('message', (question: Question) => {
    looking = answer(question, gone.signal).then((given) => void process.send?.(given, undefined, {}, () => undefined));
  });
  process.once('disconnect', () => {
    gone.abort(new Error('whoever asked is gone'));
    const late = nodeClock().sleep(endMsMax);
    void Promise.race([looking, late]).then(end, end);
  });
  // Whoever asked ends this one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  if (!process.connected) end();
}

async function answer(question: Question, signal: AbortSignal): Promise<Answer> {
  const looker = lookerHere();
  try {
    if (question.kind === 'there') return { kind: 'there', isThere: await looker.isThere(question.folder, question.file, signal) };
    const { job, record, again, silentMsMax } = question;
    return { kind: 'check', checked: await looker.check(receivedJob(job), record, { again, signal, silentMsMax }) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}
