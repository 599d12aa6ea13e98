import type { CheckResult } from '@remendo/core';
import { printable } from '../output/printable.js';

const reasonTexts: Readonly<Record<string, string>> = {
  nothing_published: 'nothing has been published for it',
  newer_installed: 'that is newer than what is offered',
  paused: 'the rollout of the newest release is paused',
  halted: 'the rollout of the newest release was halted',
  blocked: 'the newest release was rolled back here',
  pinned: 'it is pinned to a version',
  downgrade_not_allowed: 'it is to go back to an older version, which needs --allow-downgrade',
  not_in_rollout: 'the newest release has not come to this terminal yet',
  license_expired: 'the licence has expired',
  license_suspended: 'the licence is suspended',
};

/** For every outcome but an update that is available. */
export function checkSentence(found: Exclude<CheckResult, { kind: 'available' }>): string {
  const installed = found.installed === null ? 'nothing is installed' : `${printable(found.installed)} is installed`;
  switch (found.kind) {
    case 'up-to-date':
      return `Up to date: ${installed}.`;
    case 'not-offered':
      return `No update: ${installed}; ${reasonTexts[found.reason] ?? printable(found.reason)}.`;
    default:
      return `No update: ${installed}; ${printable(found.version)} was rolled back here and is not tried again by itself (--retry tries it).`;
  }
}
