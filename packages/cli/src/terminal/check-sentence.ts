import type { CheckResult } from '@remendo/core';
import { printable } from '../output/printable.js';

const reasonTexts: Readonly<Record<string, string>> = {
  no_release: 'nothing has been published for it',
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
