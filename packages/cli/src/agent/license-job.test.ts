import type { HttpClient } from '@remendo/core';
import { expect, it } from 'vitest';
import { askLicense } from './license-job.js';

const limits = { terminals: 5, administrators: null, properties: null };

/** @param license what the server says of it. */
async function asked(license: { status: string; days_left: number }) {
  const logged: object[] = [];
  const remembered: object[] = [];
  const http: Pick<HttpClient, 'json'> = {
    json: async (path, { validate }) =>
      validate({
        ...{ valid: license.status === 'active', code: 'ABCD1234', expires_on: '2026-12-31', level: 'basic', limits, features: [] },
        ...license,
        ...{ data_scadenza: '2026-12-31', livello_servizio: 'basic', stato: license.status },
        ...{ path },
      }),
  };
  const ports = {
    http,
    warnDays: 30,
    nowMs: () => 5,
    remember: (one: object) => remembered.push(one),
    log: (event: string, fields: object) => logged.push({ event, ...fields }),
  };
  return { end: await askLicense(ports, new AbortController().signal), logged, remembered };
}

it('tells the days that are left, and warns in time', async () => {
  const good = await asked({ status: 'active', days_left: 31 });
  expect(good.end).toEqual({ kind: 'done', outcome: 'active', detail: '31' });
  expect(good.logged).toEqual([
    { event: 'license_checked', outcome: 'active', daysLeft: 31, expiresOn: '2026-12-31', level: 'basic' },
  ]);
  expect(good.remembered).toEqual([{ status: 'active', daysLeft: 31, expiresOn: '2026-12-31', checkedAtMs: 5 }]);
  expect((await asked({ status: 'active', days_left: 30 })).end).toMatchObject({ outcome: 'expiring' });
});

it('one that has ended is told, and nothing else: no run fails for it', async () => {
  for (const status of ['expired', 'suspended'])
    expect((await asked({ status, days_left: 0 })).end).toEqual({ kind: 'done', outcome: status, detail: '0' });
});
