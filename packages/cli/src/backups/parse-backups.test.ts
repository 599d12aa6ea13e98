import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isUpdaterError } from '@remendo/core';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { BackupSettings, type BackupTargetSettings } from './backup-settings.js';
import { newWorld, type World } from './backups.test.support.js';
import { parseBackups } from './parse-backups.js';

const folder = process.platform === 'win32' ? 'D:\\Backup' : '/backup';
const parse = ({ home }: Pick<World, 'home'>, settings: BackupSettings, environment: NodeJS.ProcessEnv = {}) =>
  parseBackups(settings, { home, environment, language: 'pt', allowInsecure: false });

function problemsOf(use: () => unknown): readonly string[] {
  try {
    use();
  } catch (error) {
    if (isUpdaterError(error) && error.code === 'CONFIG_INVALID') return error.details.problems as readonly string[];
    throw error;
  }
  return [];
}

const nowhere = { home: '/nowhere' };

describe('the setting backups', () => {
  it('needs of a job no more than name and folder', () => {
    const settings = { jobs: [{ name: 'database', folder }] };
    expect(Value.Check(BackupSettings, settings)).toBe(true);
    expect(parse(nowhere, settings).jobs[0]).toMatchObject({
      ...{ files: '*', intervalSeconds: 86_400, graceSeconds: 14_400, checkSeconds: 3_600, settleSeconds: 120 },
      ...{ bytesMin: 1, shrinkShareMax: 0.5, copiesMin: 1, freeBytesMin: 1_000_000_000, verify: null, tell: null },
    });
  });

  it('takes from a schedule how long it may be quiet', () => {
    const [job] = parse(nowhere, { jobs: [{ name: 'a', folder, cron: '0 2 * * 1-5' }] }).jobs;
    // From Friday to Monday; an hour more or less where clocks are changed.
    expect([71, 72, 73].map((hours) => hours * 3_600)).toContain(job?.intervalSeconds);
  });

  it('takes it from a busy schedule too, which is quiet at night and on weekends', () => {
    const gapOf = (cron: string) => parse(nowhere, { jobs: [{ name: 'a', folder, cron }] }).jobs[0]?.intervalSeconds ?? 0;
    // From Friday 18:50 to Monday 8:00.
    expect([60, 61, 62].map((hours) => hours * 3_600 + 600)).toContain(gapOf('*/10 8-18 * * 1-5'));
    expect(gapOf('*/10 * * * *')).toBe(600);
  });

  it('tells everything that is wrong at once', () => {
    const job = { name: 'a', folder: 'backup', cron: 'often', intervalSeconds: 60, verify: ['command' as const], tell: ['boss'] };
    const targets: BackupTargetSettings[] = [
      { name: 'mail', kind: 'mail', from: 'a@example.org', spreadsheetId: 'x' },
      { name: 'hook', kind: 'webhook', url: 'http://example.org/x', secretVariable: 'REMENDO_HOOK' },
      { name: 'server', kind: 'sheet', spreadsheetId: 'x', secretVariable: 'REMENDO_SHEET' },
    ];
    const environment = { REMENDO_HOOK: 's3cret-words', REMENDO_SHEET: '{"private_key":"s3cret-words"}' };
    const problems = problemsOf(() =>
      parse(nowhere, { jobs: [job, { name: 'a', folder, command: ['check'] }], targets, backupMaxAgeHours: 5 }, environment),
    );
    expect(problems).toEqual([
      'backups.mail: to is missing',
      'backups.mail: spreadsheetId is nothing that a mail takes',
      'backups.mail: name exactly one of secretFile, secretVariable and url',
      'backups.hook: http://example.org is plain http to another machine',
      'backups.server: the secret is not the JSON that Google hands out for a service account',
      'backups.a: folder must be absolute',
      'backups.a: cron and intervalSeconds exclude each other',
      expect.stringMatching(/^backups\.a: cron can not be read: /),
      'backups.a: verify with command and the command itself belong together',
      'backups.a: tell names boss, which is no target',
      'backups.a: verify with command and the command itself belong together',
      'backups.a: command has to begin with the absolute path of a program',
      "backups.targets: server is there twice, or the server's own name",
      'backups.jobs: a is there twice',
    ]);
    expect(problems.join()).not.toContain('s3cret');
  });

  it('that guards updates needs something to guard them with', () => {
    const settings = { jobs: [{ name: 'a', folder, guardsUpdates: false }], backupMaxAgeHours: 24 };
    expect(problemsOf(() => parse(nowhere, settings))).toEqual(['backups.backupMaxAgeHours: no job guards updates']);
  });

  it.each([
    ['an interval of no time', { intervalSeconds: 0 }],
    ['a share above the whole', { shrinkShareMax: 1.5 }],
    ['a way to prove that there is not', { verify: ['hope'] }],
    ['a field that there is not', { bytesMinimum: 1 }],
    ['no name', { name: '' }],
    ['a name that no server stores', { name: 'a\0b' }],
  ])('does not take %s', (_what, more) => {
    expect(Value.Check(BackupSettings, { jobs: [{ name: 'a', folder, ...more }] })).toBe(false);
  });
});

describe('a secret', () => {
  const mail: BackupTargetSettings = { name: 'owner', kind: 'mail', from: 'erp@example.org', to: ['owner@example.org'] };
  const secret = 'smtp://erp:p%40ss@mail.example.org:587';

  it('comes from the environment or from a file of its own', async () => {
    const world = await newWorld();
    await writeFile(join(world.home, 'mail-secret'), `${secret}\n`, { mode: 0o600 });
    const targetOf = (more: object, environment = {}) =>
      parse(world, { jobs: [], targets: [{ ...mail, ...more }] }, environment).targets[0];
    expect(targetOf({ secretFile: 'mail-secret' })).toMatchObject({ url: secret, language: 'pt' });
    expect(targetOf({ secretVariable: 'REMENDO_MAIL', language: 'it' }, { REMENDO_MAIL: secret })).toMatchObject({
      url: secret,
      language: 'it',
    });
    expect(targetOf({ url: 'smtp://mail.example.org' })).toMatchObject({ url: 'smtp://mail.example.org' });
  });

  it('never stands in the configuration itself, nor in a file that others may read', async () => {
    const world = await newWorld();
    const problems = (more: object) => problemsOf(() => parse(world, { jobs: [], targets: [{ ...mail, ...more }] }));
    expect(problems({ url: secret })).toEqual([
      'backups.owner: url holds a password, which belongs into a secretFile: the whole address',
    ]);
    await writeFile(join(world.home, 'open'), secret);
    await chmod(join(world.home, 'open'), 0o644);
    if (process.platform !== 'win32')
      expect(problems({ secretFile: 'open' })).toEqual([expect.stringMatching(/others may read .*chmod 600/)]);
    expect(problems({ secretFile: 'missing' })).toEqual([expect.stringContaining('ENOENT')]);
    expect(problems({ secretVariable: 'REMENDO_NONE' })).toEqual(['backups.owner: REMENDO_NONE holds no secret']);
    expect(problems({ secretVariable: 'REMENDO_NONE', url: 'smtp://x' })).toEqual([
      'backups.owner: name exactly one of secretFile, secretVariable and url',
    ]);
  });
});
