/** Tells when a monitor of a backup goes from one state into another: failing, silent, well again. */
import type { Selectable } from 'kysely';
import type { Tx } from '../database/open-database.js';
import type { BackupMonitorTable } from '../database/tables.js';
import type { Notifier } from '../notifications/notifier.js';

export type MonitorRow = Selectable<BackupMonitorTable>;

export interface MonitorChange {
  readonly before: MonitorRow;
  readonly after: MonitorRow;
  /** What the check says about it; empty: nothing. */
  readonly detail: string;
  /** What brought the change: the report's id, or when it was heard of last. */
  readonly cause: string;
}

const statusOf = ({ is_silent, state }: MonitorRow): string => (is_silent ? 'silent' : state);

/** Nothing when there is nothing new to tell. */
export async function notifyChange(tx: Tx, notifier: Notifier, { before, after, detail, cause }: MonitorChange): Promise<void> {
  const status = statusOf(after);
  if (status === statusOf(before)) return;
  const kind = status === 'ok' ? 'backup_recovered' : status === 'silent' ? 'backup_silent' : 'backup_failed';
  const { branch, job, terminal_key: terminal } = after;
  const place = branch === '' ? terminal : branch;
  await notifier.notify(tx, {
    kind,
    customerId: after.customer_id,
    // Names of jobs and branches are anybody's text: they are in the body.
    subject: `A backup: ${words[status] ?? status}`,
    body: [`The backup ${job} of ${place} (${terminal}): ${sentenceOf(before, after)}`, detail]
      .filter((line) => line !== '')
      .join('\n'),
    data: {
      job,
      branch,
      terminal,
      state: status,
      state_before: statusOf(before),
      checked_at: after.checked_at.toISOString(),
      detail: detail.slice(0, 500).toWellFormed(),
    },
    dedupKey: `${kind} ${after.id} ${status} ${cause}`,
  });
}

/** What the states mean to people. */
const words: Readonly<Record<string, string>> = {
  ok: 'all is well again',
  silent: 'no report',
  missing: 'there is no backup',
  empty: 'the backup is empty',
  stale: 'the backup is too old',
  too_small: 'the backup is too small',
  shrunk: 'the backup is much smaller than before',
  too_few: 'there are too few backups',
  corrupt: 'the backup is damaged',
  unreadable: 'the backup can not be read',
  disk_low: 'there is little space left for backups',
};

function sentenceOf(before: MonitorRow, after: MonitorRow): string {
  const what = words[statusOf(after)] ?? statusOf(after);
  if (after.is_silent)
    return `${what} since ${before.reported_at.toISOString()}; one was expected every ${after.interval_seconds} seconds.`;
  return `${what}, checked at ${after.checked_at.toISOString()}; before, it was ${statusOf(before)}.`;
}
