/** What proves a backup, and what does not. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildZip, type ZipEntrySpec } from '@remendo/core/testing';
import { describe, expect, it, vi } from 'vitest';
import { patience } from '../testing/patience.js';
import { createBackupMonitor } from './backup-monitor.js';
import type { BackupJobSettings } from './backup-settings.js';
import { content, gzipOf, hourMs, jobIn, newWorld, type World, zipOf } from './backups.test.support.js';
import { runDueBackupJobs } from './run-due-jobs.js';
import type { VerifyOptions } from './verify-backup.js';

/** `ok`, or the state and the kind of what is wrong. */
async function verdict(world: World, more: Partial<BackupJobSettings> = {}, again?: VerifyOptions['again']): Promise<string> {
  const options = world.options({ jobs: [jobIn(world, more)] });
  const [job] = options.backups.jobs;
  if (job === undefined) throw new TypeError('there is a job');
  const { result } = (await createBackupMonitor(options).look(job, again)).checked;
  return [result.state, ...result.findings.map(({ kind }) => kind)].join(' ');
}

const flipped = (bytes: Uint8Array, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy.writeUInt8(copy.readUInt8(index) ^ 0x10, index);
  return copy;
};

const random = randomBytes(100_000);
const entries: readonly ZipEntrySpec[] = [
  { name: 'a', content: random },
  { name: '../b', content: 'stored', method: 0 },
];

describe('a zip', () => {
  it.each<readonly [what: string, bytes: Uint8Array, verdict: string]>([
    ['that is whole', buildZip(entries), 'ok'],
    [
      'in the form of zip64',
      buildZip(
        entries.map((entry) => ({ ...entry, zip64: true })),
        { zip64: true },
      ),
      'ok',
    ],
    ['with sizes behind the data', buildZip(entries.map((entry) => ({ ...entry, descriptor: true }))), 'ok'],
    ['of nothing', buildZip([]), 'ok'],
    ['that is cut', buildZip(entries).subarray(0, -100), 'corrupt zip_damaged'],
    ['with a byte changed in its data', flipped(buildZip(entries), 50_000), 'corrupt zip_damaged'],
    [
      'with a byte changed in what is stored',
      buildZip([{ name: 'a', content: 'abc', method: 0, encoded: Buffer.from('abd') }]),
      'corrupt zip_damaged',
    ],
    ['with a byte changed in its directory', flipped(buildZip(entries), -56), 'corrupt zip_damaged'],
    ['whose entry has another size', buildZip([{ name: 'a', content: 'abc', bytes: 2 }]), 'corrupt zip_damaged'],
    [
      'whose entries overlap',
      buildZip([
        { name: 'a', content: random },
        { name: 'b', content: random, ghost: true, localOffset: 0 },
      ]),
      'corrupt zip_damaged',
    ],
    ['that is something else', Buffer.from('this is no zip'), 'corrupt zip_damaged'],
    ['that is encrypted', buildZip([{ name: 'a', content: 'x', flags: 0x0801 }]), 'unreadable zip_encrypted'],
    ['in a method that nobody here knows', buildZip([{ name: 'a', content: 'x', method: 14 }]), 'unreadable zip_unsupported'],
    [
      'that is damaged behind what nobody here can test',
      buildZip([
        { name: 'a', content: 'x', method: 14 },
        { name: 'b', content: 'abc', crc32: 1 },
      ]),
      'corrupt zip_damaged',
    ],
  ])('%s', async (_what, bytes, expected) => {
    const world = await newWorld();
    await world.put('db.zip', bytes);
    expect(await verdict(world, { verify: ['archive'] })).toBe(expected);
  });

  it('that holds names without end is told of in few words, and what is known stays readable', async () => {
    const world = await newWorld();
    await world.put('db.zip', buildZip([{ name: 'x'.repeat(60_000), content: 'abc', crc32: 1 }]));
    for (const _ of [1, 2]) expect(await verdict(world)).toBe('corrupt zip_damaged');
    expect(world.logged.map(([event]) => event)).not.toContain('backups_records_damaged');
  });

  it('that can not be tested fails only where a test was asked for', async () => {
    const world = await newWorld();
    await world.put('db.zip', buildZip([{ name: 'a', content: 'x', flags: 0x0801 }]));
    expect(await verdict(world)).toBe('ok');
  });
});

describe('gzip', () => {
  const whole = gzipOf(300_000);
  const noisy = gzipSync(random);
  it.each<readonly [what: string, bytes: Uint8Array, verdict: string]>([
    ['that is whole', whole, 'ok'],
    ['of several members', Buffer.concat([whole, noisy, whole]), 'ok'],
    ['with zeros behind it, as on tapes', Buffer.concat([whole, Buffer.alloc(1_000_000)]), 'ok'],
    ['that is cut', whole.subarray(0, -5), 'corrupt gzip_damaged'],
    ['that is cut in its second member', Buffer.concat([noisy, noisy.subarray(0, 50_000)]), 'corrupt gzip_damaged'],
    ['with a changed byte', flipped(noisy, 50_000), 'corrupt gzip_damaged'],
    ['with a changed byte in its checksum', flipped(noisy, -6), 'corrupt gzip_damaged'],
    [
      'with a changed byte in the head of its second member',
      flipped(Buffer.concat([noisy, noisy]), noisy.length),
      'corrupt gzip_damaged',
    ],
    ['with something else behind it', Buffer.concat([whole, content(400_000)]), 'corrupt gzip_damaged'],
    ['that is something else', content(1_000), 'corrupt gzip_damaged'],
  ])('%s', async (_what, bytes, expected) => {
    const world = await newWorld();
    await world.put('db.tar.gz', bytes);
    expect(await verdict(world, { verify: ['archive'] })).toBe(expected);
  });

  it('is known by its first bytes too; what is no archive can not be tested as one', async () => {
    const world = await newWorld();
    await world.put('a.bak', gzipOf(1_000).subarray(0, 30));
    expect(await verdict(world, { verify: ['archive'] })).toBe('corrupt gzip_damaged');
    await world.put('b.bak', content(1_000), 0.5 * hourMs);
    expect(await verdict(world, { verify: ['archive'] })).toBe('unreadable no_archive');
    expect(await verdict(world)).toBe('ok');
  });
});

describe('a checksum', () => {
  const bytes = content(600_000);
  const hexOf = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');

  it.each([
    ['db.bak.sha256', `${hexOf('sha256')}  db.bak\n`],
    ['db.bak.md5', hexOf('md5')],
    ['db.bak.sha512sum', `${hexOf('sha512')} *db.bak\n`],
    ['sha1sums', `${'0'.repeat(40)}  other\n${hexOf('sha1')}  db.bak\n`],
    ['db.bak.SHA256', hexOf('sha256').toUpperCase()],
    ['SHA256SUMS.txt', `SHA256 (db.bak) = ${hexOf('sha256')}\n`],
  ])('in %s proves the file, and finds a changed byte', async (name, sums) => {
    const world = await newWorld();
    await world.put('db.bak', bytes);
    await world.put(name, sums);
    expect(await verdict(world, { verify: ['checksum'] })).toBe('ok');
    await world.put('db.bak', flipped(bytes, 300_000));
    // Only the middle has changed: neither size, time nor sample tell.
    expect(await verdict(world, { verify: ['checksum'] })).toBe('ok');
    expect(await verdict(world, { verify: ['checksum'] }, 'all')).toBe('corrupt checksum_differs');
  });

  it('has to be there where it is asked for, and to say something', async () => {
    const world = await newWorld();
    await world.put('db.bak', bytes);
    expect(await verdict(world, { verify: ['checksum'] })).toBe('unreadable no_checksum');
    expect(await verdict(world)).toBe('ok');
    await world.put('db.bak.sha256', 'CertUtil: no such file');
    expect(await verdict(world)).toBe('unreadable checksum_malformed');
  });
});

describe('a backup is not judged by a checksum that', () => {
  const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  it('is still to be written into its file', async () => {
    const world = await newWorld();
    await world.put('1.bak', content(10), 20 * hourMs);
    await world.put('2.bak', content(20));
    await world.put('2.bak.sha256', '');
    expect(await verdict(world)).toBe('ok');
    world.clock.advance(24 * hourMs);
    expect(await verdict(world)).toBe('unreadable checksum_malformed');
    await world.put('2.bak.sha256', hexOf(content(20)));
    expect(await verdict(world)).toBe('ok');
  });

  it('is that of the backup which it was written over, for a while', async () => {
    const world = await newWorld();
    await world.put('db.bak', content(10), 24 * hourMs);
    await world.put('db.bak.sha256', hexOf(content(10)), 23 * hourMs);
    expect(await verdict(world)).toBe('ok');
    await world.put('db.bak', content(20));
    expect(await verdict(world)).toBe('ok');
    world.clock.advance(4 * hourMs);
    expect(await verdict(world)).toBe('corrupt checksum_differs');
    await world.put('db.bak.sha256', hexOf(content(20)));
    expect(await verdict(world)).toBe('ok');
  });
});

describe('a command', () => {
  const node = (program: string, ...args: readonly string[]): Partial<BackupJobSettings> => ({
    verify: ['command'],
    command: [process.execPath, '-e', program, ...args],
  });

  it('gets the path as it is, without a shell between, and nothing secret', async () => {
    const world = await newWorld();
    const name = 'a b"$(id)&%PATH%\'.bak';
    await world.put(name, 'x');
    const report = join(world.home, 'report.json');
    const program = `require('fs').writeFileSync(process.argv[1], JSON.stringify([process.argv.slice(2), Object.keys(process.env)]))`;
    process.env.REMENDO_API_SECRET = 'not-for-children';
    expect(
      await verdict(world, node(program, report, '--file={file}', '{file}')).finally(() => delete process.env.REMENDO_API_SECRET),
    ).toBe('ok');
    const [args, names] = JSON.parse(await readFile(report, 'utf8')) as [string[], string[]];
    expect(args).toEqual([`--file=${join(world.folder, name)}`, join(world.folder, name)]);
    expect(names.filter((one) => one.startsWith('REMENDO_'))).toEqual([]);
  });

  it('says by its exit code that a backup is bad', async () => {
    const world = await newWorld();
    await world.put('db.bak', 'x');
    expect(await verdict(world, node('console.error("page 7 is torn"); process.exit(3)'))).toBe('corrupt command_refused');
    expect(await verdict(world, { verify: ['command'], command: [join(world.home, 'missing')] })).toBe(
      'unreadable command_unusable',
    );
  });

  it.skipIf(process.platform === 'win32')('that takes too long is ended with what it started', async () => {
    const world = await newWorld();
    await world.put('db.bak', 'x');
    const pidFile = join(world.home, 'pid');
    const child = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`;
    const program = `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}]);
      require('fs').writeFileSync(process.argv[1], String(c.pid)); setInterval(() => {}, 1000)`;
    let pid = 0;
    // More time for each try, until both have started: that may take longer than the first is given.
    for (let commandSecondsMax = 1; pid === 0; commandSecondsMax *= 3) {
      expect(await verdict(world, { ...node(program, pidFile), commandSecondsMax }, 'all')).toBe('unreadable command_late');
      pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
    }
    // Gone, or a zombie that nobody has waited for.
    const state = () =>
      readFile(`/proc/${pid}/stat`, 'utf8').then(
        (text) => text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3),
        () => 'gone',
      );
    await vi.waitFor(async () => expect(['gone', 'Z', 'X']).toContain(await state()), patience);
  });
});

it.skipIf(process.platform === 'win32')('stopping the monitor ends the command, and nothing is said of the backup', async () => {
  const world = await newWorld();
  await world.put('db.bak', 'x');
  const stop = new AbortController();
  const pidFile = join(world.home, 'pid');
  const program = `require('fs').writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000)`;
  const job = jobIn(world, { verify: ['command'], command: [process.execPath, '-e', program, pidFile] });
  const round = runDueBackupJobs(world.options({ jobs: [job] }, { signal: stop.signal }));
  await vi.waitFor(async () => expect(await readFile(pidFile, 'utf8')).not.toBe(''), patience);
  stop.abort(new Error('the agent ends'));
  expect(await round).toMatchObject({ lookedAt: [], undelivered: [] });
  const pid = Number(await readFile(pidFile, 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(world.logged).toEqual([]);
});

describe('what was found is remembered', () => {
  const count = async (world: World): Promise<number> => (await readFile(join(world.home, 'count'), 'utf8').catch(() => '')).length;
  const counting = (world: World, exit = 0): Partial<BackupJobSettings> => ({
    verify: ['command'],
    command: [
      process.execPath,
      '-e',
      `require('fs').appendFileSync(process.argv[1], 'x'); process.exit(${exit})`,
      join(world.home, 'count'),
    ],
    intervalSeconds: 31_536_000,
    verifyAgainHours: 48,
  });

  it('until the file changes, or for as long as the job says', async () => {
    const world = await newWorld();
    await world.put('db.bak', 'x');
    for (let n = 0; n < 3; n += 1) await verdict(world, counting(world));
    expect(await count(world)).toBe(1);
    await world.put('db.bak', 'y');
    await verdict(world, counting(world));
    expect(await count(world)).toBe(2);
    world.clock.advance(47 * hourMs);
    await verdict(world, counting(world));
    expect(await count(world)).toBe(2);
    world.clock.advance(hourMs);
    await verdict(world, counting(world));
    expect(await count(world)).toBe(3);
    await verdict(world, counting(world), 'all');
    expect(await count(world)).toBe(4);
  });

  it('also of a damaged one, but not when somebody asks', async () => {
    const world = await newWorld();
    await world.put('db.bak', 'x');
    for (let n = 0; n < 2; n += 1) expect(await verdict(world, counting(world, 1))).toBe('corrupt command_refused');
    expect(await count(world)).toBe(1);
    await verdict(world, counting(world, 1), 'damaged');
    expect(await count(world)).toBe(2);
    world.clock.advance(6 * hourMs);
    await verdict(world, counting(world, 1));
    expect(await count(world)).toBe(3);
  });

  it('and not believed when a clock was set back', async () => {
    const world = await newWorld();
    await world.put('db.bak', 'x', 100 * hourMs);
    await verdict(world, counting(world));
    world.clock.advance(-hourMs);
    await verdict(world, counting(world));
    expect(await count(world)).toBe(2);
  });
});

it('a file that changes while it is read is not judged', async () => {
  const world = await newWorld();
  await world.put('1.zip', zipOf(10), 5 * hourMs);
  await world.put('2.zip', zipOf(10));
  const path = join(world.folder, '2.zip');
  const program = `require('fs').appendFileSync(${JSON.stringify(path)}, 'more'); process.exit(1)`;
  const options = world.options({
    jobs: [
      jobIn(world, {
        verify: ['command'],
        command: [process.execPath, '-e', `if (process.argv[1].endsWith('2.zip')) { ${program} }`, '{file}'],
      }),
    ],
  });
  const [job] = options.backups.jobs;
  if (job === undefined) throw new TypeError('there is a job');
  const { result, isGrowing } = (await createBackupMonitor(options).look(job)).checked;
  expect([result.state, result.newest?.name, isGrowing]).toEqual(['ok', '1.zip', true]);
  await writeFile(path, '');
});
