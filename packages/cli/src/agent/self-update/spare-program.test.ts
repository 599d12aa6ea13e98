import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileSystem, nodeFileSystem } from '@remendo/core';
import { expect, it } from 'vitest';
import { temporaryFolders } from '../../testing/run-remendo.js';
import { linkOrCopy } from './spare-program.js';

const makeFolder = temporaryFolders();

/** What is done to names, in order. */
function watched(did: string[]): FileSystem {
  const fileSystem = nodeFileSystem();
  const told = (name: 'rename' | 'syncDirectory') => {
    const original = fileSystem[name].bind(fileSystem) as (...paths: string[]) => Promise<void>;
    return (...paths: string[]): Promise<void> => {
      did.push(name);
      return original(...paths);
    };
  };
  return Object.assign(fileSystem, { rename: told('rename'), syncDirectory: told('syncDirectory') });
}

it('puts nothing over a spare that is the running program already, which Windows would refuse', async () => {
  const folder = await makeFolder();
  const [live, spare] = [join(folder, 'live'), join(folder, 'spare')];
  writeFileSync(live, 'a program');
  linkSync(live, spare);
  const did: string[] = [];
  await linkOrCopy(watched(did), live, spare);
  expect(did).toEqual([]);
});

it.skipIf(process.platform === 'win32')('makes the name of the spare outlive a power cut before it ends', async () => {
  const folder = await makeFolder();
  writeFileSync(join(folder, 'live'), 'a program');
  const did: string[] = [];
  await linkOrCopy(watched(did), join(folder, 'live'), join(folder, 'home', 'spare', 'live'));
  expect(did).toEqual(['rename', 'syncDirectory', 'syncDirectory']);
  expect(readFileSync(join(folder, 'home', 'spare', 'live'), 'utf8')).toBe('a program');
});
