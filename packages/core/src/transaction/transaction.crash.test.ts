/**
 * The proof of the one promise that counts: whatever the moment at which the power goes, and whatever of the unsynced
 * changes the disk has kept, the next start finds the base or the target, and updates go on from there.
 */
import { describe, expect, it } from 'vitest';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import {
  baseRelease,
  nextRelease,
  rollBackSample,
  type SampleRelease,
  sampleLayout,
  sampleRoot,
  snapshotOf,
  targetRelease,
  updateSample,
  writeSampleInstall,
} from '../testing/sample-install.js';
import { seededRandom } from '../testing/seeded-random.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { openInstall } from './install.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_260_101);
const kinds: readonly (readonly [CrashKind, number])[] = [
  ['kept', 1],
  ['dropped', 1],
  ['killed', 1],
  ['reordered', 4],
  ['torn', 4],
];

const disks = [
  { name: 'a disk that syncs directories', options: { canSyncDirectories: true, ignoresCase: false } },
  { name: 'a disk that can not sync directories and ignores case', options: { canSyncDirectories: false, ignoresCase: true } },
] as const;

type Snapshot = Readonly<Record<string, string>>;

/**
 * Where removals can not be made durable, a folder that was removed may come back after a crash, empty: it holds
 * nothing of anybody's, and the next swap that needs its place removes it again.
 */
function comparable(snapshot: Snapshot, expected: Snapshot, canSyncDirectories: boolean): Snapshot {
  if (canSyncDirectories) return snapshot;
  const paths = Object.keys(snapshot);
  const isEmpty = (path: string) => path.endsWith('/') && !paths.some((other) => other.startsWith(path) && !other.endsWith('/'));
  return Object.fromEntries(Object.entries(snapshot).filter(([path]) => path in expected || !isEmpty(path)));
}

const isSame = (one: Snapshot, other: Snapshot): boolean => JSON.stringify(one) === JSON.stringify(other);

interface Scenario {
  /** The disk before, everything durable. */
  readonly disk: CrashFileSystem;
  readonly machine: SimulatedMachine;
  readonly act: (disk: CrashFileSystem) => Promise<void>;
  /** Without damage and held files a swap that was cut short is always finished. */
  readonly isNeverRolledBack: boolean;
  /** Snapshots that may be found afterwards, with the release each is of. */
  readonly outcomes: readonly { readonly snapshot: Snapshot; readonly release: SampleRelease }[];
}

const copyOf = (disk: CrashFileSystem): CrashFileSystem => disk.afterCrash('kept', 0);

async function prepare(options: { canSyncDirectories: boolean; ignoresCase: boolean }) {
  const machine = new SimulatedMachine();
  const base = new CrashFileSystem({ ...options, now: () => machine.nowMs++ });
  await writeSampleInstall(base, sampleRoot);
  base.settle();
  const target = copyOf(base);
  await updateSample(machine.boot(target), sampleLayout, { base: baseRelease, target: targetRelease });
  target.settle();
  const next = copyOf(target);
  await updateSample(machine.boot(next), sampleLayout, { base: targetRelease, target: nextRelease });
  const [baseSnapshot, targetSnapshot, nextSnapshot] = await Promise.all(
    [base, target, next].map((disk) => snapshotOf(disk, sampleRoot)),
  );
  return { machine, base, target, baseSnapshot, targetSnapshot, nextSnapshot } as const;
}

/** Recovers, and sometimes loses power again while it does, up to twice. */
async function recoverWithCrashes(scenario: Scenario, found: CrashFileSystem, random: () => number): Promise<CrashFileSystem> {
  let disk = found;
  for (let again = 0; again < 2 && random() < 0.6; again++) {
    disk.operationCount = 0;
    disk.crashAt = 1 + Math.floor(random() * 60);
    await openInstall(scenario.machine.boot(disk), sampleLayout)
      .then((install) => install.close())
      .catch(() => undefined);
    const kind = (['kept', 'dropped', 'killed', 'reordered', 'torn'] as const)[Math.floor(random() * 5)] ?? 'kept';
    disk = disk.afterCrash(kind, Math.floor(random() * 2 ** 31));
  }
  disk.crashAt = Number.POSITIVE_INFINITY;
  return disk;
}

/** @returns the release that the install holds afterwards. */
async function recoverOnce(scenario: Scenario, disk: CrashFileSystem): Promise<SampleRelease> {
  const install = await openInstall(scenario.machine.boot(disk), sampleLayout);
  if (scenario.isNeverRolledBack) expect(install.recovery.kind).not.toBe('rolled-back');
  const snapshot = await snapshotOf(disk, sampleRoot);
  const outcome = scenario.outcomes.find((candidate) =>
    isSame(candidate.snapshot, comparable(snapshot, candidate.snapshot, disk.canSyncDirectories)),
  );
  if (outcome === undefined) expect(snapshot, `after ${install.recovery.kind}`).toEqual(scenario.outcomes[0]?.snapshot);
  if (install.transaction?.state === 'committed') {
    await expectWayBack(scenario, disk);
    await install.transaction.confirm();
  }
  await install.close();
  return outcome?.release ?? {};
}

/** What was recovered to the target can still go back to the base; tried on a copy. */
async function expectWayBack(scenario: Scenario, disk: CrashFileSystem): Promise<void> {
  const copy = copyOf(disk);
  const install = await openInstall(scenario.machine.boot(copy), sampleLayout);
  await rollBackSample(install);
  await expectSnapshot(copy, scenario.outcomes[0]?.snapshot);
  await install.close();
}

async function expectSnapshot(disk: CrashFileSystem, expected: Snapshot = {}): Promise<void> {
  expect(comparable(await snapshotOf(disk, sampleRoot), expected, disk.canSyncDirectories)).toEqual(expected);
}

async function crashEverywhere(scenario: Scenario, goOn: (disk: CrashFileSystem, release: SampleRelease) => Promise<void>) {
  const counts: Record<string, number> = {};
  const found = new Map<string, number>();
  let operations = 0;
  for (let at = 1; ; at++) {
    const disk = copyOf(scenario.disk);
    disk.crashAt = at;
    await scenario.act(disk).catch(() => undefined);
    if (!disk.hasCrashed) break;
    operations++;
    for (const [kind, repetitions] of kinds) {
      for (let repetition = 0; repetition < repetitions; repetition++) {
        const caseSeed = (seed + at * 1_000 + repetition * 10 + kind.length) >>> 0;
        try {
          const after = await recoverWithCrashes(scenario, disk.afterCrash(kind, caseSeed), seededRandom(caseSeed));
          const release = await recoverOnce(scenario, after);
          found.set(String(release['version.txt']).trim(), (found.get(String(release['version.txt']).trim()) ?? 0) + 1);
          if (repetition === 0) await goOn(after, release);
        } catch (cause) {
          throw new Error(`${disk.trace.at(-1)}; ${kind}; REMENDO_TEST_SEED=${seed}, case ${caseSeed}`, { cause });
        }
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
    }
  }
  return { operations, counts, found: Object.fromEntries(found) };
}

describe.each(disks)('on $name', ({ name, options }) => {
  it('a crash at any operation of an update leaves the base or the target, and the next updates work', async () => {
    const { machine, base, baseSnapshot, targetSnapshot, nextSnapshot } = await prepare(options);
    const scenario: Scenario = {
      disk: base,
      machine,
      isNeverRolledBack: true,
      act: (disk) => updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease }),
      outcomes: [
        { snapshot: baseSnapshot ?? {}, release: baseRelease },
        { snapshot: targetSnapshot ?? {}, release: targetRelease },
      ],
    };
    const report = await crashEverywhere(scenario, async (disk, release) => {
      if (release === baseRelease) {
        await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease });
        await expectSnapshot(disk, targetSnapshot);
      }
      await updateSample(machine.boot(disk), sampleLayout, { base: targetRelease, target: nextRelease });
      await expectSnapshot(disk, nextSnapshot);
    });
    console.log(`update on ${name}:`, JSON.stringify(report));
    expect(report.operations).toBeGreaterThan(150);
    expect(Object.keys(report.found).sort()).toEqual(['1.0.0', '1.0.1']);
  }, 300_000);

  it('a crash at any operation of a rollback leaves the target or the base, and the next update works', async () => {
    const { machine, target, baseSnapshot, targetSnapshot } = await prepare(options);
    const scenario: Scenario = {
      disk: target,
      machine,
      isNeverRolledBack: false,
      act: async (disk) => {
        const install = await openInstall(machine.boot(disk), sampleLayout);
        await rollBackSample(install);
        await install.close();
      },
      outcomes: [
        { snapshot: baseSnapshot ?? {}, release: baseRelease },
        { snapshot: targetSnapshot ?? {}, release: targetRelease },
      ],
    };
    const report = await crashEverywhere(scenario, async (disk, release) => {
      if (release !== baseRelease) return;
      await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease });
      await expectSnapshot(disk, targetSnapshot);
    });
    console.log(`rollback on ${name}:`, JSON.stringify(report));
    expect(report.operations).toBeGreaterThan(60);
    expect(Object.keys(report.found).sort()).toEqual(['1.0.0', '1.0.1']);
  }, 300_000);
});
