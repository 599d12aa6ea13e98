/** `remendo backups check`: looks at the backups now. */
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { backupLines, type JobLine, jobDocument, undeliveredDocument, undeliveredLines } from './backup-lines.js';
import type { Undelivered } from './deliver-messages.js';
import { backupMessages } from './messages.js';
import { namedJob, type OpenedBackups, withBackups } from './with-backups.js';

export interface BackupsCheckOptions {
  readonly flags: SettingSources['flags'];
  /** Null: all. */
  readonly job: string | null;
  readonly isFull: boolean;
}

export const runBackupsCheck = (context: CommandContext, { flags, job, isFull }: BackupsCheckOptions): Promise<number> =>
  withBackups(context, { flags, changes: true }, async (opened) => {
    const { backups, monitor } = opened;
    const jobs = job === null ? backups.jobs : [namedJob(backups, job)];
    const lines: JobLine[] = [];
    for (const one of jobs) {
      context.output.progress.step(one.name);
      // Somebody who asks may just have put it right.
      const { record, checked } = await monitor.look(one, isFull ? 'all' : 'damaged');
      lines.push({ job: one, record, isGrowing: checked.isGrowing });
    }
    context.output.progress.end();
    return reportLooks(context, opened, lines);
  });

/** Shows what was seen, delivers what there is to tell, and gives the exit code. */
export async function reportLooks(context: CommandContext, { monitor }: OpenedBackups, lines: readonly JobLine[]): Promise<number> {
  const { output, language } = context;
  const say = backupMessages(language);
  const undelivered: readonly Undelivered[] = await monitor.deliver('now');
  const failing = lines.filter(({ record }) => record.results[0]?.state !== 'ok').length;
  output.document({ jobs: lines.map(jobDocument), failing, undelivered: undeliveredDocument(undelivered) });
  if (lines.length === 0) output.line(say.noJobs);
  else for (const line of backupLines(context, lines, Date.now())) output.line(line);
  if (lines.length > 0) output.line();
  if (lines.length > 0) output.line(failing === 0 ? say.allWell : say.failing(failing));
  for (const line of undeliveredLines(context, undelivered)) output.warn(line);
  return failing === 0 ? exitCodes.done : exitCodes.backup;
}
