/** Every state, with real folders and files. */
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBackupMonitor } from './backup-monitor.js';
import type { BackupJobSettings } from './backup-settings.js';
import { content, hourMs, jobIn, minuteMs, never, newWorld, type World, zipOf } from './backups.test.support.js';
import { listBackupFiles, plainPath } from './list-backup-files.js';

/** State and kinds of what is wrong, as one look sees them. */
async function look(world: World, more: Partial<BackupJobSettings> = {}, free = 10_000_000_000) {
  const options = world.options({ jobs: [jobIn(world, more)] }, { freeBytes: async () => free });
  const monitor = createBackupMonitor(options);
  const [job] = options.backups.jobs;
  if (job === undefined) throw new TypeError('there is a job');
  const { checked } = await monitor.look(job);
  const { state, findings, newest, files } = checked.result;
  return { state, kinds: findings.map(({ kind }) => kind), newest: newest?.name ?? null, files, isGrowing: checked.isGrowing };
}

describe('a backup is', () => {
  it('ok when a file is there, young, whole and large enough', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(1_000));
    expect(await look(world)).toEqual({ state: 'ok', kinds: [], newest: 'db.zip', files: 1, isGrowing: false });
  });

  it('missing without its folder, and where a file stands in its place', async () => {
    const world = await newWorld();
    await rm(world.folder, { recursive: true });
    expect(await look(world)).toMatchObject({ state: 'missing', kinds: ['folder_missing'] });
    await writeFile(world.folder, '');
    expect((await look(world)).state).toBe('missing');
  });

  it('empty when no file matches, or the newest has nothing in it', async () => {
    const world = await newWorld();
    await world.put('readme.txt', 'x');
    expect(await look(world, { files: '*.zip' })).toMatchObject({ state: 'empty', kinds: ['no_file'] });
    await world.put('a.zip', zipOf(10), 2 * hourMs);
    await world.put('b.zip', '');
    expect(await look(world, { files: '*.zip' })).toMatchObject({ state: 'empty', kinds: ['file_empty'], newest: 'b.zip' });
  });

  it('stale from the end of its grace on', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10), 0);
    const times = { intervalSeconds: 3_600, graceSeconds: 600 };
    world.clock.advance(70 * minuteMs);
    expect((await look(world, times)).state).toBe('ok');
    world.clock.advance(minuteMs);
    expect(await look(world, times)).toMatchObject({ state: 'stale', kinds: ['too_old'] });
  });

  it('too small, shrunk, too few, or short of space', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(1_000));
    expect(await look(world, { bytesMin: 5_000 })).toMatchObject({ state: 'too_small', kinds: ['file_small'] });
    expect((await look(world)).state).toBe('ok');
    await world.put('2.zip', zipOf(100), 30 * minuteMs);
    expect(await look(world)).toMatchObject({ state: 'shrunk', kinds: ['file_shrunk'] });
    expect((await look(world, { shrinkShareMax: 0.9 })).state).toBe('ok');
    expect(await look(world, { copiesMin: 3, shrinkShareMax: 1 })).toMatchObject({ state: 'too_few', kinds: ['few_copies'] });
    expect(await look(world, { shrinkShareMax: 1 }, 5)).toMatchObject({ state: 'disk_low', kinds: ['disk_low'] });
  });

  it('in the gravest state of several, and tells all of them', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(1_000).subarray(0, 500));
    const bad = { bytesMin: 5_000, copiesMin: 3 };
    expect(await look(world, bad, 5)).toMatchObject({
      state: 'corrupt',
      kinds: ['zip_damaged', 'file_small', 'few_copies', 'disk_low'],
    });
    world.clock.advance(100 * hourMs);
    expect(await look(world, bad, 5)).toMatchObject({ state: 'stale', kinds: ['too_old', 'file_small', 'few_copies', 'disk_low'] });
  });
});

/** As somebody who may not read what others keep from them: root may read everything. */
async function asNobody<T>(use: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return await use();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe.skipIf(process.platform === 'win32')('a backup is unreadable', () => {
  it('when its folder, or a file in it, is for others', async () => {
    const { chmod, opendir } = await import('node:fs/promises');
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    await chmod(join(world.folder, '..'), 0o755);
    await chmod(world.folder, 0o000);
    const options = { folder: world.folder, files: '*', signal: never };
    expect(await asNobody(() => listBackupFiles(options))).toMatchObject({ kind: 'folder_unreadable', values: { why: 'EACCES' } });
    await chmod(world.folder, 0o755);
    await chmod(join(world.folder, 'db.zip'), 0o000);
    await chmod(world.home, 0o777);
    expect(await asNobody(() => look(world))).toMatchObject({ state: 'unreadable', kinds: ['file_unreadable'] });
    await (await opendir(world.folder)).close();
  });

  it('when a folder below it is for others, but for those that systems keep and that no pattern means', async () => {
    const { chmod } = await import('node:fs/promises');
    const world = await newWorld();
    await world.put('2026/db.zip', zipOf(10));
    await chmod(join(world.folder, '..'), 0o755);
    await world.put('$RECYCLE.BIN/S-1-5-21/gone.zip', 'thrown away', 0);
    for (const name of ['lost+found', '.snapshot', 'System Volume Information']) await mkdir(join(world.folder, name), { mode: 0 });
    const listed = () => asNobody(() => listBackupFiles({ folder: world.folder, files: '**/*.zip', signal: never }));
    expect(await listed()).toMatchObject({ count: 1, files: [{ name: '2026/db.zip' }] });
    const closed = join(world.folder, '2026', 'closed');
    await mkdir(closed, { mode: 0 });
    expect(await listed()).toEqual({ kind: 'folder_unreadable', values: { folder: closed, why: 'EACCES' } });
    for (const name of ['lost+found', '.snapshot', 'System Volume Information', '2026/closed'])
      await chmod(join(world.folder, name), 0o755);
  });

  it('when its folder leads in a circle, and when it holds too much to be judged', async () => {
    const world = await newWorld();
    const circle = join(world.home, 'circle');
    await symlink(circle, circle);
    expect(await listBackupFiles({ folder: circle, files: '*', signal: never })).toMatchObject({ kind: 'folder_unreadable' });
    for (const name of ['1', '2', '3']) await world.put(name, 'x');
    const options = { folder: world.folder, files: '*', signal: never, entriesMax: 2 };
    expect(await listBackupFiles(options)).toMatchObject({ kind: 'folder_too_large', values: { entries: 2 } });
  });
});

describe('a file that is still being written', () => {
  it('is not judged; the one before it is', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(1_000), 20 * hourMs);
    await world.put('2.zip', zipOf(1_000).subarray(0, 500), minuteMs);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: '1.zip', isGrowing: true });
    world.clock.advance(2 * minuteMs);
    expect(await look(world)).toMatchObject({ state: 'corrupt', newest: '2.zip', isGrowing: false });
  });

  it('counts as new, so that one that takes hours is not called too old', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(10), 27 * hourMs);
    expect((await look(world)).state).toBe('ok');
    world.clock.advance(2 * hourMs);
    await world.put('2.zip', 'PK', 0);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: '1.zip', isGrowing: true });
  });

  it('does not hide for ever that nothing is finished any more', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(10), 100 * hourMs);
    await world.put('2.zip', 'PK', 0);
    expect((await look(world)).state).toBe('stale');
  });

  it('alone changes nothing of what was said before', async () => {
    const world = await newWorld();
    await world.put('1.zip', 'PK', 0);
    expect(await look(world)).toMatchObject({ state: 'ok', isGrowing: true });
    await rm(join(world.folder, '1.zip'));
    expect(await look(world)).toMatchObject({ state: 'empty', kinds: ['no_file'] });
    await world.put('1.zip', 'PK', 0);
    expect(await look(world)).toMatchObject({ state: 'empty', kinds: ['no_file'], isGrowing: true });
  });

  it('alone and without an end is no backup: that is stale after twice the time that is allowed', async () => {
    const world = await newWorld();
    const states: string[] = [];
    for (let hours = 0; hours <= 60; hours += 4) {
      await world.put('live.db', 'x'.repeat(hours), 0);
      states.push((await look(world)).state);
      world.clock.advance(4 * hourMs);
    }
    // A day and four hours, twice.
    expect(states.lastIndexOf('ok') * 4).toBe(56);
    await world.put('live.db', 'y', 0);
    expect(await look(world)).toMatchObject({ state: 'stale', kinds: ['never_finished'] });
    world.clock.advance(hourMs);
    expect((await look(world)).state).toBe('ok');
  });

  it('is known by what it does where the clock of its writer is ahead', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(10), 5 * hourMs);
    await world.put('2.zip', 'PK', -hourMs);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: '1.zip', isGrowing: true });
    await world.put('2.zip', zipOf(10), -1.1 * hourMs);
    world.clock.advance(minuteMs);
    expect(await look(world)).toMatchObject({ newest: '1.zip', isGrowing: true });
    world.clock.advance(3 * minuteMs);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: '2.zip', isGrowing: false });
  });

  it('heals nothing before it is finished', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(10), 29 * hourMs);
    expect((await look(world)).state).toBe('stale');
    await world.put('2.zip', zipOf(10), 0);
    expect((await look(world)).state).toBe('stale');
    world.clock.advance(3 * minuteMs);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: '2.zip' });
  });

  it('is known by its name where programs have one for that', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(10));
    for (const name of ['2.zip.tmp', '2.zip.part', '2.zip.partial']) await world.put(name, 'PK', 10 * minuteMs);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: '1.zip', files: 1 });
  });
});

describe('times', () => {
  it('that lie ahead make a file new once, not for ever', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10), -1_000 * hourMs);
    expect((await look(world)).state).toBe('ok');
    world.clock.advance(27 * hourMs);
    expect((await look(world)).state).toBe('ok');
    world.clock.advance(2 * hourMs);
    expect((await look(world)).state).toBe('stale');
  });

  it('that lie ahead of one file do not hide the new ones', async () => {
    const world = await newWorld();
    await world.put('ahead.zip', zipOf(10), -10_000 * hourMs);
    await look(world);
    world.clock.advance(48 * hourMs);
    await world.put('today.zip', zipOf(10), hourMs);
    expect(await look(world)).toMatchObject({ state: 'ok', newest: 'today.zip' });
  });

  it('of a clock that was set back by a year count from then on', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    expect((await look(world)).state).toBe('ok');
    world.clock.advance(-365 * 24 * hourMs);
    expect((await look(world)).state).toBe('ok');
    world.clock.advance(30 * hourMs);
    expect((await look(world)).state).toBe('stale');
  });

  it('of a schedule: a weekend is quiet, a missed Monday is not', async () => {
    const world = await newWorld();
    // 2026-01-02 is a Friday.
    const weekdays = { cron: '0 2 * * 1-5', graceSeconds: 3_600 };
    const at = async (date: Date) => {
      world.clock.advance(date.getTime() - world.clock.now());
      return (await look(world, weekdays)).state;
    };
    await world.put('db.zip', zipOf(10), world.clock.now() - new Date(2026, 0, 2, 2, 20).getTime());
    expect(await at(new Date(2026, 0, 2, 9, 0))).toBe('ok');
    expect(await at(new Date(2026, 0, 4, 23, 0))).toBe('ok');
    expect(await at(new Date(2026, 0, 5, 2, 59))).toBe('ok');
    expect(await at(new Date(2026, 0, 5, 3, 1))).toBe('stale');
  });
});

describe('the folder', () => {
  it('is not left through links, neither to files nor to folders', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    await mkdir(join(world.home, 'elsewhere'));
    await writeFile(join(world.home, 'elsewhere', 'x.zip'), 'not a zip');
    await symlink(join(world.home, 'elsewhere', 'x.zip'), join(world.folder, 'z.zip'));
    await symlink(join(world.home, 'elsewhere'), join(world.folder, 'more'));
    expect(await look(world, { files: '**/*.zip' })).toMatchObject({ state: 'ok', files: 1, newest: 'db.zip' });
  });

  it('may itself be one, and is searched as deep as the pattern says', async () => {
    const world = await newWorld();
    await world.put('2026/01/db.zip', zipOf(10));
    await world.put('top.zip', 'no zip', 0);
    await rename(world.folder, join(world.home, 'real'));
    await symlink(join(world.home, 'real'), world.folder);
    expect(await look(world, { files: '2026/*/*.zip' })).toMatchObject({ state: 'ok', newest: '2026/01/db.zip' });
  });

  it('holds files by whatever name', async () => {
    const world = await newWorld();
    const names = [
      'Cópia de segurança (1).zip'.normalize('NFD'),
      '"quoted" \n\t.zip',
      '備份.zip',
      '-rf.zip',
      '[x]{y}.zip',
      ' .zip',
    ];
    for (const name of names) {
      await world.put(name, zipOf(10));
      const seen = await look(world, { files: '*.zip' });
      expect([seen.state, seen.newest]).toEqual(['ok', name]);
      await rm(join(world.folder, name));
    }
    await world.put('Cópia.zip'.normalize('NFD'), zipOf(10));
    expect((await look(world, { files: 'Cópia*.zip'.normalize('NFC') })).state).toBe('ok');
  });

  it.skipIf(process.platform === 'win32')('holds files whose names are no UTF-8', async () => {
    const world = await newWorld();
    await world.put(Buffer.from('C\xf3pia.zip', 'latin1'), zipOf(10));
    expect(await look(world, { files: '*.zip' })).toMatchObject({ state: 'ok', newest: 'C\ufffdpia.zip' });
  });

  it('is called by commands and people as they know it, also where Windows wants it otherwise', () => {
    const plain = (path: string): string => plainPath(Buffer.from(path));
    expect(plain('\\\\?\\D:\\Backup\\db.zip')).toBe('D:\\Backup\\db.zip');
    expect(plain('\\\\?\\UNC\\nas\\erp\\db.zip')).toBe('\\\\nas\\erp\\db.zip');
    expect(plain('/backup/db.zip')).toBe('/backup/db.zip');
  });

  it('does not count what lies beside backups', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    for (const name of ['desktop.ini', 'Thumbs.db', '.DS_Store', 'SHA256SUMS.old.sha256', 'MD5SUMS']) await world.put(name, 'x', 0);
    expect(await look(world, { verify: ['exists'] })).toMatchObject({ files: 1, newest: 'db.zip' });
  });

  it('may hold thousands of files: all count, the newest is found', async () => {
    const world = await newWorld();
    const old = (world.clock.now() - 48 * hourMs) / 1_000;
    await Promise.all(
      Array.from({ length: 1_200 }, async (_, index) => {
        await writeFile(join(world.folder, `${index}.zip`), 'x');
        await utimes(join(world.folder, `${index}.zip`), old, old);
      }),
    );
    await world.put('new.zip', zipOf(10));
    expect(await look(world)).toMatchObject({ state: 'ok', files: 1_201, newest: 'new.zip' });
  });

  it('that says nothing at all is given up', async () => {
    const world = await newWorld();
    await world.put('db.zip', content(10));
    const options = world.options({ jobs: [jobIn(world)] });
    const [job] = options.backups.jobs;
    if (job === undefined) throw new TypeError('there is a job');
    const { checkJob } = await import('./check-job.js');
    const { emptyRecord } = await import('./advance-record.js');
    // A sleep of no time is over before the system can answer.
    const { result } = await checkJob(job, emptyRecord('database'), { ...options, silentMsMax: 0 });
    expect(result).toMatchObject({ state: 'unreadable', findings: [{ kind: 'folder_silent' }] });
    const late = await checkJob({ ...job, lookSecondsMax: 0 }, emptyRecord('database'), options);
    expect(late.result).toMatchObject({ state: 'unreadable', findings: [{ kind: 'look_late', values: { seconds: 0 } }] });
  });
});
