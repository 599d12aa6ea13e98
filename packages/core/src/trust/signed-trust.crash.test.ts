/**
 * What a terminal keeps of signed metadata, with the power cut at every file operation of a first use, of a refresh and
 * of a walk through new roots; what was not synced is kept, dropped, reordered or torn. Afterwards it opens, stands
 * nowhere below the floors that were durable, refuses what is older than them, and an honest server brings it up to date.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSigningKey } from '../publish/index.js';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import { AttackedTerminal, build, claim, dayMs, expectNotLowered, folder } from './attacked-terminal.test.support.js';
import { SignedTrust } from './signed-trust.js';
import { readFloors } from './trust-state.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_261_122);
const kinds: readonly CrashKind[] = ['kept', 'dropped', 'killed', 'reordered', 'torn'];

let terminal: AttackedTerminal;
beforeEach(() => {
  terminal = new AttackedTerminal();
});
afterEach(() => terminal.remove());

type Files = ReadonlyMap<string, Uint8Array>;

interface Scene {
  /** Before the step that is stopped, everything durable. */
  readonly base: CrashFileSystem;
  /** What the server had when the terminal was there last; null: it never was. */
  readonly known: Files | null;
  /** What it had some time before that. */
  readonly older: Files;
}

const served = (): Files => new Map(terminal.repository.files);

function serve(files: Files): void {
  terminal.repository.files.clear();
  for (const [name, bytes] of files) terminal.repository.files.set(name, bytes);
}

function trustOn(fileSystem: CrashFileSystem): SignedTrust {
  return new SignedTrust({ ...terminal.options(), fileSystem, source: terminal.repository.source, firstUse: true });
}

async function expectGoesOn(found: CrashFileSystem, { base, known, older }: Scene, where: string): Promise<void> {
  const [floors, durable] = [await readFloors(found, folder), await readFloors(base, folder)];
  expectNotLowered(durable, floors);
  const newest = served();
  if (known !== null) {
    serve(older);
    await expect(trustOn(found).refresh(), `${where}: older metadata`).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
    serve(newest);
  }
  await trustOn(found).verifyRelease(claim('1.2.0'));
  expectNotLowered(floors, await readFloors(found, folder));
}

async function crashEverywhere(scene: Scene): Promise<number> {
  const counting = scene.base.afterCrash('kept', 0);
  counting.settle();
  await trustOn(counting).verifyRelease(claim('1.2.0'));
  for (let crashAt = 1; crashAt <= counting.operationCount; crashAt++) {
    for (const kind of kinds) {
      const running = scene.base.afterCrash('kept', 0);
      running.settle();
      running.crashAt = crashAt;
      await expect(trustOn(running).verifyRelease(claim('1.2.0'))).rejects.toThrow();
      const found = running.afterCrash(kind, seed + crashAt);
      await expectGoesOn(found, scene, `${kind} at ${running.trace.at(-1)}, seed ${seed}`);
    }
  }
  return counting.operationCount;
}

/** A terminal that has verified what there was before. */
async function acquainted(canSyncDirectories: boolean): Promise<Scene> {
  const older = served();
  terminal.wait(dayMs);
  terminal.repository.renew();
  const base = new CrashFileSystem({ canSyncDirectories });
  await trustOn(base).verifyRelease(claim('1.1.0'));
  base.settle();
  return { base, known: served(), older };
}

describe.each([
  { disk: 'a disk that syncs directories', canSyncDirectories: true },
  { disk: 'a disk that can not sync directories', canSyncDirectories: false },
])('signed trust on $disk', ({ disk, canSyncDirectories }) => {
  const told = (what: string, operations: number): void =>
    console.log(`${what} on ${disk}: ${operations} operations × ${kinds.length} kinds, seed ${seed}`);

  it('goes on after a first use that was stopped anywhere', async () => {
    terminal.repository.sign(build('1.2.0'));
    const base = new CrashFileSystem({ canSyncDirectories });
    told('first use', await crashEverywhere({ base, known: null, older: new Map() }));
  });

  it('goes on after a refresh that was stopped anywhere', async () => {
    const scene = await acquainted(canSyncDirectories);
    terminal.wait(dayMs);
    terminal.repository.sign(build('1.2.0'));
    told('refresh', await crashEverywhere(scene));
  });

  it('goes on after a walk through new roots that was stopped anywhere', async () => {
    const scene = await acquainted(canSyncDirectories);
    for (const _rotation of [1, 2]) terminal.repository.rotate({ root: [createSigningKey()] });
    terminal.repository.sign(build('1.2.0'));
    told('new roots', await crashEverywhere(scene));
  });
});
