import { join } from 'node:path';
import { readSmallFile, writeDurably } from '@remendo/core';
import { MemoryFileSystem } from '@remendo/core/testing';
import { beforeEach, expect, it } from 'vitest';
import { countStart, forgetStarts, takeBackStart } from './trial-starts.js';

const home = '/agent/.remendo';
const trials = join(home, 'trials');
let fileSystem: MemoryFileSystem;
beforeEach(() => {
  fileSystem = new MemoryFileSystem();
});

/** Of the only agent that was counted. */
const countedFile = async (): Promise<string> => join(trials, (await fileSystem.list(trials))[0] ?? '');

const start = { agent: '/erp', transaction: 'first', state: 'committed', by: 'program' } as const;

it('begins anew with every state of a transaction, also when its program was killed before it could forget the last one', async () => {
  const count = (state: string, by: 'spare' | 'program' = 'program') => countStart(fileSystem, home, { ...start, state, by });
  expect([await count('committed'), await count('committed')]).toEqual([1, 2]);
  expect([await count('confirmed', 'spare'), await count('confirmed'), await count('confirmed')]).toEqual([1, 1, 2]);
  expect(await count('rolled_back')).toBe(1);
  await takeBackStart(fileSystem, home, '/erp');
  await takeBackStart(fileSystem, home, '/erp');
  expect(await count('rolled_back')).toBe(1);
  await countStart(fileSystem, home, { ...start, agent: '/other' });
  await forgetStarts(fileSystem, home, '/erp');
  expect(await fileSystem.list(trials)).toHaveLength(1);
});

it('goes on with what a program counted that knew no states', async () => {
  await countStart(fileSystem, home, start);
  const bytes = await readSmallFile(fileSystem, await countedFile(), 1_000);
  const { state: _state, ...older } = JSON.parse(Buffer.from(bytes ?? []).toString('utf8'));
  await writeDurably(fileSystem, await countedFile(), Buffer.from(JSON.stringify(older)));
  expect(await countStart(fileSystem, home, start)).toBe(2);
});

it.each([
  ['cut short', '{"transaction":"fir'],
  ['of other types', '{"transaction":7,"state":[],"starts":"9","isCounted":1}'],
  ['negative', '{"transaction":"first","state":"committed","starts":-9,"isCounted":false}'],
  ['no JSON', '\0\0\0\0'],
  ['huge', `{"transaction":"first","state":"committed","starts":9,"isCounted":false,"more":"${'x'.repeat(2_000_000)}"}`],
])('counts from one where the file is %s, and puts it in order', async (_what, text) => {
  await countStart(fileSystem, home, start);
  await writeDurably(fileSystem, await countedFile(), Buffer.from(text));
  expect([await countStart(fileSystem, home, start), await countStart(fileSystem, home, start)]).toEqual([1, 2]);
});

it('says so where nothing can be counted', async () => {
  await countStart(fileSystem, home, start);
  const path = await countedFile();
  await forgetStarts(fileSystem, home);
  await fileSystem.makeDirectory(join(path, 'a folder in its place'));
  await expect(countStart(fileSystem, home, start)).rejects.toThrow();
});
