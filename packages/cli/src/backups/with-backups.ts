import { UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { withTerminal } from '../terminal/open-terminal.js';
import { type BackupMonitor, createBackupMonitor } from './backup-monitor.js';
import { backupOptionsOf, backupSettingNames } from './open-backups.js';
import type { BackupJob, Backups } from './parse-backups.js';

export interface OpenedBackups {
  readonly backups: Backups;
  readonly monitor: BackupMonitor;
}

/** Opens the monitor of a terminal for a command. @throws UpdaterError CONFIG_INVALID when no backups are configured. */
export function withBackups(
  context: CommandContext,
  { flags, changes }: { readonly flags: SettingSources['flags']; readonly changes: boolean },
  use: (opened: OpenedBackups) => Promise<number>,
): Promise<number> {
  const { environment, language, signal, output } = context;
  const open = { command: 'backups', flags, asksServer: false, changesInstall: changes };
  return withTerminal(context, open, async ({ guard, layout, log, updater }) => {
    const settings = loadSettings(['root', 'home', 'config', ...backupSettingNames], { flags, environment }, ['backups']);
    if (changes) await guard();
    const write = (event: string, fields: object): void => {
      log.write(event, fields);
      if (event === 'backups_records_damaged') output.warn((fields as { message: string }).message);
    };
    const { state } = await updater.status();
    const surroundings = { home: layout.home, terminalId: state?.terminalId ?? null, language, environment, signal, log: write };
    const options = backupOptionsOf(settings, surroundings);
    if (options === null) throw new TypeError('settings were not checked');
    return use({ backups: options.backups, monitor: createBackupMonitor(options) });
  });
}

/** @throws UpdaterError CONFIG_INVALID when there is none of this name. */
export function namedJob({ jobs }: Backups, name: string): BackupJob {
  const job = jobs.find((one) => one.name === name);
  if (job !== undefined) return job;
  const problems = [`the setting backups has no job ${name}; it has ${jobs.map((one) => one.name).join(', ') || 'none'}`];
  throw new UpdaterError('CONFIG_INVALID', 'there is no such backup job', { details: { problems } });
}
