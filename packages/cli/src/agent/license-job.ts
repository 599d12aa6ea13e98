/** The licence, once a day: asked, logged, and warned about in time. Whatever it says, nothing is stopped here. */
import { answerValidator, type HttpClient } from '@remendo/core';
import { LicenseAnswer } from '@remendo/core/protocol';
import type { JobEnd } from './job.js';

export interface LicensePorts {
  readonly http: Pick<HttpClient, 'json'>;
  readonly warnDays: number;
  readonly nowMs: () => number;
  readonly remember: (license: { status: string; daysLeft: number; expiresOn: string; checkedAtMs: number }) => void;
  readonly log: (event: string, fields: object) => void;
}

const validate = answerValidator(LicenseAnswer);

/** @throws what the client throws. `outcome`: active, expiring, expired, suspended; `detail`: the days that are left. */
export async function askLicense({ http, warnDays, nowMs, remember, log }: LicensePorts, signal: AbortSignal): Promise<JobEnd> {
  const license = await http.json('api/v1/license/verify', { validate, signal });
  const { status, days_left: daysLeft, expires_on: expiresOn } = license;
  const outcome = status === 'active' && daysLeft <= warnDays ? 'expiring' : status;
  remember({ status, daysLeft, expiresOn, checkedAtMs: nowMs() });
  log('license_checked', { outcome, daysLeft, expiresOn, level: license.level });
  return { kind: 'done', outcome, detail: String(daysLeft) };
}
