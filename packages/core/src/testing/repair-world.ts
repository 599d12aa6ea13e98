/** A small install of one release in memory, with a server that has it: for the tests of repairs. */
import { join } from 'node:path';
import { readSmallFile, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { createUpdater, type Updater, type UpdaterOptions } from '../update/updater.js';
import { inlineDeriver } from '../workers/deriver.js';
import { manualClock } from './manual-clock.js';
import type { SampleRelease } from './sample-install.js';
import { seededRandom } from './seeded-random.js';
import { SimulatedMachine } from './simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from './simulated-server.js';

export const repairRoot = '/install';

/** Text that does not compress much. */
export function noise(seed: number, bytes: number): string {
  const random = seededRandom(seed);
  return Array.from({ length: bytes }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('');
}

export const repairFiles: SampleRelease = {
  'app.exe': [noise(1, 40_000), 0o755],
  'lib/core.dll': noise(2, 150_000),
  'lib/copy-of-core.dll': noise(2, 150_000),
  'lib/deep/small.dll': noise(3, 20_000),
  'docs/readme.txt': 'read me',
  'empty.cfg': '',
};

export const textOf = (path: string): string => {
  const file = repairFiles[path] ?? '';
  return typeof file === 'string' ? file : file[0];
};

export interface RepairWorld {
  readonly server: SimulatedServer;
  readonly machine: SimulatedMachine;
  /** Bytes of answers about blocks, and of objects, since it was last set to 0. */
  received: { blocks: number; objects: number };
  updater(fileSystem: FileSystem, options?: Partial<UpdaterOptions>): Updater;
}

export function createRepairWorld(): RepairWorld {
  const server = createSimulatedServer();
  const machine = new SimulatedMachine();
  const world: RepairWorld = {
    server,
    machine,
    received: { blocks: 0, objects: 0 },
    updater(fileSystem, options = {}) {
      const ports = machine.boot(fileSystem);
      const host = {
        ...ports,
        clock: manualClock(60_000),
        random: { id: ports.random.id, fraction: () => 0.5 },
        deriver: inlineDeriver(fileSystem),
        fetch: counting,
        starter: { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) },
      };
      const trust = { kind: 'announced' } as const;
      const http = { retries: { retriesMax: 1 } };
      return createUpdater({ root: repairRoot, server: server.url, trust, http, host, ...options });
    },
  };
  const counting: typeof fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const answer = await server.fetch(input, init);
    const bytes = (await answer.clone().arrayBuffer()).byteLength;
    if (pathname.endsWith('/blocks')) world.received.blocks += bytes;
    if (pathname.startsWith('/api/v1/objects/')) world.received.objects += bytes;
    return answer;
  };
  return world;
}

export const pathIn = (path: string): string => join(repairRoot, ...path.split('/'));

export async function readText(fileSystem: FileSystem, path: string): Promise<string | null> {
  const bytes = await readSmallFile(fileSystem, pathIn(path), 1e9);
  return bytes === null ? null : Buffer.from(bytes).toString('latin1');
}

export const overwrite = (fileSystem: FileSystem, path: string, offset: number, text: string): Promise<void> =>
  withFile(fileSystem, pathIn(path), { mode: 'write' }, (file) => file.write(offset, Buffer.from(text)));
