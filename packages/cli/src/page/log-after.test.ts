import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openUpdateLog } from '../terminal/update-log.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { readLogAfter } from './log-after.js';
import { watchInstall } from './watch-install.js';

const makeFolder = temporaryFolders();

async function openLog(bytesMax: number) {
  const home = join(await makeFolder(), '.remendo');
  let ms = Date.parse('2026-03-01T12:00:00Z');
  const log = openUpdateLog({
    path: join(home, 'update.log'),
    command: 'install',
    // Several entries have the same time.
    now: () => new Date(Math.floor(++ms / 4)),
    makeFolder: true,
    onFailure: expect.fail,
    bytesMax,
    oldFilesMax: 2,
  });
  return { home, write: (number: number) => log.write(`entry_${number}`) };
}

it('reads on from where it was, across files that have moved', async () => {
  const { home, write } = await openLog(900);
  const read: string[] = [];
  let after: string | null = null;
  for (let number = 0; number < 60; number++) {
    write(number);
    if (number % 7 !== 0) continue;
    for (let hasMore = true; hasMore; ) {
      const piece = readLogAfter(home, { after: after ?? `0-${'0'.repeat(12)}`, entriesMax: 2 });
      read.push(...piece.entries.map(({ entry }) => entry.event));
      after = piece.entries.at(-1)?.id ?? after;
      hasMore = piece.hasMore;
    }
  }
  expect(read).toEqual(Array.from({ length: 57 }, (_, number) => `entry_${number}`));
});

it('goes on with what is newer where the entry is gone', async () => {
  const { home, write } = await openLog(900);
  write(0);
  const [first] = readLogAfter(home, { after: null, entriesMax: 1 }).entries;
  for (let number = 1; number < 100; number++) write(number);
  const { entries } = readLogAfter(home, { after: first?.id ?? '', entriesMax: 1_000 });
  expect(entries.length).toBeGreaterThan(10);
  expect(entries.at(-1)?.entry.event).toBe('entry_99');
  const names = entries.map(({ entry }) => entry.event);
  expect(names).toEqual(Array.from({ length: names.length }, (_, index) => `entry_${100 - names.length + index}`));
  const all = await Promise.all(['', '.1', '.2'].map((end) => readFile(join(home, `update.log${end}`), 'utf8')));
  expect(all.join('').match(/"event"/g)).toHaveLength(names.length);
});

it('tells every entry once, live, while the files move', async () => {
  const { home, write } = await openLog(900);
  write(0);
  const told: string[] = [];
  const watch = watchInstall({ home, onProgress: () => undefined, onEntry: ({ entry }) => told.push(entry.event) });
  for (let number = 1; number < 60; number++) {
    write(number);
    if (number % 5 === 0) watch.look();
  }
  watch.look();
  watch.stop();
  expect(told).toEqual(Array.from({ length: 59 }, (_, index) => `entry_${index + 1}`));
});
