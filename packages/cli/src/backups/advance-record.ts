/** What one check makes of what was known of a job. Pure. */

import type { CheckedJob } from './checked-job.js';
import type { BackupState } from './finding.js';
import type { BackupMessage, BackupQueue, BackupRecords, GoodFile, JobRecord } from './records.js';

/** How much is remembered of each job. */
const resultsKept = 30;
const goodsKept = 15;
export const proofsKept = 20;

/** Those that nobody asks for any more go first. */
const jobsMax = 200;

/** Of one target. A server that is away for weeks gets every change, and of the rest the last ones. */
const messagesMax = 2_000;

export const emptyRecord = (job: string): JobRecord => ({
  job,
  sinceMs: 0,
  results: [],
  goods: [],
  proofs: [],
  ahead: [],
  proven: null,
});

export const recordOf = ({ jobs }: BackupRecords, job: string): JobRecord =>
  jobs.find((record) => record.job === job) ?? emptyRecord(job);

/** A job that nothing is known of was well before. */
export const stateBefore = ({ results }: JobRecord): BackupState => results[0]?.state ?? 'ok';

export function advanceRecord(before: JobRecord, { result, proofs, ahead, good, proven }: CheckedJob): JobRecord {
  const isSame = before.results.length > 0 && stateBefore(before) === result.state;
  return {
    job: before.job,
    sinceMs: isSame ? before.sinceMs : result.atMs,
    results: [result, ...before.results].slice(0, resultsKept),
    goods: good === null ? before.goods : withGood(before.goods, good),
    proofs,
    ahead,
    proven,
  };
}

/** Each file once, as it was last. */
const withGood = (goods: readonly GoodFile[], good: GoodFile): GoodFile[] =>
  [good, ...goods.filter(({ name, modifiedMs }) => name !== good.name || modifiedMs !== good.modifiedMs)].slice(0, goodsKept);

/** The size that a backup usually has: the median of the last good ones, of two the smaller; null: nobody knows. */
export function usualBytes({ goods }: Pick<JobRecord, 'goods'>): number | null {
  const sizes = goods.map(({ bytes }) => bytes).sort((a, b) => a - b);
  return sizes[Math.floor((sizes.length - 1) / 2)] ?? null;
}

export const withRecord = (records: BackupRecords, record: JobRecord): BackupRecords => ({
  ...records,
  jobs: [...records.jobs.filter(({ job }) => job !== record.job), record].slice(-jobsMax),
});

/** @param wants whether the target gets results that change nothing. */
export function withMessage(
  records: BackupRecords,
  target: string,
  { message, wants }: { readonly message: BackupMessage; readonly wants: 'results' | 'changes' },
): BackupRecords {
  if (wants === 'changes' && !isChange(message)) return records;
  const queue = records.queues.find((one) => one.target === target) ?? { target, messages: [], failures: 0, nextMs: 0 };
  const messages = bounded([...queue.messages, message]);
  return withQueue(records, { ...queue, messages });
}

export const withQueue = (records: BackupRecords, queue: BackupQueue): BackupRecords => ({
  ...records,
  queues: [...records.queues.filter(({ target }) => target !== queue.target), queue],
});

export const isChange = ({ result, stateBefore }: BackupMessage): boolean => result.state !== stateBefore;

/** Too many: the oldest that change nothing go first, so that the story stays whole. */
function bounded(messages: readonly BackupMessage[]): BackupMessage[] {
  if (messages.length <= messagesMax) return [...messages];
  const dropped = messages.findIndex((message) => !isChange(message));
  return messages.filter((_, index) => index !== Math.max(0, dropped));
}
