import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { SelfUpdateSettings, selfUpdateConfigOf } from './self-update-settings.js';

const single = { executable: resolve('/opt/agent/remendo'), isSingleExecutable: true, applicationRoot: resolve('/opt/erp') };
const script = { ...single, executable: resolve('/usr/bin/node'), isSingleExecutable: false };

describe('selfUpdateConfigOf', () => {
  it('takes a single executable in a folder of its own for an install of the agent', () => {
    expect(selfUpdateConfigOf(null, single)).toEqual({
      root: resolve('/opt/agent'),
      home: resolve('/opt/agent/.remendo'),
      program: 'remendo',
      application: 'remendo-agent',
      platform: process.platform === 'win32' ? 'win-x64' : 'linux-x64',
      channel: 'stable',
      startsMax: 3,
      qualifyMsMax: 60_000,
    });
  });

  it('finds the same install from the spare', () => {
    const spare = { ...single, executable: resolve('/opt/agent/.remendo/spare/remendo') };
    expect(selfUpdateConfigOf(null, spare)).toEqual(selfUpdateConfigOf(null, single));
    expect(() => selfUpdateConfigOf({ home: '/var/agent' }, single)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('leaves alone what runs on an installed Node.js, and what nobody wants to be updated', () => {
    expect(selfUpdateConfigOf(null, script)).toBeNull();
    expect(selfUpdateConfigOf({ enabled: false }, single)).toBeNull();
    expect(selfUpdateConfigOf({ root: '/opt/other', program: 'agent' }, script)).toMatchObject({ root: resolve('/opt/other') });
  });

  it('never takes the install root of the application for the agent', () => {
    const beside = { ...single, applicationRoot: resolve('/opt/agent') };
    expect(selfUpdateConfigOf(null, beside)).toBeNull();
    expect(() => selfUpdateConfigOf({ enabled: true }, beside)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => selfUpdateConfigOf({ root: '/opt/erp' }, single)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.skipIf(process.platform === 'win32')('knows the install root of the application by any of its names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'remendo-own-root-'));
    mkdirSync(join(folder, 'erp'));
    symlinkSync(join(folder, 'erp'), join(folder, 'current'));
    const beside = { ...single, executable: join(folder, 'erp', 'remendo'), applicationRoot: join(folder, 'current') };
    expect(selfUpdateConfigOf(null, beside)).toBeNull();
    rmSync(folder, { recursive: true });
  });

  it.each([
    { program: '../erp' },
    { program: 'a/b' },
    { startsMax: 0 },
    { qualifySecondsMax: 601 },
    { application: 'A B' },
    { more: 1 },
  ])('refuses %j', (given) => expect(Value.Check(SelfUpdateSettings, given)).toBe(false));
});
