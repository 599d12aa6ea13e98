import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
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

  it('above its limit becomes update.log.1, so that both together stay small', async () => {
    const path = join(await makeFolder(), 'update.log');
    const log = openUpdateLog(options(path, { bytesMax: 1_000 }));
    for (let index = 0; index < 100; index++) log.write('event', { index });
    expect((await stat(path)).size + (await stat(`${path}.1`)).size).toBeLessThan(2_400);
    expect((await readFile(path, 'utf8')).trim().split('\n').at(-1)).toContain('"index":99');
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
