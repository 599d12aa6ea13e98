/** Updates against servers that lie, links that fail, disks that are full and machines that stop: what must not happen. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Derivation } from '../delta/delta.js';
import { encodeDeltaIndex } from '../delta/delta-index.js';
import { contentsOf, indexDelta } from '../delta/resolve-delta.js';
import { hasCode, UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import { digestOf } from '../hash/digest.js';
import { encodeManifest } from '../manifest/encode-manifest.js';
import type { Manifest } from '../manifest/manifest.js';
import { parseManifest } from '../manifest/parse-manifest.js';
import type { PlanAnswer } from '../protocol/index.js';
import { manualClock } from '../testing/manual-clock.js';
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
  writeText,
} from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { ApplicationStarter, ExitStatus } from './prove-start.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater, type UpdaterOptions } from './updater.js';

const root = '/install';
const downloads = `${root}/.remendo/downloads`;
const erp = { command: 'erp.exe', args: [], folder: root };

const ending = (exit: ExitStatus): ApplicationStarter => ({
  start: () => ({ exited: Promise.resolve(exit), stop: () => {} }),
});
const healthy = ending({ code: 0, signal: null });
const broken = ending({ code: 3, signal: null });

let server: SimulatedServer;
let fileSystem: MemoryFileSystem;
let machine: SimulatedMachine;
let events: UpdateEvent[];
let base: Manifest;
let target: Manifest;
/** Stands between the terminal and the server; null passes the request on. */
let intercept: (url: URL, request: Request) => Promise<Response | null>;

function updater(options: Partial<UpdaterOptions> & { starter?: ApplicationStarter } = {}): Updater {
  const { starter = healthy, ...rest } = options;
  const ports = machine.boot(fileSystem);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input as Request, init);
    return (await intercept(new URL(request.url), request)) ?? server.fetch(request);
  };
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    host: {
      ...ports,
      clock: manualClock(60_000),
      deriver: inlineDeriver(fileSystem),
      fetch,
      starter,
      random: { id: ports.random.id, fraction: () => 0.5 },
    },
    http: { retries: { retriesMax: 1 } },
    onEvent: (event) => events.push(event),
    ...rest,
  });
}

/** Changes what the server answers to a question for a plan. */
function forgePlan(forge: (plan: PlanAnswer) => PlanAnswer): void {
  intercept = async (url, request) => {
    if (!url.pathname.endsWith('/updates/plan')) return null;
    return Response.json(forge((await (await server.fetch(request)).json()) as PlanAnswer));
  };
}

const failing = (part: string): void => {
  intercept = async (url) => {
    if (url.pathname.includes(part)) throw new TypeError('fetch failed');
    return null;
  };
};

async function applicationFiles(): Promise<Readonly<Record<string, string>>> {
  const all = await snapshotOf(fileSystem, root);
  return Object.fromEntries(Object.entries(all).filter(([path]) => !path.startsWith('.remendo') && path !== 'version.txt'));
}

async function expected(release: SampleRelease, others: SampleRelease = userFiles): Promise<Readonly<Record<string, string>>> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory(root);
  await writeSample(disk, root, { ...releasedFiles(release), ...others });
  return snapshotOf(disk, root);
}

const text = async (path: string): Promise<string> =>
  Buffer.from((await readSmallFile(fileSystem, `${root}/${path}`, 1e6)) ?? []).toString();

const isZip = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 2)).toString() === 'PK';
const askedForZip = (): boolean =>
  [...server.objects].some(
    ([digest, bytes]) => isZip(bytes) && server.requests.some((request) => request.endsWith(`/objects/${digest}`)),
  );

async function forget(): Promise<void> {
  for (const path of ['version.txt', '.remendo/state.json', '.remendo/manifest.json'])
    await fileSystem.removeFile(`${root}/${path}`);
}

beforeEach(async () => {
  server = createSimulatedServer();
  fileSystem = new MemoryFileSystem();
  machine = new SimulatedMachine();
  events = [];
  intercept = async () => null;
  await fileSystem.makeDirectory(root);
  base = await server.publish('1.0.0', releasedFiles(baseRelease));
  await updater().update();
  await writeSample(fileSystem, root, userFiles);
  target = await server.publish('1.0.1', releasedFiles(targetRelease));
  events = [];
  server.requests.length = 0;
});

describe('what costs bytes', () => {
  it('is not the full zip because the link failed: the next update goes on with the same plan', async () => {
    const [index] = (await updater().plan('1.0.1')).offers.flatMap((offer) => offer.index ?? []);
    failing(`/objects/${index?.digest}`);
    await expect(updater().update()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(askedForZip()).toBe(false);
    intercept = async () => null;
    expect((await updater().update()).kind).toBe('updated');
    expect(await applicationFiles()).toEqual(await expected(targetRelease));
  });

  it('is none at all because something stands in the way that no plan moves', async () => {
    await fileSystem.makeDirectory('/elsewhere');
    fileSystem.makeLink(`${root}/manual`, '/elsewhere');
    await expect(updater().update()).rejects.toMatchObject({ code: 'TRANSACTION_PATH_BLOCKED' });
    expect(events.filter(({ kind }) => kind === 'plan-failed')).toEqual([]);
    expect(await fileSystem.list('/elsewhere')).toEqual([]);
  });

  it('does not stay on the disk once the update is in place', async () => {
    await updater().update();
    expect(await fileSystem.list(downloads)).toEqual([]);
  });

  it('is not begun when the disk has no room for the size the server claims', async () => {
    fileSystem.capacityBytes = 100_000_000;
    forgePlan((plan) => ({
      ...plan,
      target: { ...plan.target, zip: { ...plan.target.zip, bytes: 10 ** 12 } },
      plans: plan.plans.filter(({ kind }) => kind === 'zip'),
    }));
    await expect(updater().update()).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    expect(askedForZip()).toBe(false);
  });

  it('is checked against the disk again before anything is staged, while the way back is still there', async () => {
    await updater().update();
    await server.publish('1.0.2', releasedFiles(nextRelease));
    const session = updater();
    const downloaded = await session.download(await session.plan('1.0.2'));
    fileSystem.capacityBytes = 1_000_000;
    await expect(session.stage(downloaded)).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    expect(await updater().rollback()).toEqual({ version: '1.0.0' });
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
  });
});

describe('a server that lies', () => {
  it('can not make the terminal wait for ever by a patch that needs what is made of its own target', async () => {
    const contentOf = (manifest: Manifest, path: string) => {
      const file = manifest.files.find((one) => one.path === path);
      if (file === undefined) throw new Error(path);
      return { sha256: file.sha256, bytes: file.bytes };
    };
    const junk = Buffer.from('junk');
    const object = { digest: digestOf(junk), bytes: junk.length };
    const blob = { object: object.digest, offset: 0, bytes: junk.length, sha256: object.digest };
    const same = contentOf(base, 'lib/same.dll');
    const core = contentOf(target, 'lib/core.dll');
    const held = new Set(contentsOf(base).map(({ sha256 }) => sha256));
    const others = contentsOf(target).filter(({ sha256 }) => !held.has(sha256) && sha256 !== core.sha256);
    const derivations: Derivation[] = [
      ...others.map((content): Derivation => ({ kind: 'whole', target: content, encoding: 'identity', blob })),
      { kind: 'patch', codec: 'bsdiff40', bases: [contentOf(base, 'app.exe'), same], targets: [core], blob },
      { kind: 'patch', codec: 'bsdiff40', bases: [core], targets: [same], blob },
    ];
    const index = Buffer.from(encodeDeltaIndex(indexDelta({ base, target, objects: [object], derivations })));
    server.objects.set(object.digest, junk).set(digestOf(index), index);
    forgePlan((plan) => {
      const stored = { digest: digestOf(index), bytes: index.length };
      const fetches = [{ digest: stored.digest, object_bytes: stored.bytes, ranges: [[0, stored.bytes] as [number, number]] }];
      const forged = { kind: 'delta' as const, label: 'a circle', index: stored, fetches };
      return { ...plan, plans: [{ ...forged, fetch_bytes: 0, requests: 1, cost_bytes: 0 }] };
    });
    await writeText(fileSystem, `${root}/lib/same.dll`, 'damaged');
    expect((await updater().update()).kind).toBe('updated');
    expect(await applicationFiles()).toEqual(await expected(targetRelease));
  });

  it('can not install one release under the name of another', async () => {
    intercept = async (url) => {
      if (!url.pathname.endsWith('/updates/plan')) return null;
      url.searchParams.set('target', '1.0.1');
      const plan = (await (await server.fetch(url)).json()) as PlanAnswer;
      return Response.json({ ...plan, target: { ...plan.target, version: '1.0.9' } });
    };
    await expect(updater().update({ version: '1.0.9' })).rejects.toMatchObject({ code: 'PLAN_INVALID' });
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
  });

  it.each(['application', 'platform'] as const)(
    'can not put a release for another %s in place of what is installed',
    async (name) => {
      forgePlan((plan) => ({ ...plan, [name]: 'another' }));
      await expect(updater().update()).rejects.toMatchObject({ code: 'PLAN_INVALID' });
    },
  );

  it('with a zip that is not what the manifest says leaves nothing behind', async () => {
    const other = [...server.objects].find(([, bytes]) => isZip(bytes));
    forgePlan((plan) => ({
      ...plan,
      target: { ...plan.target, zip: { digest: other?.[0] ?? '', bytes: other?.[1].length ?? 0 } },
      plans: plan.plans.filter(({ kind }) => kind === 'zip'),
    }));
    const failure = await updater()
      .update()
      .catch((error: unknown) => error);
    expect(hasCode(failure, 'PATCH_TARGET_MISMATCH', 'ARTIFACT_INVALID')).toBe(true);
    expect(await fileSystem.list(`${root}/.remendo/staging`)).toEqual([]);
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
  });
});

describe('a release that is withdrawn before the swap', () => {
  const withdrawOnceStaged = (): UpdaterOptions['onEvent'] => {
    let isStaged = false;
    intercept = async () => {
      if (!isStaged) return null;
      isStaged = false;
      server.withdraw('1.0.1');
      await server.publish('1.0.2', releasedFiles(nextRelease));
      return null;
    };
    return (event) => {
      isStaged ||= event.kind === 'staged';
    };
  };

  it.each([undefined, '1.0.1'])('is not swapped in though a newer one is offered (asked for: %s)', async (version) => {
    const onEvent = withdrawOnceStaged() ?? (() => {});
    const failure = await updater({ onEvent })
      .update(version === undefined ? {} : { version })
      .catch((error: unknown) => error);
    expect(hasCode(failure, 'RELEASE_NOT_FOUND', 'RELEASE_NOT_OFFERED')).toBe(true);
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
    expect(await fileSystem.list(`${root}/.remendo/staging`)).toEqual([]);
  });
});

describe('going back', () => {
  it('blocks the version also when the rollback is cut short and finished by a later run', async () => {
    const starter: ApplicationStarter = {
      start(command) {
        fileSystem.fault = (operation, path) =>
          operation === 'rename' && path === `${root}/app.exe` ? new UpdaterError('TRANSACTION_FILE_HELD', 'held') : undefined;
        return broken.start(command);
      },
    };
    await expect(updater({ starter }).update({ start: erp })).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
    fileSystem.fault = undefined;
    expect(await updater().update()).toMatchObject({ kind: 'blocked', version: '1.0.1' });
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
  });

  it('does not block a version that stays because there is no way back', async () => {
    await updater().update();
    for (const transaction of await fileSystem.list(`${root}/.remendo/previous`))
      for (const name of await fileSystem.list(`${root}/.remendo/previous/${transaction}`))
        await fileSystem.removeFile(`${root}/.remendo/previous/${transaction}/${name}`);
    await expect(updater().rollback()).rejects.toMatchObject({ code: 'TRANSACTION_NO_WAY_BACK' });
    expect((await updater().status()).blocked).toEqual([]);
  });

  it('happens when the system refuses to start the application at all', async () => {
    const starter: ApplicationStarter = {
      start: () => {
        throw new Error('spawn UNKNOWN');
      },
    };
    const result = await updater({ starter }).update({ start: erp });
    expect(result).toMatchObject({ kind: 'rolled-back', reason: 'erp.exe could not be started: spawn UNKNOWN' });
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
  });

  it('stays possible for an update that has not proved itself when the next one can not be fetched', async () => {
    const first = updater();
    await (await first.stage(await first.download(await first.plan('1.0.1')))).commit();
    await server.publish('1.0.2', releasedFiles(nextRelease));
    failing('/objects/');
    await expect(updater().update()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    const exits = [broken, healthy];
    const starter: ApplicationStarter = { start: (command) => (exits.shift() ?? healthy).start(command) };
    expect(await updater({ starter }).start(erp)).toMatchObject({ kind: 'rolled-back', version: '1.0.1' });
    expect(await applicationFiles()).toEqual(await expected(baseRelease));
  });
});

describe('an update after one that has not proved itself', () => {
  it('goes on with what was downloaded for it', async () => {
    const first = updater();
    await (await first.stage(await first.download(await first.plan('1.0.1')))).commit();
    await server.publish('1.0.2', releasedFiles(nextRelease));
    expect(await updater().update()).toMatchObject({ kind: 'updated', base: '1.0.1', version: '1.0.2' });
    expect(events.filter(({ kind }) => kind === 'content-healed' || kind === 'plan-failed')).toEqual([]);
    expect(await applicationFiles()).toEqual(await expected(nextRelease));
  });
});

describe('an install root', () => {
  it('loses the files of its release that the next one does not have, also when the server has forgotten that release', async () => {
    intercept = async (url) => {
      if (!url.pathname.endsWith('/updates/plan') || !url.searchParams.has('base')) return null;
      url.searchParams.delete('base');
      return server.fetch(url);
    };
    expect((await updater().update()).kind).toBe('updated');
    expect(await applicationFiles()).toEqual(await expected(targetRelease));
  });

  it('keeps a link that the user has put in place of a preserved file', async () => {
    await fileSystem.removeFile(`${root}/read-only.cfg`);
    await writeText(fileSystem, '/shared.cfg', 'of all branches');
    fileSystem.makeLink(`${root}/read-only.cfg`, '/shared.cfg');
    expect((await updater({ preserve: ['*.cfg'] }).update()).kind).toBe('updated');
    expect((await fileSystem.stat(`${root}/read-only.cfg`))?.kind).toBe('symlink');
  });

  it('keeps a file that differs from a release it was only taken for', async () => {
    await writeText(fileSystem, `${root}/data/old.txt`, 'the notes of a user');
    await forget();
    await updater().update({ version: '1.0.1' });
    expect(await text('data/old.txt')).toBe('the notes of a user');
  });

  it('is identified though some file in it can not be read', async () => {
    await forget();
    await writeText(fileSystem, `${root}/sales.db`, 'x'.repeat(100_000));
    fileSystem.fault = (operation, path) =>
      operation === 'open' && path.endsWith('sales.db') ? new UpdaterError('TRANSACTION_FILE_HELD', 'held') : undefined;
    await updater().update({ version: '1.0.1' });
    expect(events.find(({ kind }) => kind === 'base-identified')).toMatchObject({ version: '1.0.0' });
  });

  it('is identified when its manifest is not the one its state names', async () => {
    const path = `${root}/.remendo/manifest.json`;
    const manifest = parseManifest((await readSmallFile(fileSystem, path, 1e6)) ?? new Uint8Array());
    const files = manifest.files.filter((file) => file.path !== 'data/old.txt');
    await writeText(fileSystem, path, Buffer.from(encodeManifest({ ...manifest, files })).toString());
    await updater().update();
    expect(await applicationFiles()).toEqual(await expected(targetRelease));
  });
});

it('an update is not stopped by what its listener throws', async () => {
  const onEvent = (): void => {
    throw new Error('the log is full');
  };
  expect((await updater({ onEvent }).update()).kind).toBe('updated');
  expect(await applicationFiles()).toEqual(await expected(targetRelease));
});
