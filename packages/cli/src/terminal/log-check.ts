import type { CheckResult } from '@remendo/core';
import type { UpdateLog } from './update-log.js';

/** What the server said, for `why`. */
export function logCheck(log: Pick<UpdateLog, 'write'>, found: CheckResult): void {
  const version = 'version' in found ? { version: found.version } : {};
  const reason = found.kind === 'not-offered' ? { reason: found.reason } : {};
  log.write('checked', { outcome: found.kind.replaceAll('-', '_'), installed: found.installed, ...version, ...reason });
}
