import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, hasCode, UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { digestOf } from '../hash/digest.js';
import type { ReleasePath } from '../manifest/release-path.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import {
  baseRelease,
  changesBetween,
  nextRelease,
  referenceOf,
  rollBackSample,
  type SampleRelease,
  sampleLayout,
  sampleRoot,
  snapshotOf,
  stageSample,
  targetRelease,
  updateSample,
  userFiles,
  writeSample,
  writeSampleInstall,
  writeText,
} from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import type { Change } from './change.js';
import { beginTransaction, type Install, openInstall, peekInstall } from './install.js';
import { installLayout } from './install-layout.js';
import type { TransactionEvent } from './transaction-context.js';

const failsWith = (code: ErrorCode) => (error: unknown) => hasCode(error, code);
const at = (path: string) => join(sampleRoot, path);

let machine: SimulatedMachine;
let disk: MemoryFileSystem;
let baseSnapshot: Readonly<Record<string, string>>;

beforeEach(async () => {
  machine = new SimulatedMachine();
  disk = new MemoryFileSystem({ now: () => machine.nowMs++ });
  await writeSampleInstall(disk, sampleRoot);
  await disk.makeDirectory(sampleLayout.home);
  baseSnapshot = await snapshotOf(disk, sampleRoot);
});

const open = (fileSystem: FileSystem = disk, options: Parameters<typeof openInstall>[2] = {}) =>
  openInstall(machine.boot(fileSystem), sampleLayout, options);
const snapshot = () => snapshotOf(disk, sampleRoot);
const textAt = async (path: string) => Buffer.from((await readSmallFile(disk, path, 1 << 20)) ?? []).toString();
async function usedBytes(): Promise<number> {
  disk.capacityBytes = Number.MAX_SAFE_INTEGER;
  return disk.capacityBytes - (await disk.freeBytes('/'));
}
const releaseTexts = (release: SampleRelease) =>
  Object.fromEntries(
    Object.entries(release).map(([path, file]) => [
      path,
      typeof file === 'string' ? `644 ${file}` : `${file[1].toString(8)} ${file[0]}`,
    ]),
  );
const filesOf = (found: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(found).filter(([path]) => !path.endsWith('/')));

/** A transaction on an install that is otherwise empty, with the given targets. */
async function stageChanges(install: Install, texts: Readonly<Record<string, string | null>>) {
  const transaction = await beginTransaction(install, { base: null, target: referenceOf(targetRelease) });
  const changes: Change[] = [];
  for (const [path, text] of Object.entries(texts)) {
    const target = text === null ? null : { bytes: Buffer.byteLength(text), sha256: digestOf(text), mode: 0o644 };
    if (text !== null) await writeText(disk, transaction.stagedPath(changes.length), text);
    changes.push({ place: 'root', path: path as ReleasePath, target });
  }
  return { transaction, stage: () => transaction.stage(changes) };
}

describe('an update', () => {
  it('brings the install exactly to the target and leaves every file of the user alone', async () => {
    await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease });
    expect(filesOf(await snapshot())).toEqual({ ...releaseTexts(targetRelease), ...releaseTexts(userFiles) });
    expect(Object.keys(await snapshot())).not.toContain('docs/');
    await updateSample(machine.boot(disk), sampleLayout, { base: targetRelease, target: nextRelease });
    expect(filesOf(await snapshot())).toEqual({ ...releaseTexts(nextRelease), ...releaseTexts(userFiles) });
  });

  it('works on the real file system, with the updater at another place of the volume', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remendo-transaction-'));
    try {
      const fileSystem = nodeFileSystem();
      const layout = installLayout(join(folder, 'root'), join(folder, 'updater'));
      const inRoot = (release: SampleRelease) =>
        Object.fromEntries(Object.entries(release).filter(([path]) => !path.startsWith('.remendo/')));
      await writeSample(fileSystem, layout.root, { ...inRoot(baseRelease), ...userFiles });
      await updateSample(machine.boot(fileSystem), layout, { base: baseRelease, target: targetRelease });
      const found = filesOf(await snapshotOf(fileSystem, layout.root));
      expect(found).toEqual({ ...releaseTexts(inRoot(targetRelease)), ...releaseTexts(userFiles) });
      expect(Buffer.from((await readSmallFile(fileSystem, layout.state, 99)) ?? []).toString()).toBe('{"version":"1.0.1"}');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('moves programs out first and in last, and never onto a file', async () => {
    const events: TransactionEvent[] = [];
    const install = await open(disk, { onEvent: (event) => events.push(event) });
    const transaction = await stageSample(install, baseRelease, targetRelease);
    await transaction.commit();
    const moved = events.flatMap((event) => (event.kind === 'file-moved' ? [`${event.to} ${event.path}`] : []));
    expect(moved[0]).toBe('previous app.exe');
    expect(moved.at(-1)).toBe('install app.exe');
    expect(moved.indexOf('previous lib/core.dll')).toBeLessThan(moved.indexOf('previous big.bin'));
    expect(disk.replaced.filter((path) => path !== sampleLayout.journal)).toEqual([]);
    const states = events.flatMap((event) => (event.kind === 'transaction-state-entered' ? [event.state] : []));
    expect(states).toEqual(['begun', 'staged', 'committing', 'committed']);
  });

  it('changes nothing in the install before it is committed', async () => {
    const install = await open();
    const transaction = await stageSample(install, baseRelease, targetRelease);
    expect(await snapshot()).toEqual(baseSnapshot);
    await transaction.discard();
    expect(await disk.list(sampleLayout.staging)).toEqual([]);
    await expect(transaction.commit()).rejects.toSatisfy(failsWith('TRANSACTION_STATE'));
  });

  it('can be the first install into an empty folder, and undone', async () => {
    disk = new MemoryFileSystem();
    const install = await open();
    const transaction = await stageSample(install, {}, targetRelease);
    expect(transaction.base).toEqual(referenceOf({}));
    await transaction.commit();
    expect(filesOf(await snapshot())).toEqual(releaseTexts(targetRelease));
    await transaction.rollback('not wanted');
    expect(await snapshot()).toEqual({});
  });
});

describe('staging', () => {
  it.each([
    ['other bytes of the same size', 'tekst'],
    ['another size', 'text and more'],
  ])('refuses a staged file with %s', async (_, text) => {
    const install = await open();
    const { transaction, stage } = await stageChanges(install, { 'new.txt': 'texts' });
    await writeText(disk, transaction.stagedPath(0), text);
    await expect(stage()).rejects.toSatisfy(failsWith('TRANSACTION_STAGING_INVALID'));
    expect(transaction.state).toBe('begun');
    await writeText(disk, transaction.stagedPath(0), 'texts');
    await stage();
    expect(transaction.state).toBe('staged');
  });

  it('refuses a missing staged file', async () => {
    const { transaction, stage } = await stageChanges(await open(), { 'new.txt': 'text' });
    await disk.removeFile(transaction.stagedPath(0));
    await expect(stage()).rejects.toSatisfy(failsWith('TRANSACTION_STAGING_INVALID'));
  });

  it('refuses to write through a link, over a link, below a foreign file, and in place of a folder with files of the user', async () => {
    await disk.makeDirectory('/elsewhere');
    disk.makeLink(at('linked'), '/elsewhere');
    disk.makeLink(at('link.txt'), '/elsewhere/file');
    for (const path of [
      'linked/new.txt',
      'link.txt',
      '.env/new.txt',
      'archive',
      'logs/../x'.slice(0, 4) === 'logs' ? 'lib' : 'lib',
    ]) {
      const install = await open();
      const { stage } = await stageChanges(install, { [path]: 'text' });
      await expect(stage(), path).rejects.toSatisfy(failsWith('TRANSACTION_PATH_BLOCKED'));
      await install.close();
    }
    expect(await disk.list('/elsewhere')).toEqual([]);
  });

  it("refuses the updater's own paths and targets that collide", async () => {
    const install = await open();
    for (const texts of [
      { '.remendo/state.json': 'x' },
      { '.REMENDO/journal': 'x' },
      { 'VERSION.TXT': 'x' },
      { a: 'x', 'A/b': 'y' },
    ]) {
      const { stage } = await stageChanges(install, texts as Record<string, string>);
      await expect(stage(), JSON.stringify(texts)).rejects.toSatisfy(failsWith('MANIFEST_PATH_UNSAFE'));
    }
  });

  it('stops before the disk is full', async () => {
    const install = await open();
    const { stage } = await stageChanges(install, { 'new.txt': 'text' });
    disk.capacityBytes = 1_000;
    await expect(stage()).rejects.toSatisfy(failsWith('STORAGE_NO_SPACE'));
  });

  it('survives the end of the program and is committed by a later one', async () => {
    const install = await open();
    await stageSample(install, baseRelease, targetRelease);
    const later = await open();
    expect(later.recovery.kind).toBe('staged');
    await later.transaction?.commit();
    expect(filesOf(await snapshot())).toEqual({ ...releaseTexts(targetRelease), ...releaseTexts(userFiles) });
  });

  it('is verified again when a later program commits it', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    const index = changesBetween(baseRelease, targetRelease).findIndex(({ change }) => change.path === 'app.exe');
    await writeText(disk, transaction.stagedPath(index), 'Application two, a little longer');
    const later = await open();
    await expect(later.transaction?.commit()).rejects.toSatisfy(failsWith('TRANSACTION_STAGING_INVALID'));
    expect(await snapshot()).toEqual(baseSnapshot);
  });

  it('is given up by a later program when a staged file is gone', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    await disk.removeFile(transaction.stagedPath(changesBetween(baseRelease, targetRelease).length - 1));
    const later = await open();
    expect(later.recovery.kind).toBe('discarded');
    expect(await disk.list(sampleLayout.staging)).toEqual([]);
  });
});

describe('a file that is edited', () => {
  it('between staging and commit comes back with a rollback', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    await writeText(disk, at('was-empty.txt'), 'edited by a user');
    await writeText(disk, at('empty.txt'), 'made by a user');
    await transaction.commit();
    expect(await textAt(at('was-empty.txt'))).toBe('no longer');
    await transaction.rollback('test');
    expect(await textAt(at('was-empty.txt'))).toBe('edited by a user');
    expect(await textAt(at('empty.txt'))).toBe('made by a user');
  });

  it('in the middle of the swap comes back with a rollback, also in a later run', async () => {
    let isEdited = false;
    const busy = new Proxy(disk, {
      get: (target, name) => {
        if (name !== 'rename') return Reflect.get(target, name, target);
        return async (base: string, moved: string) => {
          if (base === at('big.bin') && !isEdited) await writeText(target, base, 'edited late');
          isEdited ||= base === at('big.bin');
          await target.rename(base, moved);
        };
      },
    });
    const methods = new Proxy(busy, { get: (target, name) => bound(Reflect.get(target, name), disk, name === 'rename') });
    const transaction = await stageSample(await open(methods), baseRelease, targetRelease);
    await transaction.commit();
    const later = await open();
    await rollBackSample(later);
    expect(await textAt(at('big.bin'))).toBe('edited late');
  });

  it('after the commit is kept aside when the base comes back', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    await transaction.commit();
    await writeText(disk, at('big.bin'), 'written by the application');
    await writeText(disk, at('plugin/cache.dat'), 'also written by the application');
    await transaction.rollback('did not start');
    expect(filesOf(await snapshot())).toEqual(filesOf(baseSnapshot));
    const aside = join(sampleLayout.previous, transaction.id);
    const kept = await disk.list(aside);
    expect(kept).toHaveLength(2);
    const texts = await Promise.all(
      kept.map(async (name) =>
        textAt((await disk.stat(join(aside, name)))?.kind === 'directory' ? join(aside, name, 'cache.dat') : join(aside, name)),
      ),
    );
    expect(texts.sort()).toEqual(['also written by the application', 'written by the application']);
    await stageSample(await open(), baseRelease, targetRelease);
    expect(await disk.list(sampleLayout.previous)).toEqual([]);
  });
});

/** Methods of a class with private fields must run on the instance itself. */
const bound = (value: unknown, instance: object, isOwn: boolean): unknown =>
  typeof value === 'function' && !isOwn ? value.bind(instance) : value;

describe('confirm and rollback', () => {
  it('count starts durably, wait for a decision, and go back by command after confirm, once', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    await transaction.commit();
    await transaction.recordStart();
    await transaction.recordStart();
    const later = await open();
    expect(later.recovery.kind).toBe('committed');
    expect(later.transaction?.starts).toBe(2);
    await expect(beginTransaction(later, { base: null, target: referenceOf(nextRelease) })).rejects.toSatisfy(
      failsWith('TRANSACTION_STATE'),
    );
    await later.transaction?.confirm();
    await expect(later.transaction?.recordStart()).rejects.toSatisfy(failsWith('TRANSACTION_STATE'));
    const last = await open();
    expect(last.recovery.kind).toBe('nothing-to-do');
    await rollBackSample(last);
    expect(await snapshot()).toEqual(baseSnapshot);
    expect(last.transaction?.reason).toBe('asked for');
    await expect(rollBackSample(last)).rejects.toSatisfy(failsWith('TRANSACTION_NO_WAY_BACK'));
    await expect(rollBackSample(await open())).rejects.toSatisfy(failsWith('TRANSACTION_NO_WAY_BACK'));
  });

  it('stay at the target when the way back is damaged', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    await transaction.commit();
    const targetSnapshot = await snapshot();
    const index = transaction.slots.find((slot) => slot.path === 'app.exe')?.index ?? -1;
    await writeText(disk, join(sampleLayout.previous, transaction.id, String(index)), 'damaged');
    await expect(transaction.rollback('test')).rejects.toSatisfy(
      (error) => hasCode(error, 'TRANSACTION_NO_WAY_BACK') && JSON.stringify(error.details.paths) === '["app.exe"]',
    );
    expect(await snapshot()).toEqual(targetSnapshot);
    expect(transaction.state).toBe('committed');
  });

  it('go back on a disk that has filled up since', async () => {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    await transaction.commit();
    disk.capacityBytes = (await usedBytes()) + 10;
    await transaction.rollback('did not start');
    expect(await snapshot()).toEqual(baseSnapshot);
    expect(transaction.state).toBe('rolled_back');
  });

  it('find nothing to do in a fresh install', async () => {
    const install = await open();
    expect(install.recovery).toEqual({ kind: 'nothing-to-do', last: null });
    await expect(rollBackSample(install)).rejects.toSatisfy(failsWith('TRANSACTION_NO_WAY_BACK'));
  });
});

describe('recovery', () => {
  /** Stops the swap at its n-th rename and leaves the install as it is. */
  async function stopAt(renames: number): Promise<void> {
    const transaction = await stageSample(await open(), baseRelease, targetRelease);
    disk.fault = (operation) => (operation === 'rename' && renames-- <= 0 ? new Error('killed') : undefined);
    await expect(transaction.commit()).rejects.toBeDefined();
    disk.fault = undefined;
  }

  it('goes back when a target was damaged meanwhile', async () => {
    await stopAt(30);
    const journal = await textAt(sampleLayout.journal);
    await writeText(disk, sampleLayout.journal, journal.slice(0, journal.lastIndexOf('\n', journal.length - 2) + 1));
    const staged = join(sampleLayout.staging, (await disk.list(sampleLayout.staging))[0] ?? '');
    for (const name of await disk.list(staged)) await writeText(disk, join(staged, name), 'damaged');
    const install = await open();
    expect(install.recovery.kind).toBe('rolled-back');
    expect(await snapshot()).toEqual(baseSnapshot);
  });

  it('names the files when neither version can be put together', async () => {
    await stopAt(20);
    for (const folder of [sampleLayout.staging, sampleLayout.previous]) {
      const inside = join(folder, (await disk.list(folder))[0] ?? '');
      for (const name of await disk.list(inside)) await writeText(disk, join(inside, name), 'damaged');
    }
    await expect(open()).rejects.toSatisfy(
      (error) => hasCode(error, 'TRANSACTION_STUCK') && JSON.stringify(error.details.paths).includes('app.exe'),
    );
  });

  it('refuses a journal that can not be believed, or sets it aside when told to', async () => {
    await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease });
    const journal = await textAt(sampleLayout.journal);
    await writeText(disk, sampleLayout.journal, journal.replace('"change"', '"chance"'));
    await expect(open()).rejects.toSatisfy(failsWith('TRANSACTION_JOURNAL_INVALID'));
    const install = await open(disk, { setDamagedJournalAside: true });
    expect(install.recovery.kind).toBe('nothing-to-do');
    await install.close();
    await expect(open()).rejects.toSatisfy(failsWith('TRANSACTION_JOURNAL_INVALID'));
    await expect(peekInstall(disk, sampleLayout)).rejects.toSatisfy(failsWith('TRANSACTION_JOURNAL_INVALID'));
    const again = await open(disk, { setDamagedJournalAside: true });
    await again.markRepaired();
    await again.close();
    expect((await open()).recovery).toEqual({ kind: 'nothing-to-do', last: null });
    expect(await disk.stat(`${sampleLayout.journal}.damaged`)).not.toBeNull();
  });

  it('gives up what was only begun', async () => {
    const transaction = await beginTransaction(await open(), { base: null, target: referenceOf(targetRelease) });
    await writeText(disk, transaction.stagedPath(0), 'half of a fil');
    const install = await open();
    expect(install.recovery.kind).toBe('discarded');
    expect(await disk.list(sampleLayout.staging)).toEqual([]);
    expect(await snapshot()).toEqual(baseSnapshot);
  });

  it('finishes a rollback on a disk that has filled up since', async () => {
    await stopAt(30);
    expect(await peekInstall(disk, sampleLayout)).toMatchObject({
      state: 'rolling_back',
      starts: 0,
      target: referenceOf(targetRelease),
    });
    await disk.removeFile(sampleLayout.lock);
    await writeText(disk, `${sampleLayout.journal}.reserve`, 'x'.repeat(65_536));
    disk.capacityBytes = (await usedBytes()) + 10;
    const install = await open();
    expect(install.recovery.kind).toBe('rolled-back');
    expect(await snapshot()).toEqual(baseSnapshot);
  });

  it('can be looked at without the lock', async () => {
    expect(await peekInstall(disk, sampleLayout)).toBeNull();
    await open();
    await expect(openInstall(machine.sameBoot(disk), sampleLayout)).rejects.toSatisfy(failsWith('TRANSACTION_LOCKED'));
    expect(await peekInstall(disk, sampleLayout)).toBeNull();
  });

  it('leaves the lock free when it fails', async () => {
    await writeText(disk, sampleLayout.journal, 'nonsense');
    await expect(open()).rejects.toBeInstanceOf(UpdaterError);
    expect(await disk.stat(sampleLayout.lock)).toBeNull();
  });
});
