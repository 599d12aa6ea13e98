/** `remendo backups accept`: a backup that is smaller for a good reason. */
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { reportLooks } from './check-command.js';
import { backupMessages } from './messages.js';
import { namedJob, withBackups } from './with-backups.js';

export const runBackupsAccept = (
  context: CommandContext,
  { flags, job: name }: { readonly flags: SettingSources['flags']; readonly job: string },
): Promise<number> =>
  withBackups(context, { flags, changes: true }, async (opened) => {
    const { output, language } = context;
    const say = backupMessages(language);
    const job = namedJob(opened.backups, name);
    const { record, checked } = await opened.monitor.accept(job);
    const code = await reportLooks(context, opened, [{ job, record, isGrowing: checked.isGrowing }]);
    if (checked.good === null) output.warn(say.notAccepted(printable(job.name)));
    else output.line(say.accepted(printable(job.name), quantities[language].bytes(checked.good.bytes)));
    return code;
  });
