/** Every fixture against the library's own doors; the commands, the server and whole updates are held to them by `npm run check:hostile`. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../file-system/node-file-system.js';
import { fixturesDocument } from './fixtures-document.js';
import type { HostileFixture } from './hostile-fixture.js';
import { hostileFamilies, hostileFixtures } from './hostile-fixtures.js';
import { refusalInLibrary } from './refuse-in-library.js';

const fileSystem = nodeFileSystem();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-hostile-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The others come to the library only through an update. */
const isRead = ({ name }: HostileFixture): boolean => !/^(?:link|swap|check|plan)-/.test(name);
const readFamilies = hostileFamilies
  .map(([title, fixtures]) => [title, fixtures.filter(isRead)] as const)
  .filter(([, fixtures]) => fixtures.length > 0);

describe.each(readFamilies)('%s', (_, fixtures) => {
  it.each(fixtures)('$name is answered with $code', async ({ code, input }) => {
    const made = await input();
    if (made.kind === 'answer' || made.kind === 'link' || made.kind === 'swap') throw new TypeError('it is not read by itself');
    expect(await refusalInLibrary(made, { fileSystem, folder })).toBe(code);
    expect(await readdir(folder)).toEqual([]);
  });
});

it('no two fixtures have one name', () => {
  expect(new Set(hostileFixtures.map(({ name }) => name)).size).toBe(hostileFixtures.length);
});

it('docs/hostile-fixtures.md lists them as they are', async () => {
  const document = new URL('../../../../../docs/hostile-fixtures.md', import.meta.url);
  expect(await readFile(document, 'utf8')).toBe(fixturesDocument());
});
