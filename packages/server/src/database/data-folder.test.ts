import { chmod, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createTestLog } from '../testing/test-log.js';
import { newDataFolder } from '../testing/test-server.js';
import { makeDataFolder } from './data-folder.js';
import { openDatabase } from './open-database.js';

async function newPlace(): Promise<string> {
  const place = await newDataFolder();
  onTestFinished(() => rm(place, { recursive: true }));
  return place;
}

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

it.skipIf(process.platform === 'win32')("is the server's user's alone when it is made, whatever the umask", async () => {
  const folder = join(await newPlace(), 'above', 'data');
  const before = process.umask(0o000);
  onTestFinished(() => void process.umask(before));
  const { log, lines } = createTestLog();
  await makeDataFolder(folder, log);
  expect(await modeOf(folder)).toBe('700');
  expect(await modeOf(join(folder, '..'))).toBe('777');
  await makeDataFolder(folder, log);
  expect(lines).toEqual([]);
});

it.skipIf(process.platform === 'win32')('stays as it is when others can look into it, and the log warns', async () => {
  const folder = join(await newPlace(), 'data');
  await mkdir(folder);
  await chmod(folder, 0o755);
  const { log, lines } = createTestLog();
  await makeDataFolder(folder, log);
  expect(await modeOf(folder)).toBe('755');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event: 'data_folder_open', folder, mode: '755' }]);
});

it.skipIf(process.platform === 'win32')(
  'has an embedded database that nobody else looks into, whatever the folder is',
  async () => {
    const folder = join(await newPlace(), 'database');
    const { close } = await openDatabase({ kind: 'embedded', folder }, () => {});
    await close();
    expect(await modeOf(folder)).toBe('700');
  },
  60_000,
);
