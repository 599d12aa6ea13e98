/**
 * Transactions where Windows' rules hold: every file is in somebody's hands now and then, and nothing may be left half done.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import {
  baseRelease,
  nextRelease,
  rollBackSample,
  type SampleRelease,
  snapshotOf,
  stageSample,
  targetRelease,
  updateSample,
  writeSampleInstall,
  writeText,
} from '../testing/sample-install.js';
import { seededRandom } from '../testing/seeded-random.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { WindowsMachine } from '../testing/windows-file-system.js';
import { sharesAll, sharesReading } from '../testing/windows-holds.js';
import { type Install, openInstall } from './install.js';
import { installLayout } from './install-layout.js';

const root = 'C:/sistema/bin';
const layout = installLayout(root);
const at = (path: string) => `${root}/${path}`;
const holders = async () => [{ pid: 4321, program: 'C:\\antivirus\\scan.exe' }];

let machine: SimulatedMachine;
let windows: WindowsMachine;

const update = (base: SampleRelease, target: SampleRelease) =>
  updateSample(machine.boot(windows.fileSystem), layout, { base, target });
const snapshot = () => snapshotOf(windows.fileSystem, root);
const open = () => openInstall(machine.boot(windows.fileSystem), layout);

async function withInstall<T>(use: (install: Install) => Promise<T>): Promise<T> {
  const install = await open();
  try {
    return await use(install);
  } finally {
    await install.close();
  }
}

const goBack = () => withInstall(rollBackSample);

/** What an update ends in that a test lets go wrong. */
const failedUpdate = (base: SampleRelease, target: SampleRelease) =>
  update(base, target).then(
    () => null,
    (error: unknown) => error,
  );

beforeEach(async () => {
  machine = new SimulatedMachine();
  windows = new WindowsMachine({ holders });
  await writeSampleInstall(windows.fileSystem, root);
});

describe('a transaction on Windows', () => {
  it('respells names, replaces read-only files, turns files into folders and back, and undoes it all', async () => {
    const base = await snapshot();
    await update(baseRelease, targetRelease);
    const target = await snapshot();
    expect(Object.keys(target)).toEqual(expect.arrayContaining(['README.md', 'plugin/main.js', 'theme', 'read-only.cfg']));
    await goBack();
    expect(await snapshot()).toEqual(base);
    await update(baseRelease, targetRelease);
    await update(targetRelease, nextRelease);
    expect(Object.keys(await snapshot())).toEqual(expect.arrayContaining(['readme.md', 'plugin', 'theme/light.css']));
    await goBack();
    expect(await snapshot()).toEqual(target);
  });

  it('replaces programs and libraries that are running, again and again, without waiting for them', async () => {
    windows.run(at('app.exe'));
    windows.run(at('lib/core.dll'));
    await update(baseRelease, targetRelease);
    windows.run(at('app.exe'));
    await update(targetRelease, nextRelease);
    expect((await snapshot())['version.txt']).toContain('1.0.2');
    await goBack();
    expect((await snapshot())['app.exe']).toContain('application two');
  });

  it('outwaits a virus scanner that looks into every file it writes', async () => {
    windows.scannerHoldsMs = 200;
    await update(baseRelease, targetRelease);
    expect((await snapshot())['lib/core.dll']).toContain('library two');
    await goBack();
    expect((await snapshot())['lib/core.dll']).toContain('library one');
  });

  it('outwaits a program that holds a file for a second', async () => {
    windows.hold(at('lib/core.dll'), { shares: sharesReading, forMs: 1_000 });
    await update(baseRelease, targetRelease);
    expect((await snapshot())['lib/core.dll']).toContain('library two');
  });

  it.each([
    'app.exe',
    'lib/core.dll',
    'version.txt',
    'data/old.txt',
    'Readme.md',
    'theme/deep/dark.css',
    'read-only.cfg',
    'big.bin',
  ])('goes back when %s stays held, names the program, and works once it is let go', async (path) => {
    const base = await snapshot();
    const letGo = windows.hold(at(path), { shares: sharesReading });
    const failure = await failedUpdate(baseRelease, targetRelease);
    expect(failure).toMatchObject({ code: 'TRANSACTION_FILE_HELD', details: { heldBy: ['scan.exe (4321)'] } });
    expect(await snapshot()).toEqual(base);
    letGo();
    await update(baseRelease, targetRelease);
    expect((await snapshot())['version.txt']).toContain('1.0.1');
  });

  it('changes nothing when a file can not even be read', async () => {
    const base = await snapshot();
    const letGo = windows.hold(at('lib/core.dll'));
    expect(await failedUpdate(baseRelease, targetRelease)).toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    letGo();
    expect(await snapshot()).toEqual(base);
  });

  it('keeps a rollback pending while the target is held, and every later start goes on with it until it is done', async () => {
    const base = await snapshot();
    await update(baseRelease, targetRelease);
    const letGo = windows.hold(at('lib/core.dll'), { shares: sharesReading });
    await expect(goBack()).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
    for (let start = 0; start < 3; start++) await expect(open()).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
    letGo();
    await withInstall(async ({ transaction }) => expect(transaction?.state).toBe('rolled_back'));
    expect(await snapshot()).toEqual(base);
  });

  it('goes back from a swap that meets one lock on the way and another on the way back', async () => {
    const base = await snapshot();
    const first = windows.hold(at('big.bin'), { shares: sharesReading });
    const letGo = await withInstall(async (install) => {
      const transaction = await stageSample(install, baseRelease, targetRelease);
      // Whoever looks at the program as soon as it was moved aside keeps it from coming back.
      const rename = windows.promises.rename;
      let second: (() => void) | null = null;
      windows.promises.rename = async (from, to) => {
        await rename(from, to);
        if (String(from).endsWith('\\app.exe'))
          second = windows.hold(String(to).slice('\\\\?\\'.length), { shares: sharesReading });
      };
      await expect(transaction.commit()).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
      windows.promises.rename = rename;
      return second as (() => void) | null;
    });
    await expect(open()).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
    letGo?.();
    await withInstall(async ({ recovery }) => expect(recovery.kind).toBe('rolled-back'));
    expect(await snapshot()).toEqual(base);
    first();
  });

  it('goes back while a console stands in a folder whose place a file takes', async () => {
    const base = await snapshot();
    const leave = windows.hold(at('theme'), { shares: { read: true, write: true, delete: false } });
    expect(await failedUpdate(baseRelease, targetRelease)).toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    expect(await snapshot()).toEqual(base);
    leave();
    await update(baseRelease, targetRelease);
  });

  it('leaves a folder that it has emptied while a console stands in it, and comes to an end all the same', async () => {
    const base = await snapshot();
    const leave = windows.hold(at('docs/a'), { shares: { read: true, write: true, delete: false } });
    await update(baseRelease, targetRelease);
    expect(await snapshot()).toMatchObject({ 'version.txt': expect.stringContaining('1.0.1'), 'docs/a/': 'folder' });
    await goBack();
    expect(await snapshot()).toEqual(base);
    leave();
    await update(baseRelease, targetRelease);
    expect(await snapshot()).not.toHaveProperty('docs/a/');
  });

  it('begins anew while somebody still has a file of the last way back open', async () => {
    await update(baseRelease, targetRelease);
    const [transaction] = await windows.fileSystem.list(layout.previous);
    const [first] = await windows.fileSystem.list(`${layout.previous}/${transaction}`);
    const close = windows.hold(`${layout.previous}/${transaction}/${first}`, { shares: sharesAll });
    await update(targetRelease, nextRelease);
    close();
    expect((await snapshot())['version.txt']).toContain('1.0.2');
  });

  it('works below a folder whose files have paths of more than 260 characters', async () => {
    const deepLayout = installLayout(`C:/${'sistema'.repeat(20)}/${'terminal'.repeat(20)}`);
    await writeSampleInstall(windows.fileSystem, deepLayout.root);
    await updateSample(machine.boot(windows.fileSystem), deepLayout, { base: baseRelease, target: targetRelease });
    expect((await snapshotOf(windows.fileSystem, deepLayout.root))['plugin/sub/more.js']).toContain('deeper');
  });

  it('writes through no link that stands where it writes', async () => {
    await writeText(windows.fileSystem, 'C:/precious', 'of somebody else');
    await windows.fileSystem.makeDirectory(layout.home);
    windows.disk.makeLink(`${layout.journal}.reserve`, 'C:/precious');
    await expect(update(baseRelease, targetRelease)).rejects.toMatchObject({ code: 'TRANSACTION_PATH_BLOCKED' });
    expect((await windows.fileSystem.stat('C:/precious'))?.bytes).toBe(16);
  });
});

describe('a crash on Windows', () => {
  const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_260_307);
  const kinds: readonly CrashKind[] = ['kept', 'dropped', 'killed', 'reordered', 'torn'];

  /** An empty folder that comes back holds nothing of anybody's. */
  const filesOf = (found: Readonly<Record<string, string>>): string =>
    JSON.stringify(Object.entries(found).filter(([, text]) => text !== 'folder'));

  /** What was running is not after a power cut, but the scanner is back. */
  const machineOn = (disk: CrashFileSystem, random: () => number): WindowsMachine =>
    new WindowsMachine({ disk, scannerHoldsMs: random() < 0.5 ? 100 : 0 });

  async function prepare() {
    const base = new CrashFileSystem({ ignoresCase: true, canSyncDirectories: false, now: () => machine.nowMs++ });
    windows = new WindowsMachine({ disk: base });
    await writeSampleInstall(windows.fileSystem, root);
    base.settle();
    const baseFiles = filesOf(await snapshot());
    const target = base.afterCrash('kept', 0);
    windows = new WindowsMachine({ disk: target });
    await update(baseRelease, targetRelease);
    return { base, baseFiles, targetFiles: filesOf(await snapshot()), operations: target.operationCount };
  }

  it('leaves the base or the target, with programs running, a scanner at work, and locks that come and go', async () => {
    const { base, baseFiles, targetFiles, operations } = await prepare();
    const random = seededRandom(seed);
    const found = { base: 0, target: 0, pending: 0 };
    for (let round = 0; round < 120; round++) {
      const running = base.afterCrash('kept', 0);
      running.crashAt = 1 + Math.floor(random() * operations);
      windows = machineOn(running, random);
      if (random() < 0.7) windows.run(at('app.exe'));
      if (random() < 0.3) windows.hold(at('big.bin'), { shares: sharesReading, forMs: random() < 0.5 ? 500 : 100_000 });
      await failedUpdate(baseRelease, targetRelease);
      const kind = kinds[round % kinds.length] ?? 'kept';
      const why = `REMENDO_TEST_SEED=${seed}, round ${round}, ${kind}, ${running.trace.at(-1)}`;
      windows = machineOn(running.afterCrash(kind, Math.floor(random() * 2 ** 31)), random);
      const letGo = windows.disk.nodeOf(at('lib/core.dll')) === undefined ? null : windows.hold(at('lib/core.dll'));
      await open().then(
        (install) => install.close(),
        (error: unknown) => {
          found.pending++;
          expect(hasCode(error, 'TRANSACTION_ROLLBACK_PENDING'), why).toBe(true);
        },
      );
      letGo?.();
      await withInstall(async ({ transaction }) => transaction?.state === 'committed' && transaction.confirm());
      const files = filesOf(await snapshot());
      expect([baseFiles, targetFiles], why).toContain(files);
      found[files === baseFiles ? 'base' : 'target']++;
      await update(files === baseFiles ? baseRelease : targetRelease, nextRelease);
    }
    console.log('crashes on Windows:', JSON.stringify(found));
    expect(Math.min(found.base, found.target, found.pending)).toBeGreaterThan(0);
  });
});
