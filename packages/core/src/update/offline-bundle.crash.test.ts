/** An update from a stick, killed or without power at file operations spread over all of it: the next start goes on or goes back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import { writeSampleBundle } from '../testing/sample-bundle.js';
import { baseRelease, releasedFiles, snapshotOf, targetRelease, userFiles, writeSample } from '../testing/sample-install.js';
import { SignedRepository } from '../testing/signed-repository.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer } from '../testing/simulated-server.js';
import { inlineDeriver } from '../workers/deriver.js';
import { createUpdater, type Updater } from './updater.js';

const root = '/install';
const stick = '/stick';
const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_260_107);
const kinds: readonly CrashKind[] = ['kept', 'dropped', 'killed', 'reordered', 'torn'];
/** Every operation is tried online: update.crash.test.ts. */
const operationsApart = 23;

const applicationFiles = async (disk: CrashFileSystem): Promise<string> =>
  Object.entries(await snapshotOf(disk, root))
    .filter(([path, content]) => !path.startsWith('.remendo') && content !== 'folder')
    .map(([path, content]) => `${path} ${content}`)
    .join('\n');

it(`ends in exactly the old or exactly the new release, and the stick brings the new one next time (seed ${seed})`, async () => {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'remendo-offline-crash-'));
  const machine = new SimulatedMachine();
  const server = createSimulatedServer();
  const repository = new SignedRepository(machine.nowMs);
  const updater = (disk: CrashFileSystem, isOffline = true): Updater => {
    const ports = machine.sameBoot(disk);
    return createUpdater({
      root,
      server: server.url,
      ...(isOffline ? { offline: { folder: stick } } : {}),
      trust: { kind: 'signed', root: repository.shippedRoot, scratchFolder },
      host: {
        ...ports,
        deriver: inlineDeriver(disk),
        fetch: server.fetch,
        starter: { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) },
        random: { id: ports.random.id, fraction: () => 0.5 },
      },
      http: { retries: { retriesMax: 0 } },
    });
  };
  server.metadata = repository.files;
  const base = new CrashFileSystem({ canSyncDirectories: true, now: () => machine.nowMs++ });
  await base.makeDirectory(root);
  for (const [version, sample] of [['1.0.0', baseRelease] as const, ['1.1.0', targetRelease] as const]) {
    await server.publish(version, releasedFiles(sample));
    repository.sign(server.buildOf(version));
    if (version === '1.0.0') await updater(base, false).update();
  }
  await writeSample(base, root, userFiles);
  await writeSampleBundle(base, stick, { server, repository, releases: [{ version: '1.1.0', bases: ['1.0.0'] }] });
  base.settle();
  server.isDown = true;
  const baseFiles = await applicationFiles(base);
  const whole = base.afterCrash('kept', 0);
  await updater(whole).update();
  const targetFiles = await applicationFiles(whole);
  const found = { base: 0, target: 0 };
  for (let crashAt = 1; crashAt <= whole.operationCount; crashAt += operationsApart) {
    const kind = kinds[crashAt % kinds.length] ?? 'torn';
    const running = base.afterCrash('kept', 0);
    running.settle();
    running.crashAt = crashAt;
    await updater(running)
      .update()
      .catch(() => undefined);
    machine.boot(running);
    const next = running.afterCrash(kind, seed + crashAt);
    next.crashAt = Number.POSITIVE_INFINITY;
    await updater(next).recover();
    const files = await applicationFiles(next);
    if (files !== baseFiles) expect(files, `${kind} at ${crashAt}`).toBe(targetFiles);
    found[files === baseFiles ? 'base' : 'target'] += 1;
    await updater(next).update();
    expect(await applicationFiles(next), `${kind} at ${crashAt}: the next time`).toBe(targetFiles);
  }
  expect(Math.min(found.base, found.target)).toBeGreaterThan(0);
  console.log(`update from a stick: every ${operationsApart}th of ${whole.operationCount} operations: ${JSON.stringify(found)}`);
  await rm(scratchFolder, { recursive: true });
});
