/** One agent for an install: the second one ends. */
import { join } from 'node:path';
import {
  acquireInstallLock,
  type Host,
  hasCode,
  type InstallLayout,
  type InstallLock,
  nodeHost,
  UpdaterError,
} from '@remendo/core';
import { agentLockName } from './agent-state.js';

/**
 * On a disk that has no room for the lock there is an agent all the same: whoever watches backups has to tell of that disk, and what
 * changes the install has a lock of its own.
 * @throws UpdaterError TRANSACTION_LOCKED
 */
export async function lockAgent(
  { home }: Pick<InstallLayout, 'home'>,
  host: Pick<Host, 'fileSystem' | 'clock' | 'random' | 'processes'> = nodeHost(),
): Promise<InstallLock> {
  try {
    return await acquireInstallLock(host, join(home, agentLockName));
  } catch (cause) {
    if (hasCode(cause, 'STORAGE_NO_SPACE')) return { release: async () => {} };
    if (!hasCode(cause, 'TRANSACTION_LOCKED')) throw cause;
    throw new UpdaterError('TRANSACTION_LOCKED', 'another agent looks after this install', { details: cause.details, cause });
  }
}
