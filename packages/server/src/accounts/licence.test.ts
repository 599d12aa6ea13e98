import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { addressList, isInList } from './address-blocks.js';
import { daysLeft, endOfLicence, lastDay, licenceState, yearFrom } from './licence.js';
import { levelTerms, lowerLevel } from './service-levels.js';

const at = (text: string): Date => new Date(text);

describe('a licence', () => {
  const expiresAt = endOfLicence('2027-11-22');
  const of = (now: string, suspendedAt: Date | null = null) => licenceState({ expiresAt, suspendedAt }, at(now), 14);

  it('is good until the end of its last day, and served until the grace after it is over', () => {
    expect(of('2027-11-22T23:59:59.999Z')).toEqual({ kind: 'valid', endedAt: null, isServed: true });
    expect(of('2027-11-23T00:00:00Z')).toEqual({ kind: 'expired', endedAt: expiresAt, isServed: true });
    expect(of('2027-12-06T23:59:59.999Z').isServed).toBe(true);
    expect(of('2027-12-07T00:00:00Z')).toEqual({ kind: 'expired', endedAt: expiresAt, isServed: false });
  });

  it('that is suspended is not served from that moment on, and ended at the earlier of the two', () => {
    const early = at('2027-06-01T08:00:00Z');
    expect(of('2027-06-02T00:00:00Z', early)).toEqual({ kind: 'suspended', endedAt: early, isServed: false });
    expect(of('2027-12-01T00:00:00Z', at('2027-11-30T00:00:00Z'))).toEqual({
      kind: 'suspended',
      endedAt: expiresAt,
      isServed: false,
    });
  });

  it('without a grace ends with its last day', () => {
    expect(licenceState({ expiresAt, suspendedAt: null }, expiresAt, 0).isServed).toBe(false);
  });

  it('counts the days after today, and none when it is over', () => {
    expect(daysLeft(expiresAt, at('2026-11-22T03:00:00Z'))).toBe(365);
    expect(daysLeft(expiresAt, at('2027-11-21T00:00:00Z'))).toBe(1);
    expect(daysLeft(expiresAt, at('2027-11-22T00:00:00Z'))).toBe(0);
    expect(daysLeft(expiresAt, at('2030-01-01T00:00:00Z'))).toBe(0);
  });

  it('runs for a year, also from the day that not every year has', () => {
    expect(yearFrom(at('2026-11-22T23:59:00Z'))).toBe('2027-11-22');
    expect(yearFrom(at('2028-02-29T12:00:00Z'))).toBe('2029-03-01');
    expect(lastDay(endOfLicence('2028-02-29'))).toBe('2028-02-29');
  });
});

it('the lower of two levels is the one that grants less', () => {
  expect(lowerLevel('professional', 'basic')).toBe('basic');
  expect(lowerLevel('professional', 'enterprise')).toBe('professional');
});

it('what each level brings is what the documentation says', async () => {
  const page = await readFile(new URL('../../../../docs/operating/accounts.md', import.meta.url), 'utf8');
  for (const [level, { limits, features }] of Object.entries(levelTerms)) {
    const counts = [limits.administrators, limits.properties, limits.terminals].map((count) => count ?? 'no limit');
    const enabled = Object.keys(features).filter((name) => features[name] === true);
    expect(page).toContain(`| \`${level}\` | ${counts.join(' | ')} | ${enabled.map((name) => `\`${name}\``).join(', ')} |`);
  }
});

describe('address blocks', () => {
  const isIn = (address: string, ...blocks: readonly string[]) => isInList(addressList(blocks), address);

  it('hold the addresses of their length, of both families, and nobody else', () => {
    expect(isIn('192.0.2.77', '192.0.2.0/24')).toBe(true);
    expect(isIn('192.0.3.1', '192.0.2.0/24')).toBe(false);
    expect(isIn('2001:db8:0:7::1', '2001:db8::/48')).toBe(true);
    expect(isIn('2001:db9::1', '2001:db8::/32')).toBe(false);
    expect(isIn('192.0.2.1', '2001:db8::/32', '192.0.2.1')).toBe(true);
    expect(isIn('198.51.100.9', '0.0.0.0/0')).toBe(true);
  });

  it('know an IPv4 address that came over IPv6, however it is written', () => {
    expect(isIn('::ffff:192.0.2.1', '192.0.2.0/24')).toBe(true);
    expect(isIn('::ffff:c000:201', '192.0.2.0/24')).toBe(true);
    expect(isIn('::ffff:198.51.100.1', '192.0.2.0/24')).toBe(false);
    expect(isIn('192.0.2.1', '::ffff:192.0.2.0/120')).toBe(true);
  });

  it('refuse what is none', () => {
    for (const block of [
      '',
      'localhost',
      '192.0.2.0/33',
      '192.0.2/24',
      '192.0.2.0/24/8',
      '192.0.2.0/',
      '192.0.2.0/-1',
      '::/129',
      'fe80::1%eth0',
      '1.2.3.4/ 8',
    ]) {
      expect(() => addressList([block]), block).toThrow(/address block/);
    }
  });
});
