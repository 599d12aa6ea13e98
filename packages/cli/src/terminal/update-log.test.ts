import { existsSync, writeFileSync } from 'node:fs';
import { appendFile, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { readUpdateLog } from './read-update-log.js';
import { openUpdateLog, type UpdateLogOptions } from './update-log.js';

const makeFolder = temporaryFolders();
const options = (path: string, over: Partial<UpdateLogOptions> = {}): UpdateLogOptions => ({
  path,
  command: 'install',
  now: () => new Date(0),
  makeFolder: true,
  onFailure: (message) => {
    throw new Error(message);
  },
  ...over,
});

describe('update.log', () => {
  it('holds one JSON object a line, in snake_case', async () => {
    const path = join(await makeFolder(), 'home', 'update.log');
    const log = openUpdateLog(options(path));
    log.write('command_started', { state: 'started', terminalId: 'x' });
    log.write('confirmed');
    const lines = (await readFile(path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        command: 'install',
        pid: process.pid,
        event: 'command_started',
        state: 'started',
        terminal_id: 'x',
      },
      { time: '1970-01-01T00:00:00.000Z', command: 'install', pid: process.pid, event: 'confirmed' },
    ]);
  });

  it('shows what comes from outside as it is written in JSON: nobody writes a line of its own, or to the screen of who reads it', async () => {
    const path = join(await makeFolder(), 'update.log');
    const hostile = 'a\r\n{"event":"confirmed"}\u001b[2J\u009b2J\u007f\u0085\u2028\u202e\u{e0041}b';
    openUpdateLog(options(path)).write('plan_failed', { label: hostile, [hostile]: 1 });
    const text = await readFile(path, 'utf8');
    expect(text.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(text)).toMatchObject({ label: hostile });
  });

  it('a line that a full disk or a power cut left without its end takes none of the next along', async () => {
    const path = join(await makeFolder(), 'update.log');
    const log = openUpdateLog(options(path));
    log.write('one');
    await appendFile(path, '{"time":"1970-01-01T00:0');
    log.write('two');
    log.write('three');
    expect(readUpdateLog(dirname(path)).map(({ event }) => event)).toEqual(['one', 'two', 'three']);
  });

  it('above its limit becomes update.log.1, so that both together stay small', async () => {
    const path = join(await makeFolder(), 'update.log');
    const log = openUpdateLog(options(path, { bytesMax: 1_000 }));
    for (let index = 0; index < 100; index++) log.write('event', { index });
    expect((await stat(path)).size + (await stat(`${path}.1`)).size).toBeLessThan(2_400);
    expect((await readFile(path, 'utf8')).trim().split('\n').at(-1)).toContain('"index":99');
  });

  it('keeps so many older files, and forgets the oldest', async () => {
    const path = join(await makeFolder(), 'update.log');
    const log = openUpdateLog(options(path, { bytesMax: 200, oldFilesMax: 3 }));
    for (let index = 0; index < 40; index++) log.write('event', { index });
    const kept = await Promise.all([`${path}.3`, `${path}.2`, `${path}.1`, path].map((file) => readFile(file, 'utf8')));
    const indexes = kept.flatMap((text) => text.trim().split('\n')).map((line) => (JSON.parse(line) as { index: number }).index);
    expect(indexes).toEqual(Array.from({ length: indexes.length }, (_, index) => 40 - indexes.length + index));
    expect(existsSync(`${path}.4`)).toBe(false);
    const bare = openUpdateLog(options(path, { bytesMax: 1, oldFilesMax: 0 }));
    bare.write('one');
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  it('that another program is turning over, or died at it, takes every line all the same', async () => {
    const path = join(await makeFolder(), 'update.log');
    const log = openUpdateLog(options(path, { bytesMax: 100 }));
    await writeFile(path, 'x'.repeat(200));
    // Of this very moment: one of ten seconds ago is given up for dead.
    writeFileSync(`${path}.rotating`, '');
    log.write('one');
    expect(await readFile(path, 'utf8')).toContain('"one"');
    await utimes(`${path}.rotating`, new Date(), new Date(Date.now() - 60_000));
    log.write('two');
    expect(await readFile(`${path}.1`, 'utf8')).toContain('"one"');
    expect(await readFile(path, 'utf8')).toContain('"two"');
  });

  it('loses no line when several programs write and turn it over at the same time', async () => {
    const path = join(await makeFolder(), 'update.log');
    const logs = Array.from({ length: 4 }, () => openUpdateLog(options(path, { bytesMax: 2_000, oldFilesMax: 99 })));
    for (let index = 0; index < 200; index++) logs[index % 4]?.write('event', { index });
    const files = (await readdir(dirname(path))).filter((name) => name.startsWith('update.log'));
    const texts = await Promise.all(files.map((name) => readFile(join(dirname(path), name), 'utf8')));
    const lines = texts.flatMap((text) => text.trim().split('\n'));
    expect(new Set(lines.map((line) => (JSON.parse(line) as { index: number }).index)).size).toBe(200);
  });

  it('is read back from the end, older file first, without what was torn', async () => {
    const home = await makeFolder();
    const path = join(home, 'update.log');
    const log = openUpdateLog(options(path, { bytesMax: 1_000, oldFilesMax: 9 }));
    for (let index = 0; index < 30; index++) log.write('event', { index });
    await appendFile(path, '{"time":"1970-01-01T00:00:00.000Z","command":"ins');
    const indexes = readUpdateLog(home).map(({ index }) => index);
    expect(indexes.at(-1)).toBe(29);
    expect(indexes.length).toBeGreaterThan(8);
    expect(readUpdateLog(home, { entriesMax: 3 }).map(({ index }) => index)).toEqual([27, 28, 29]);
    expect(readUpdateLog(home, { bytesMax: 300 }).map(({ index }) => index)).toEqual([28, 29]);
    expect(readUpdateLog(join(home, 'nowhere'))).toEqual([]);
  });

  it('a command that only looks makes no folder for it', async () => {
    const folder = join(await makeFolder(), 'nowhere');
    openUpdateLog(options(join(folder, 'update.log'), { makeFolder: false })).write('checked');
    expect(existsSync(folder)).toBe(false);
  });

  it('that can not be written stops nothing and is said once', async () => {
    const messages: string[] = [];
    const log = openUpdateLog(options(await makeFolder(), { onFailure: (message) => messages.push(message) }));
    log.write('one');
    log.write('two');
    expect(messages).toHaveLength(1);
  });
});
