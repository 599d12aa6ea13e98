/** `remendo backups list`: how the backups were at the last look. */
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { recordOf } from './advance-record.js';
import { backupLines, jobDocument, undeliveredDocument, undeliveredLines } from './backup-lines.js';
import { backupMessages } from './messages.js';
import { withBackups } from './with-backups.js';

export const runBackupsList = (context: CommandContext, flags: SettingSources['flags']): Promise<number> =>
  withBackups(context, { flags, changes: false }, async ({ backups, monitor }) => {
    const { output, language } = context;
    const records = await monitor.records();
    const lines = backups.jobs.map((job) => ({ job, record: recordOf(records, job.name), isGrowing: false }));
    const waiting = records.queues
      .filter(({ messages }) => messages.length > 0)
      .map(({ target, messages, nextMs }) => ({ target, count: messages.length, error: null, nextMs }));
    output.document({ jobs: lines.map(jobDocument), undelivered: undeliveredDocument(waiting) });
    if (lines.length === 0) output.line(backupMessages(language).noJobs);
    else for (const line of backupLines(context, lines, Date.now())) output.line(line);
    for (const line of undeliveredLines(context, waiting)) output.note(line);
    return exitCodes.done;
  });
