/**
 * What may keep files from being swapped now: the application's hold, and for an update backups that are not proven. A repair
 * or a way back changes no data; it may be what makes backups possible again.
 */
import { type InstallGate, UpdaterError } from '@remendo/core';
import type { Hold } from '../agent/hold-lock.js';
import type { BackupSurroundings, backupOptionsOf } from '../backups/open-backups.js';

export interface InstallGateOptions {
  readonly hold: () => Hold;
  readonly settings: Parameters<typeof backupOptionsOf>[0];
  readonly surroundings: BackupSurroundings;
}

/** The code for backups is loaded only where some are configured. */
export function installGate({ hold, settings, surroundings }: InstallGateOptions): InstallGate {
  return async ({ kind }) => {
    if (hold().kind === 'held')
      throw new UpdaterError('INSTALL_ON_HOLD', 'the application has its hold file: it must not be disturbed now');
    if (kind !== 'update' || settings.backups === null) return;
    const [{ backupOptionsOf: optionsOf }, { proveBackups }] = await Promise.all([
      import('../backups/open-backups.js'),
      import('../backups/assert-proven-backup.js'),
    ]);
    const options = optionsOf(settings, surroundings);
    if (options !== null) await proveBackups(options);
  };
}
