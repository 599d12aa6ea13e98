import { installLayout } from '@remendo/core';
import { expect, it } from 'vitest';
import { guardInstall, judge } from './guard-install.js';
import type { OtherWriter, Safety } from './install-permissions.js';

const layout = installLayout('/opt/erp');
const writers: readonly OtherWriter[] = [{ path: '/opt/erp', who: 'everybody' }];

function judged(safety: Safety): readonly string[] {
  const warnings: string[] = [];
  judge({ language: 'en', warn: (text) => void warnings.push(text) }, layout, safety);
  return warnings;
}

it('says nothing where nobody else can write', () => {
  expect(judged({ writers: [], isPrivileged: true, unknown: null })).toEqual([]);
});

it('warns once where others can write who may do as much', () => {
  const warnings = judged({ writers, isPrivileged: false, unknown: null });
  expect(warnings).toEqual([expect.stringContaining('/opt/erp (everybody)')]);
});

it('refuses where this program may do more than those who can write', () => {
  expect(() => judged({ writers, isPrivileged: true, unknown: null })).toThrow(
    expect.objectContaining({ code: 'INSTALL_UNSAFE', details: { root: '/opt/erp', writers: ['/opt/erp (everybody)'] } }),
  );
});

it('says so where it can not be told, and goes on', () => {
  expect(judged({ writers: [], isPrivileged: true, unknown: 'icacls.exe did not succeed (5)' })).toEqual([
    expect.stringContaining('can not be told'),
  ]);
});

it('names a few of many, without what could harm a screen', () => {
  const many = Array.from({ length: 9 }, (_, index) => ({ path: `/opt/\u001b[2J${index}`, who: 'everybody' }));
  const [warning = ''] = judged({ writers: many, isPrivileged: false, unknown: null });
  expect(warning).toContain('4 more');
  expect(warning).not.toContain('\u001b');
});

it('a command that checks and then installs warns once, and is refused whenever it would be', async () => {
  const warnings: string[] = [];
  const output = { language: 'en' as const, warn: (text: string) => void warnings.push(text) };
  const safety = (isPrivileged: boolean) => ({
    inspect: async () => ({ writers, isPrivileged, unknown: null }),
    planTightening: async () => [],
  });
  for (let time = 0; time < 2; time++) await guardInstall(output, layout, safety(false));
  expect(warnings).toHaveLength(1);
  await expect(guardInstall(output, layout, safety(true))).rejects.toMatchObject({ code: 'INSTALL_UNSAFE' });
});
