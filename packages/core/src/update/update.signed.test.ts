/** The whole update with signed trust, against servers that offer what nobody signed, or something else than was. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IdentifyAnswer, PlanAnswer } from '../protocol/index.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
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
import { createUpdater, type Updater } from './updater.js';

const root = '/install';
let scratchFolder: string;
beforeAll(async () => {
  scratchFolder = await mkdtemp(join(tmpdir(), 'remendo-signed-update-'));
});
afterAll(() => rm(scratchFolder, { recursive: true }));

let machine: SimulatedMachine;
let server: SimulatedServer;
let repository: SignedRepository;
let fileSystem: MemoryFileSystem;
/** Answers in the server's place, from what it would have answered. */
let forge: (path: string, answer: unknown) => unknown;

function updater(trustedRoot = repository.shippedRoot): Updater {
  const ports = machine.boot(fileSystem);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input as Request, init);
    const { pathname } = new URL(request.url);
    const response = await server.fetch(request);
    if (!pathname.startsWith('/api/v1/updates/')) return response;
    return Response.json(forge(pathname.slice('/api/v1/updates/'.length), await response.json()), { status: response.status });
  };
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'signed', root: trustedRoot, scratchFolder },
    host: {
      ...ports,
      deriver: inlineDeriver(fileSystem),
      fetch,
      starter: { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) },
      random: { id: ports.random.id, fraction: () => 0.5 },
    },
    http: { retries: { retriesMax: 0 } },
  });
}

const files = async (): Promise<readonly string[]> =>
  Object.entries(await snapshotOf(fileSystem, root)).flatMap(([path, text]) =>
    path.startsWith('.remendo') ? [] : [`${path} ${text}`],
  );

/** On the server, and signed. */
async function release(version: string, sample: SampleRelease): Promise<void> {
  await server.publish(version, releasedFiles(sample));
  repository.sign(server.buildOf(version));
}

async function expectRefused(code: string, update = () => updater().update()): Promise<void> {
  const before = await files();
  await expect(update()).rejects.toMatchObject({ code });
  expect(await files()).toEqual(before);
}

beforeEach(async () => {
  machine = new SimulatedMachine();
  server = createSimulatedServer();
  repository = new SignedRepository(machine.nowMs);
  server.metadata = repository.files;
  forge = (_path, answer) => answer;
  fileSystem = new MemoryFileSystem({ now: () => machine.nowMs++ });
  await fileSystem.makeDirectory(root);
  await release('1.0.0', baseRelease);
  await updater().update();
  await writeSample(fileSystem, root, userFiles);
});

describe('an update with signed trust', () => {
  it('installs what is signed', async () => {
    await release('1.1.0', targetRelease);
    expect(await updater().update()).toMatchObject({ kind: 'updated', base: '1.0.0', version: '1.1.0' });
    expect(await updater().trust()).toMatchObject({ kind: 'signed', hasRoot: true, rootVersion: 1 });
  });

  it('refuses a release that nobody signed', async () => {
    await server.publish('1.1.0', releasedFiles(targetRelease));
    await expectRefused('TRUST_RELEASE_UNSIGNED');
  });

  it('refuses everything of a server with another root', async () => {
    await release('1.1.0', targetRelease);
    await expectRefused('TRUST_INVALID', () => updater(new SignedRepository(machine.nowMs).shippedRoot).update());
  });

  it('refuses old bytes, rightly signed, under the name of a newer release', async () => {
    await release('1.1.0', targetRelease);
    await updater().update();
    await release('1.2.0', nextRelease);
    forge = (path, answer) => (path === 'plan' ? withBytesOf(answer as PlanAnswer, '1.0.0') : answer);
    await expectRefused('TRUST_RELEASE_UNSIGNED');
  });

  const withBytesOf = (answer: PlanAnswer, version: string): PlanAnswer => {
    const { manifest, zip } = server.buildOf(version);
    return { ...answer, target: { ...answer.target, manifest_digest: manifest.digest, zip } };
  };

  it('refuses a signed zip with the manifest of another release', async () => {
    await release('1.1.0', targetRelease);
    const { zip } = server.buildOf('1.0.0');
    forge = (path, answer) =>
      path === 'plan' ? { ...(answer as PlanAnswer), target: { ...(answer as PlanAnswer).target, zip } } : answer;
    await expectRefused('TRUST_RELEASE_UNSIGNED');
  });

  it('refuses to go on when the server stops signing', async () => {
    await release('1.1.0', targetRelease);
    machine.nowMs += 30 * 86_400_000;
    await expectRefused('TRUST_EXPIRED');
  });
});

describe('a downgrade', () => {
  beforeEach(async () => {
    await release('1.1.0', targetRelease);
    await updater().update();
  });
  const back = () => updater().update({ version: '1.0.0', allowDowngrade: true });

  it('is refused when the server alone wants it', async () => {
    await expectRefused('RELEASE_DOWNGRADE', back);
  });

  it('is refused when it is signed for older versions than the installed one', async () => {
    repository.sign({ ...server.buildOf('1.0.0'), downgradeFrom: '1.0.9' });
    await expectRefused('RELEASE_DOWNGRADE', back);
  });

  it('is refused when it is signed, and this machine did not ask for one', async () => {
    repository.sign({ ...server.buildOf('1.0.0'), downgradeFrom: '1.1.0' });
    await expectRefused('RELEASE_DOWNGRADE', () => updater().update({ version: '1.0.0' }));
  });

  it('happens when it is signed and asked for', async () => {
    repository.sign({ ...server.buildOf('1.0.0'), downgradeFrom: '1.1.0' });
    expect(await back()).toMatchObject({ kind: 'updated', version: '1.0.0' });
  });
});

describe('an install that has forgotten what it is', () => {
  beforeEach(async () => {
    for (const name of ['manifest.json', 'state.json']) await fileSystem.removeFile(`${root}/.remendo/${name}`);
  });

  it('keeps the files of its user, whatever the server says its release held', async () => {
    await server.publish('0.9.0', { ...releasedFiles(baseRelease), ...releasedFiles(userFiles) });
    await release('1.1.0', { ...baseRelease, 'lib/core.dll': 'library two' });
    forge = (path, answer) => {
      if (path !== 'identify') return answer;
      const identified = answer as IdentifyAnswer;
      return { ...identified, candidates: identified.candidates.filter(({ version }) => version === '0.9.0') };
    };
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
    const installed = await files();
    for (const path of Object.keys(userFiles))
      expect(
        installed.filter((file) => file.startsWith(`${path} `)),
        path,
      ).toHaveLength(1);
  });

  it('removes what its signed release held and the next one does not', async () => {
    await release('1.1.0', targetRelease);
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.1.0' });
    expect((await files()).filter((file) => file.startsWith('data/old.txt'))).toEqual([]);
  });
});
