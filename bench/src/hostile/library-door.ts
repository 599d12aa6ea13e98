import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '@remendo/core';
import { refusalInLibrary } from '@remendo/core/testing';
import type { Door } from './doors.js';
import { differences, snapshotOf } from './folder-harm.js';

/** The library's readers, called as an embedder would. */
export async function openLibraryDoor(): Promise<Door> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-hostile-library-'));
  const disk = { fileSystem: nodeFileSystem(), folder };
  const empty = snapshotOf(folder);
  return {
    isElsewhere: false,
    async bring(input) {
      if (input.kind === 'answer' || input.kind === 'link' || input.kind === 'swap') return [];
      const code = await refusalInLibrary(input, disk);
      return [{ door: 'library', code, harm: differences(empty, snapshotOf(folder), 'the folder') }];
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
