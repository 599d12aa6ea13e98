/**
 * The whole update, from the question to the server to the confirmed swap, stopped at every single file operation. The
 * disk afterwards has kept, lost, reordered or torn what was not synced; the next start must find exactly the old or
 * exactly the new release and be able to go on.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../hash/digest.js';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import { manualClock } from '../testing/manual-clock.js';
import { baseRelease, type SampleRelease, snapshotOf, targetRelease, userFiles, writeSample } from '../testing/sample-install.js';
import { seededRandom } from '../testing/seeded-random.js';
import { SignedRepository } from '../testing/signed-repository.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { inlineDeriver } from '../workers/deriver.js';
import { createUpdater, type TrustPolicy, type Updater } from './updater.js';

const root = '/install';
const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_260_102);
const kinds: readonly CrashKind[] = ['kept', 'dropped', 'killed', 'reordered', 'torn'];

const machine = new SimulatedMachine();

const announced: TrustPolicy = { kind: 'announced' };

function updater(disk: CrashFileSystem, server: SimulatedServer, trust = announced): Updater {
  const ports = machine.boot(disk);
  const host = {
    ...ports,
    clock: manualClock(60_000),
    random: { id: ports.random.id, fraction: () => 0.5 },
    deriver: inlineDeriver(disk),
    fetch: server.fetch,
    starter: { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) },
  };
  return createUpdater({ root, server: server.url, trust, host, http: { retries: { retriesMax: 0 } } });
}

/** Only what a manifest can carry, and one file that is worth a patch. */
function released(release: SampleRelease, engine: string): SampleRelease {
  const own = (path: string): boolean => path === 'version.txt' || path.startsWith('.remendo');
  const files = Object.entries(release).filter(([path]) => !own(path));
  return Object.fromEntries([
    ...files.map(([path, file]) => [path, typeof file === 'string' ? file : file[0]]),
    ['engine.dll', engine],
  ]);
}

/** Path, mode and text of every file, long texts by their length; a folder that stays empty is no harm. */
async function applicationFiles(disk: CrashFileSystem): Promise<string> {
  const all = Object.entries(await snapshotOf(disk, root));
  const files = all.filter(([path, content]) => !path.startsWith('.remendo') && content !== 'folder');
  return files.map(([path, content]) => `${path} ${content.length > 200 ? digestOf(content) : content}`).join('\n');
}

/** Has what is published signed, if it has to be. */
type Sign = (server: SimulatedServer, version: string) => void;

async function prepare(canSyncDirectories: boolean, trust = announced, sign: Sign = () => {}) {
  const random = seededRandom(11);
  const engine = Array.from({ length: 8_000 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('');
  const server = createSimulatedServer();
  const base = new CrashFileSystem({ canSyncDirectories, now: () => machine.nowMs++ });
  await base.makeDirectory(root);
  await server.publish('1.0.0', released(baseRelease, engine));
  sign(server, '1.0.0');
  await updater(base, server, trust).update();
  await writeSample(base, root, userFiles);
  base.settle();
  await server.publish('1.0.1', released(targetRelease, engine.replaceAll('a', 'A')));
  sign(server, '1.0.1');
  const target = base.afterCrash('kept', 0);
  await updater(target, server, trust).update();
  return {
    server,
    trust,
    base,
    baseFiles: await applicationFiles(base),
    targetFiles: await applicationFiles(target),
    operations: target.operationCount,
  };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;
type Release = 'base' | 'target';

/** The disk at the moment when the update was stopped. */
async function stopAt({ server, trust, base }: Prepared, crashAt: number): Promise<CrashFileSystem> {
  const running = base.afterCrash('kept', 0);
  running.settle();
  running.crashAt = crashAt;
  await updater(running, server, trust)
    .update()
    .catch(() => undefined);
  return running;
}

/** @returns which of the two releases the next start found. */
async function recoverAndGoOn(prepared: Prepared, found: CrashFileSystem, what: string): Promise<Release> {
  const { server, trust, baseFiles, targetFiles } = prepared;
  found.crashAt = Number.POSITIVE_INFINITY;
  await updater(found, server, trust).recover();
  const files = await applicationFiles(found);
  if (files !== baseFiles) expect(files, what).toBe(targetFiles);
  await updater(found, server, trust).update();
  expect(await applicationFiles(found), `${what}: the next update`).toBe(targetFiles);
  return files === baseFiles ? 'base' : 'target';
}

/** @returns what each kind of crash led to. Kinds that leave the very same disk, times and all, are tried once. */
async function crashAndRecover(
  prepared: Prepared,
  crashAt: number,
  crashKinds: readonly CrashKind[],
): Promise<{ readonly found: readonly Release[]; readonly disks: number }> {
  const stopped = await stopAt(prepared, crashAt);
  const releases = new Map<string, Release>();
  const found: Release[] = [];
  for (const kind of crashKinds) {
    const disk = stopped.afterCrash(kind, seed + crashAt);
    const fingerprint = disk.fingerprint();
    const what = `${kind} at ${crashAt}: ${stopped.trace.at(-1)}`;
    const release = releases.get(fingerprint) ?? (await recoverAndGoOn(prepared, disk, what));
    releases.set(fingerprint, release);
    found.push(release);
  }
  return { found, disks: releases.size };
}

describe.each([
  { disk: 'a disk that syncs directories', canSyncDirectories: true, kindsEach: kinds.length },
  // What differs is what a crash drops: two kinds for each operation, others with another seed.
  { disk: 'a disk that can not sync directories', canSyncDirectories: false, kindsEach: 2 },
])('an update on $disk', ({ disk, canSyncDirectories, kindsEach }) => {
  it('ends in exactly the old or exactly the new release, wherever it is stopped', async () => {
    const prepared = await prepare(canSyncDirectories);
    const found = { base: 0, target: 0 };
    let disks = 0;
    for (let crashAt = 1; crashAt <= prepared.operations; crashAt++) {
      const chosen = Array.from({ length: kindsEach }, (_, nth) => kinds[(seed + crashAt * 2 + nth) % kinds.length] ?? 'torn');
      const outcome = await crashAndRecover(prepared, crashAt, chosen);
      for (const release of outcome.found) found[release] += 1;
      disks += outcome.disks;
    }
    expect(found.base).toBeGreaterThan(0);
    expect(found.target).toBeGreaterThan(0);
    console.log(
      `whole update on ${disk}: ${prepared.operations} operations × ${kindsEach} kinds, ${disks} different disks, seed ${seed}: ${found.base} found the base, ${found.target} the target`,
    );
  }, 600_000);
});

/** The trust's own files at every operation: trust/signed-trust.crash.test.ts. */
it('ends in exactly the old or exactly the new release when it is signed, too', async () => {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'remendo-signed-crash-'));
  const repository = new SignedRepository(manualClock().now());
  const trust = { kind: 'signed', root: repository.shippedRoot, scratchFolder } as const;
  const prepared = await prepare(true, trust, (server, version) => {
    server.metadata = repository.files;
    repository.sign(server.buildOf(version));
  });
  const found = { base: 0, target: 0 };
  for (let crashAt = 1; crashAt <= prepared.operations; crashAt += 8) {
    const outcome = await crashAndRecover(prepared, crashAt, [kinds[crashAt % kinds.length] ?? 'torn']);
    for (const release of outcome.found) found[release] += 1;
  }
  expect(Math.min(found.base, found.target)).toBeGreaterThan(0);
  console.log(`signed update: every eighth of ${prepared.operations} operations, seed ${seed}: ${JSON.stringify(found)}`);
  await rm(scratchFolder, { recursive: true });
}, 600_000);
