import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { holdOf, readHold } from './hold-lock.js';

const makeFolder = temporaryFolders();
const hourMs = 3_600_000;

async function hold(text: string | Buffer, ageHours: number) {
  const path = join(await makeFolder(), 'hold');
  const nowMs = Date.now();
  await writeFile(path, text);
  await utimes(path, new Date(), new Date(nowMs - ageHours * hourMs));
  return readHold({ path, hoursMax: 12, nowMs }).kind;
}

it('holds while the file is there, whatever it says, until it is too old', async () => {
  expect(await hold('', 0)).toBe('held');
  expect(await hold('mid-sale', 11)).toBe('held');
  expect(await hold('mid-sale', 13)).toBe('stale');
  expect(await hold('mid-sale', -13)).toBe('stale');
});

it('ends with the process that it names, and not before', async () => {
  // No system has a process of such a number.
  expect(await hold(`${process.pid}\n`, 1)).toBe('held');
  expect(await hold('2147483647\r\n', 1)).toBe('stale');
  // As PowerShell writes it.
  expect(await hold(Buffer.from('\ufeff2147483647\r\n', 'utf16le'), 1)).toBe('stale');
  expect(await hold(Buffer.from(`\ufeff${process.pid}\r\n`, 'utf16le'), 1)).toBe('held');
});

it('without a file nothing is held, and a folder of that name is no hold', async () => {
  const path = await makeFolder();
  const asked = { hoursMax: 1, nowMs: Date.now() };
  expect(holdOf(null, path, 0).kind).toBe('none');
  await writeFile(join(path, 'mid-sale'), '');
  expect(holdOf({ holdFile: 'mid-sale' }, path, Date.now()).kind).toBe('held');
  expect(readHold({ ...asked, path }).kind).toBe('none');
  expect(readHold({ ...asked, path: join(path, 'nothing') }).kind).toBe('none');
});
