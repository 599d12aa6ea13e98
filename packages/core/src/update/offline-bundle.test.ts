/** Updates out of a folder: what a server that answers nothing has to do with it, and whoever carried the folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { objectFilePath } from '../download/folder-object-source.js';
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import type { BundleDescription } from '../protocol/index.js';
import { createSigningKey } from '../publish/index.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { type SampleBundle, writeDescription, writeSampleBundle } from '../testing/sample-bundle.js';
import {
  baseRelease,
  nextRelease,
  releasedFiles,
  type SampleRelease,
  snapshotOf,
  targetRelease,
  userFiles,
  writeSample,
} from '../testing/sample-install.js';
import { SignedRepository } from '../testing/signed-repository.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { inlineDeriver } from '../workers/deriver.js';
import { bundleDescriptionPath } from './open-bundle.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater } from './updater.js';

const root = '/install';
const stick = '/stick';
const dayMs = 86_400_000;
let scratchFolder: string;
beforeAll(async () => {
  scratchFolder = await mkdtemp(join(tmpdir(), 'remendo-offline-'));
});
afterAll(() => rm(scratchFolder, { recursive: true }));

let machine: SimulatedMachine;
let server: SimulatedServer;
let repository: SignedRepository;
let fileSystem: MemoryFileSystem;
let events: UpdateEvent[];

function updater(
  options: { readonly isOnline?: boolean; readonly hasServer?: boolean; readonly pieceBytes?: number } = {},
): Updater {
  const ports = machine.boot(fileSystem);
  const { isOnline = false, hasServer = isOnline, pieceBytes } = options;
  return createUpdater({
    root,
    server: server.url,
    ...(isOnline && !hasServer
      ? {}
      : { offline: { folder: stick, hasServer, ...(pieceBytes === undefined ? {} : { pieceBytes }) } }),
    trust: { kind: 'signed', root: repository.shippedRoot, scratchFolder },
    host: {
      ...ports,
      deriver: inlineDeriver(fileSystem),
      fetch: server.fetch,
      starter: { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) },
      random: { id: ports.random.id, fraction: () => 0.5 },
    },
    http: { retries: { retriesMax: 0 } },
    onEvent: (event) => void events.push(event),
  });
}
const online = (): Updater => updater({ isOnline: true, hasServer: false });

const files = async (): Promise<readonly string[]> =>
  Object.entries(await snapshotOf(fileSystem, root)).flatMap(([path, text]) =>
    path.startsWith('.remendo') ? [] : [`${path} ${text}`],
  );

async function release(version: string, sample: SampleRelease): Promise<void> {
  await server.publish(version, releasedFiles(sample));
  repository.sign(server.buildOf(version));
}

const write = (releases: SampleBundle['releases'], others: Partial<SampleBundle> = {}): Promise<BundleDescription> =>
  writeSampleBundle(fileSystem, stick, { server, repository, releases, ...others });

/** The way from the installed release to the newest. */
const usual: SampleBundle['releases'] = [{ version: '1.1.0', bases: ['1.0.0'] }];

async function expectUnchanged(code: string, update = () => updater().update()): Promise<void> {
  const before = await files();
  await expect(update()).rejects.toMatchObject({ code });
  expect(await files()).toEqual(before);
}

/** As a bad sector, or somebody's hand, leaves it. */
async function damage(digest: string, how: 'bit' | 'cut' | 'gone' | 'link'): Promise<void> {
  const path = objectFilePath(stick, digest as Digest);
  if (how === 'gone') return fileSystem.removeFile(path);
  if (how === 'link') {
    await fileSystem.removeFile(path);
    return fileSystem.makeLink(path, '/etc/passwd');
  }
  const file = await fileSystem.open(path, 'write');
  if (how === 'cut') await file.truncate(Math.floor(file.bytes / 2));
  else for (let at = 0; at < file.bytes; at += 32) await file.write(at, Buffer.from([0xa5]));
  await file.close();
}

const indexOf = ({ index }: BundleDescription) => JSON.parse(index);

/** The cheapest from the installed release. */
const deltaOf = (description: BundleDescription) =>
  indexOf(description).releases[0].plans[0].plans.find(({ kind }: { kind: string }) => kind === 'delta');

/** Its index and packs. */
const deltaObjects = (description: BundleDescription): readonly string[] => {
  const zip = zipOf(description);
  return deltaOf(description)
    .fetches.map(({ digest }: { digest: string }) => digest)
    .filter((digest: string) => digest !== zip);
};
const zipOf = (description: BundleDescription): string => indexOf(description).releases[0].plans[0].target.zip.digest;

beforeEach(async () => {
  machine = new SimulatedMachine();
  server = createSimulatedServer();
  repository = new SignedRepository(machine.nowMs);
  server.metadata = repository.files;
  fileSystem = new MemoryFileSystem({ now: () => machine.nowMs++ });
  events = [];
  await fileSystem.makeDirectory(root);
  await release('1.0.0', baseRelease);
  await online().update();
  await writeSample(fileSystem, root, userFiles);
  await release('1.1.0', targetRelease);
});

const pulledOut = (): void => {
  fileSystem.fault = (_operation, path) =>
    path?.startsWith(stick) === true ? new UpdaterError('STORAGE_FAILED', 'the device is gone') : undefined;
};

describe('an update from a stick', () => {
  it('is made by the delta from what is installed, without a question to the network', async () => {
    await write(usual);
    server.isDown = true;
    server.requests.length = 0;
    expect(await updater().check()).toMatchObject({ kind: 'available', version: '1.1.0' });
    expect(await updater().update()).toMatchObject({ kind: 'updated', base: '1.0.0', version: '1.1.0' });
    expect(events.find(({ kind }) => kind === 'plan-chosen')).toMatchObject({ label: expect.not.stringContaining('zip') });
    expect(server.requests).toEqual([]);
    expect((await updater().trust()).bundle?.expiresMs).toBeGreaterThan(machine.nowMs + 80 * dayMs);
    expect(await updater().update()).toMatchObject({ kind: 'up-to-date' });
  });

  it('installs whole where nothing is, and where something unknown is', async () => {
    await write(usual);
    server.isDown = true;
    const updated = await files();
    for (const path of ['version.txt', '.remendo/state.json', '.remendo/manifest.json'])
      await fileSystem.removeFile(join(root, path));
    await writeSample(fileSystem, root, { 'app.exe': 'patched by hand' });
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
    expect(await files()).not.toEqual(updated);
  });

  it('finds out which release it has by the manifests on the stick', async () => {
    await write(usual);
    server.isDown = true;
    for (const path of ['version.txt', '.remendo/state.json', '.remendo/manifest.json'])
      await fileSystem.removeFile(join(root, path));
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
    expect(events.find(({ kind }) => kind === 'base-identified')).toMatchObject({ version: '1.0.0' });
  });

  it('goes over the floors that are on the stick, one at a time, and stops before one that is not', async () => {
    await release('1.2.0', nextRelease);
    await write([{ version: '1.2.0', bases: ['1.1.0'], floors: ['1.1.0'] }]);
    expect(await updater().check()).toMatchObject({ kind: 'not-offered', reason: 'floor_not_in_bundle' });
    await write([{ version: '1.2.0', bases: ['1.1.0'], floors: ['1.1.0'] }, ...usual]);
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0', finalVersion: '1.2.0' });
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.2.0', finalVersion: null });
  });

  it('makes what its own files no longer lead to out of the zip on the stick', async () => {
    await write(usual);
    server.isDown = true;
    await writeSample(fileSystem, root, { 'big.bin': 'eaten by a bad disk' });
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
    expect(events.filter(({ kind }) => kind === 'content-healed')).toMatchObject([{ path: 'big.bin' }]);
  });

  it('reads objects that lie in pieces', async () => {
    await write(usual, { pieceBytes: 700 });
    server.isDown = true;
    expect(await updater({ pieceBytes: 700 }).update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
  });

  it('never goes to what is older than the installed', async () => {
    await write([{ version: '1.1.0' }]);
    await release('1.2.0', nextRelease);
    await online().update();
    await expectUnchanged('TRUST_ROLLBACK');
    await write([{ version: '1.1.0' }]);
    expect(await updater().update()).toMatchObject({ kind: 'not-offered', reason: 'newer_installed' });
    await expectUnchanged('RELEASE_DOWNGRADE', () => updater().update({ version: '1.1.0' }));
  });

  it('is refused of another application, and of one that nobody named where there are several', async () => {
    await write(usual, {
      changeIndex: ({ releases }) => {
        for (const one of releases) one.application = 'other';
      },
    });
    await expectUnchanged('BUNDLE_INVALID');
  });
});

describe('a stick that is not as it was written', () => {
  it.each(['bit', 'cut', 'gone', 'link'] as const)(
    'with a delta that has its %s changed is used by another plan of it',
    async (how) => {
      const description = await write(usual);
      for (const digest of deltaObjects(description)) await damage(digest, how);
      server.isDown = true;
      const updated = await updater().update();
      expect(updated).toMatchObject({
        kind: 'updated',
        version: '1.1.0',
        plan: expect.not.stringContaining(deltaOf(description).label),
      });
    },
  );

  it.each(['bit', 'cut', 'gone'] as const)(
    'without a whole way (%s) asks the server for the rest, where there is one',
    async (how) => {
      const description = await write(usual);
      for (const digest of [...deltaObjects(description), zipOf(description)]) await damage(digest, how);
      server.isDown = true;
      const before = await files();
      await expect(updater().update()).rejects.toThrow();
      expect(await files()).toEqual(before);
      server.isDown = false;
      expect(await updater({ isOnline: true }).update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
    },
  );

  it('has unreadable sectors: another plan is taken', async () => {
    const description = await write(usual);
    const [index = ''] = deltaObjects(description);
    fileSystem.fault = (operation, path) =>
      operation === 'read' && path?.includes(index) === true ? new UpdaterError('STORAGE_FAILED', 'bad sector') : undefined;
    expect(await updater().update()).toMatchObject({ plan: expect.not.stringContaining(deltaOf(description).label) });
  });

  it('is pulled out in the middle: the old version stays, and the next time goes on', async () => {
    await write(usual);
    let reads = 0;
    fileSystem.fault = (operation, path) => {
      if (path?.startsWith(join(stick, 'objects')) === true && operation === 'read') reads += 1;
      return reads > 1 && path?.startsWith(stick) === true ? new UpdaterError('STORAGE_FAILED', 'the device is gone') : undefined;
    };
    await expectUnchanged('DOWNLOAD_FAILED');
    pulledOut();
    await expectUnchanged('BUNDLE_INVALID');
    fileSystem.fault = () => undefined;
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
  });
});

describe('a stick that lies', () => {
  const forged = async (change: (description: BundleDescription) => unknown): Promise<void> => {
    const description = await write(usual);
    await writeDescription(fileSystem, stick, (change(description) ?? description) as object);
  };

  it('about what was signed is refused: requirements, plans, digests', async () => {
    for (const [from, to] of [
      ['"requires_backup":false', '"requires_backup":true'],
      ['"version":"1.1.0"', '"version":"1.9.0"'],
      ['"floors":[]', '"floors":["1.0.5"]'],
    ] as const) {
      await forged((description) => {
        expect(description.index).toContain(from);
        description.index = description.index.replaceAll(from, to);
      });
      await expectUnchanged('TRUST_INVALID');
    }
  });

  it('with a key of its own is refused, by what it made itself', async () => {
    await write(usual, { key: createSigningKey() });
    await expectUnchanged('TRUST_INVALID');
  });

  it('with a whole repository of its own is refused', async () => {
    const own = new SignedRepository(machine.nowMs);
    own.sign(server.buildOf('1.1.0'));
    await write(usual, { repository: own });
    await expectUnchanged('TRUST_INVALID');
  });

  it('about which bytes are a release, signed by a server that was taken over, is refused', async () => {
    await write(usual, {
      changeIndex: ({ releases }) => {
        for (const { plans } of releases) for (const { target } of plans) target.manifest_digest = 'a'.repeat(64);
      },
    });
    await expectUnchanged('TRUST_RELEASE_UNSIGNED');
  });

  it('is none', async () => {
    await expectUnchanged('BUNDLE_INVALID');
    await fileSystem.makeDirectory(stick);
    for (const text of ['', '{', '[]', 'null', '{"format":"remendo-bundle-1"}', '['.repeat(100_000), '\ud800']) {
      await writeSample(fileSystem, stick, { 'remendo-bundle.json': text });
      await expectUnchanged('BUNDLE_INVALID');
    }
    await forged((description) => ({ ...description, format: 'remendo-bundle-9' }));
    await expectUnchanged('BUNDLE_INVALID');
    await forged(({ metadata }) => void metadata.push(...metadata));
    await expectUnchanged('BUNDLE_INVALID');
    await forged(({ metadata }) => void metadata.push({ name: '../../evil.json', body: '{}' }));
    await expectUnchanged('BUNDLE_INVALID');
  });

  it('has a link or a folder where its description should be', async () => {
    await write(usual);
    const path = bundleDescriptionPath(stick);
    await fileSystem.rename(path, '/elsewhere.json');
    fileSystem.makeLink(path, '/elsewhere.json');
    await expectUnchanged('BUNDLE_INVALID');
    await fileSystem.removeFile(path);
    await fileSystem.makeDirectory(path);
    await expectUnchanged('BUNDLE_INVALID');
  });

  it('is a file, such as an archive of it: says that it has to be unpacked', async () => {
    await writeSample(fileSystem, '/', { 'stick.zip': 'PK' });
    await fileSystem.rename('/stick.zip', stick);
    await expect(updater().update()).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('unpacked'),
    });
  });

  it('has a description that is too long to be one', async () => {
    await write(usual);
    const file = await fileSystem.open(bundleDescriptionPath(stick), 'write');
    await file.truncate(64 * 1024 * 1024);
    await file.close();
    await expectUnchanged('BUNDLE_INVALID');
  });

  it.each(['timestamp.json', 'bundle.json', '1.root.json', '2.snapshot.json'])('without %s is refused', async (name) => {
    await forged((description) => {
      description.metadata = description.metadata.filter((one) => !one.name.endsWith(name.slice(1)) || name === '1.root.json');
      description.metadata = description.metadata.filter((one) => one.name !== name);
    });
    const before = await files();
    if (name === '1.root.json') return expect(await updater().update()).toMatchObject({ kind: 'updated' });
    await expect(updater().update()).rejects.toMatchObject({ code: expect.stringMatching(/^(TRUST_|DOWNLOAD_NOT_FOUND)/) });
    expect(await files()).toEqual(before);
  });

  it('that expired says so, and does nothing', async () => {
    await write(usual);
    machine.nowMs += 91 * dayMs;
    await expectUnchanged('TRUST_EXPIRED');
  });
});
