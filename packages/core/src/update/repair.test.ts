import { beforeEach, describe, expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import { withFile } from '../file-system/file-source.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import {
  createRepairWorld,
  noise,
  overwrite,
  pathIn,
  type RepairWorld,
  readText,
  repairFiles,
  repairRoot,
  textOf,
} from '../testing/repair-world.js';
import { writeText } from '../testing/sample-install.js';

let world: RepairWorld;
let disk: MemoryFileSystem;

beforeEach(async () => {
  world = createRepairWorld();
  disk = new MemoryFileSystem();
  await disk.makeDirectory(repairRoot);
  await world.server.publish('1.0.0', repairFiles);
  await world.updater(disk).update();
  world.server.requests.length = 0;
  world.received = { blocks: 0, objects: 0 };
});

const repair = (options = {}) => world.updater(disk, options).repair();
const asked = (): readonly string[] => world.server.requests.map((request) => request.replace(/.*\//, ''));

async function expectWhole(): Promise<void> {
  expect(await world.updater(disk).verify()).toMatchObject({ intact: true, damaged: [] });
  for (const path of Object.keys(repairFiles)) expect((await readText(disk, path)) === textOf(path), path).toBe(true);
  expect(await disk.list(pathIn('.remendo/downloads'))).toEqual([]);
}

/** Lets a test answer in the server's place. */
function answering(path: string, answer: (real: () => Promise<Response>) => Promise<Response>): void {
  const real = world.server.fetch;
  Object.assign(world.server, {
    fetch: (input: Request, init?: RequestInit) =>
      new URL(input.url ?? input).pathname.endsWith(path) ? answer(() => real(input, init)) : real(input, init),
  });
}

describe('a repair', () => {
  it('sets modes right without a download and without a transaction', async () => {
    await disk.setMode(pathIn('app.exe'), 0o644);
    const before = await readText(disk, '.remendo/journal');
    expect(await repair()).toMatchObject({ kind: 'repaired', damaged: [{ path: 'app.exe', finding: 'mode' }] });
    expect(asked()).toEqual([]);
    expect(await readText(disk, '.remendo/journal')).toBe(before);
    await expectWhole();
  });

  it('fetches one block for one wrong byte, once for all files that have the content', async () => {
    for (const path of ['lib/core.dll', 'lib/copy-of-core.dll']) await overwrite(disk, path, 70_000, '\n');
    const report = await repair();
    expect(report).toMatchObject({ kind: 'repaired', fetchedBytes: world.received.blocks });
    expect(asked()).toEqual(['blocks']);
    expect(world.received.blocks).toBeLessThan(4_096 + 64);
    await expectWhole();
  });

  it('takes a content from another file of the release that has it', async () => {
    await disk.removeFile(pathIn('lib/core.dll'));
    expect(await repair()).toMatchObject({ kind: 'repaired', fetchedBytes: 0 });
    expect(asked()).toEqual([]);
    await expectWhole();
  });

  it('takes a content from what the last update replaced', async () => {
    await overwrite(disk, 'app.exe', 100, '\n');
    await repair();
    world.server.requests.length = 0;
    // The way back of that repair has the damaged file; of an update, it would have the base.
    const previous = pathIn(`.remendo/previous/${(await disk.list(pathIn('.remendo/previous')))[0]}`);
    await writeText(disk, `${previous}/99`, textOf('lib/deep/small.dll'));
    await disk.removeFile(pathIn('lib/deep/small.dll'));
    expect(await repair()).toMatchObject({ kind: 'repaired', fetchedBytes: 0 });
    expect(asked()).toEqual([]);
    await expectWhole();
  });

  it('leaves preserved files alone, and every file of the user', async () => {
    await overwrite(disk, 'docs/readme.txt', 0, 'MINE');
    await writeText(disk, pathIn('lib/user.ini'), 'of the user');
    await overwrite(disk, 'app.exe', 7, '\n');
    const preserve = ['docs/**'];
    expect(await repair({ preserve })).toMatchObject({ kind: 'repaired', damaged: [{ path: 'app.exe' }] });
    expect(await readText(disk, 'docs/readme.txt')).toBe('MINE me');
    expect(await readText(disk, 'lib/user.ini')).toBe('of the user');
  });

  it('can be undone by a rollback', async () => {
    await overwrite(disk, 'app.exe', 7, '\n');
    await repair();
    await world.updater(disk).rollback();
    expect((await world.updater(disk).verify()).damaged).toMatchObject([{ path: 'app.exe', finding: 'changed' }]);
  });

  it('writes again what it should know about itself', async () => {
    await disk.removeFile(pathIn('.remendo/state.json'));
    expect(await repair()).toMatchObject({ kind: 'repaired', own: ['state.json'], damaged: [] });
    await writeText(disk, pathIn('version.txt'), 'no version');
    expect(await repair()).toMatchObject({ kind: 'repaired', own: ['version.txt'], damaged: [] });
    expect(asked()).toEqual([]);
    expect(await readText(disk, 'version.txt')).toBe('1.0.0\n');
    await expectWhole();
  });

  it('goes on with what has arrived when the link breaks', async () => {
    for (const offset of [5_000, 50_000, 90_000, 140_000])
      for (const path of ['lib/core.dll', 'lib/copy-of-core.dll']) await overwrite(disk, path, offset, '\n');
    let answers = 0;
    answering('/blocks', async (real) => {
      const bytes = new Uint8Array(await (await real()).arrayBuffer());
      // Two blocks and a half come; what is asked for the next time is the rest.
      const cut = ++answers === 1 ? bytes.subarray(0, 10_000) : bytes;
      return new Response(Buffer.from(cut));
    });
    expect(await repair()).toMatchObject({ kind: 'repaired' });
    expect(answers).toBe(2);
    expect(world.received).toMatchObject({ objects: 0 });
    expect(world.received.blocks).toBeLessThan(5.5 * 4_096);
    await expectWhole();
  });

  it('fetches a file whole when hardly anything of it is left, or when the blocks are not what makes it right', async () => {
    await writeText(disk, pathIn('app.exe'), noise(77, 39_000));
    await overwrite(disk, 'lib/deep/small.dll', 3, '\n');
    answering('/blocks', async (real) => {
      const bytes = Buffer.from(await (await real()).arrayBuffer());
      return new Response(bytes);
    });
    expect(await repair()).toMatchObject({ kind: 'repaired' });
    await expectWhole();
    await overwrite(disk, 'lib/deep/small.dll', 3, '\n');
    // The server says that nothing differs.
    answering('/blocks', async () => new Response(Buffer.from([1, 0, 0, 0, ...Array<number>(12).fill(0)])));
    expect(await repair()).toMatchObject({ kind: 'repaired' });
    expect(asked().at(-2)).toBe('contents');
    await expectWhole();
  });

  it.each([
    ['has no blocks to give', async () => Response.json({ code: 'REQUEST_ROUTE_UNKNOWN' }, { status: 404 })],
    ['answers something else', async () => new Response('<html>Welcome to the hotel</html>'.repeat(100))],
    [
      'sends what does not inflate',
      async () => new Response(Buffer.from([...Array<number>(8).fill(0), 1, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9])),
    ],
    ['always ends early', async () => new Response(Buffer.from([]))],
  ])('fetches whole files from a server that %s', async (_what, answer) => {
    await overwrite(disk, 'app.exe', 10, '\n');
    answering('/blocks', answer);
    expect(await repair()).toMatchObject({ kind: 'repaired', left: [] });
    await expectWhole();
  });

  it('stops asking for blocks once it is clear that most of a file differs', async () => {
    const large = noise(9, 50_000).repeat(80);
    await world.server.publish('1.0.1', { ...repairFiles, 'large.dll': large });
    await world.updater(disk).update();
    await writeText(disk, pathIn('large.dll'), noise(10, 50_000).repeat(80));
    world.received = { blocks: 0, objects: 0 };
    const real = world.server.fetch;
    let blocksRead = 0;
    Object.assign(world.server, {
      fetch: async (input: Request, init?: RequestInit) => {
        const answer = await real(input, init);
        if (!input.url.endsWith('/blocks')) return answer;
        const bytes = Buffer.from(await answer.arrayBuffer());
        let at = 0;
        const body = new ReadableStream({
          pull(controller) {
            if (at >= bytes.length) return controller.close();
            controller.enqueue(new Uint8Array(bytes.subarray(at, at + 65_536)));
            at += 65_536;
            blocksRead = at;
          },
        });
        // Whoever counts would read all of it.
        return Object.assign(new Response(body), { clone: () => new Response() });
      },
    });
    expect(await repair()).toMatchObject({ kind: 'repaired' });
    expect(blocksRead).toBeLessThan(2_500_000);
    expect(await readText(disk, 'large.dll')).toBe(large);
  });

  it('takes the release by a delta or its zip when the server can not say where a file lies', async () => {
    await disk.removeFile(pathIn('app.exe'));
    answering('/contents', async () => Response.json({ code: 'REQUEST_INVALID' }, { status: 400 }));
    expect(await repair()).toMatchObject({ kind: 'repaired', left: [] });
    await expectWhole();
  });

  it('fetches nothing large again after a file was held at the swap', async () => {
    await writeText(disk, pathIn('app.exe'), 'short');
    disk.fault = (operation, path) =>
      operation === 'rename' && path === pathIn('app.exe') ? new UpdaterError('TRANSACTION_FILE_HELD', 'held') : undefined;
    await expect(repair()).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    expect((await world.updater(disk).verify()).damaged).toMatchObject([{ path: 'app.exe' }]);
    disk.fault = undefined;
    world.server.requests.length = 0;
    expect(await repair()).toMatchObject({ kind: 'repaired', fetchedBytes: 0 });
    expect(asked()).toEqual(['contents']);
    await expectWhole();
  });

  it('replaces a file on a bad sector, and keeps what is left of it', async () => {
    const bad = disk.nodeOf(pathIn('lib/deep/small.dll'));
    disk.fault = (operation, path) =>
      operation === 'read' && disk.nodeOf(path) === bad ? new UpdaterError('STORAGE_FAILED', 'bad sector') : undefined;
    expect((await world.updater(disk).verify()).damaged).toMatchObject([{ path: 'lib/deep/small.dll', finding: 'changed' }]);
    const report = await repair();
    expect(report).toMatchObject({ kind: 'repaired', movedAside: [{ asidePath: pathIn('lib/deep/small.dll.aside-1') }] });
    expect(await readText(disk, 'lib/deep/small.dll')).toBe(textOf('lib/deep/small.dll'));
    disk.fault = undefined;
    await expectWhole();
  });

  it('begins nothing while the application runs, or an update has still to prove itself', async () => {
    await overwrite(disk, 'app.exe', 10, '\n');
    const updater = world.updater(disk);
    const ports = world.machine.boot(disk);
    const programs = { programsRunningFrom: async () => [{ pid: 7, program: pathIn('app.exe') }] };
    const running = world.updater(disk, { host: { ...hostOf(), ...ports, programs } as never });
    await expect(running.repair()).rejects.toMatchObject({ code: 'INSTALL_IN_USE' });
    expect(asked()).toEqual([]);
    await world.server.publish('1.0.1', { ...repairFiles, 'docs/new.txt': 'new' });
    await updater.update({ awaitsLaunch: true });
    await overwrite(disk, 'app.exe', 10, '\n');
    await expect(repair()).rejects.toMatchObject({ code: 'TRANSACTION_STATE' });
  });

  it('waits for the application that must not be disturbed: nothing is fetched while it says so, and nothing swapped', async () => {
    await overwrite(disk, 'app.exe', 10, '\n');
    const swaps: unknown[] = [];
    let isHeld = true;
    const gate = async (swap: unknown): Promise<void> => {
      swaps.push(swap);
      if (isHeld) throw new UpdaterError('INSTALL_ON_HOLD', 'mid-sale');
      isHeld = true;
    };
    await expect(repair({ gate })).rejects.toMatchObject({ code: 'INSTALL_ON_HOLD' });
    expect(asked()).toEqual([]);
    expect(swaps).toEqual([{ kind: 'repair', version: '1.0.0', requiresBackup: false }]);
    isHeld = false;
    await expect(repair({ gate })).rejects.toMatchObject({ code: 'INSTALL_ON_HOLD' });
    expect(await readText(disk, 'app.exe')).not.toBe(textOf('app.exe'));
    expect(await disk.list(pathIn('.remendo/staging'))).toEqual([]);
    expect(await repair()).toMatchObject({ kind: 'repaired', fetchedBytes: 0 });
    await expectWhole();
  });

  it('refuses a link above a damaged file, and repairs the others', async () => {
    await disk.makeDirectory('/elsewhere/deep');
    await withFile(disk, '/elsewhere/deep/small.dll', { mode: 'create' }, (file) => file.write(0, Buffer.from('other')));
    await disk.removeFile(pathIn('lib/deep/small.dll'));
    await disk.removeDirectory(pathIn('lib/deep'));
    disk.makeLink(pathIn('lib/deep'), '/elsewhere/deep');
    await overwrite(disk, 'app.exe', 10, '\n');
    const report = await repair();
    expect(report).toMatchObject({
      kind: 'partly-repaired',
      left: [{ path: 'lib/deep/small.dll', code: 'TRANSACTION_PATH_BLOCKED', reason: 'lib/deep is a symlink' }],
    });
    expect(await readText(disk, 'app.exe')).toBe(textOf('app.exe'));
    expect(Buffer.from((await withFile(disk, '/elsewhere/deep/small.dll', { mode: 'read' }, readAll)) ?? []).toString()).toBe(
      'other',
    );
  });
});

async function readAll(file: { bytes: number; read(offset: number, into: Uint8Array): Promise<number> }): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.bytes);
  await file.read(0, bytes);
  return bytes;
}

const hostOf = () => ({
  deriver: { workers: 1, derive: async () => {}, close: async () => {} },
  fetch: world.server.fetch,
  starter: { start: () => ({ exited: new Promise(() => {}), stop: () => {} }) },
});

describe('an install that does not say which release it is', () => {
  const forget = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await disk.removeFile(pathIn(name));
  };
  const all = ['version.txt', '.remendo/state.json', '.remendo/manifest.json'];

  it('is recognised among releases that share all but one small file', async () => {
    for (const version of ['1.0.1', '1.0.2', '1.0.3'])
      await world.server.publish(version, { ...repairFiles, 'docs/readme.txt': `read me of ${version}` });
    await world.updater(disk).update({ version: '1.0.2' });
    await forget(...all);
    await overwrite(disk, 'lib/deep/small.dll', 10, '\n');
    expect(await repair()).toMatchObject({ kind: 'repaired', version: '1.0.2', damaged: [{ path: 'lib/deep/small.dll' }] });
    expect(await readText(disk, 'docs/readme.txt')).toBe('read me of 1.0.2');
  });

  it('is recognised though the folder is full of large files of the user', async () => {
    await disk.makeDirectory(pathIn('data'));
    for (let number = 0; number < 200; number++)
      await writeText(disk, pathIn(`data/sales-${number}.dat`), noise(number, 1_000).repeat(200));
    await forget(...all);
    await overwrite(disk, 'app.exe', 10, '\n');
    expect(await repair()).toMatchObject({ kind: 'repaired', version: '1.0.0', damaged: [{ path: 'app.exe' }] });
  });

  it('is not made older than it says it is', async () => {
    await forget('.remendo/state.json', '.remendo/manifest.json');
    await writeText(disk, pathIn('version.txt'), '1.4.0\n');
    await overwrite(disk, 'app.exe', 10, '\n');
    await expect(repair()).rejects.toMatchObject({ code: 'RELEASE_DOWNGRADE' });
    // With nothing to change but what it says of itself, it is what it is.
    await overwrite(disk, 'app.exe', 10, textOf('app.exe').slice(10, 11));
    expect(await repair()).toMatchObject({ kind: 'repaired', version: '1.0.0', damaged: [] });
  });

  it('is left alone when less than half of a release is there', async () => {
    await forget(...all, 'app.exe', 'lib/core.dll', 'lib/copy-of-core.dll', 'empty.cfg');
    await expect(repair()).rejects.toMatchObject({ code: 'INSTALL_UNKNOWN' });
    await forget('lib/deep/small.dll', 'docs/readme.txt');
    await expect(repair()).rejects.toMatchObject({ code: 'INSTALL_UNKNOWN' });
  });
});
