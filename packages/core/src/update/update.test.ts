import { beforeEach, describe, expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import { digestOf } from '../hash/digest.js';
import { codecNames } from '../patch/codec-name.js';
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
import { seededRandom } from '../testing/seeded-random.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { ApplicationStarter, ExitStatus } from './prove-start.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater, type UpdaterOptions } from './updater.js';

const root = '/install';

/** Text that does not compress, so that patches are worth having. */
const engine = Array.from(
  { length: 60_000 },
  (
    (random) => () =>
      String.fromCharCode(33 + Math.floor(random() * 90))
  )(seededRandom(7)),
).join('');
const engineOf = (release: SampleRelease): string =>
  release === baseRelease ? engine : engine.replaceAll('ab', release === targetRelease ? 'AB' : 'zz');

const filesOf = (release: SampleRelease): SampleRelease => releasedFiles({ ...release, 'engine.dll': engineOf(release) });

/** What the release's files look like on disk, the updater's own left out. */
async function applicationFiles(fileSystem: MemoryFileSystem): Promise<Readonly<Record<string, string>>> {
  const all = await snapshotOf(fileSystem, root);
  return Object.fromEntries(Object.entries(all).filter(([path]) => !path.startsWith('.remendo') && path !== 'version.txt'));
}

const text = async (fileSystem: MemoryFileSystem, path: string): Promise<string> =>
  Buffer.from((await readSmallFile(fileSystem, `${root}/${path}`, 1e6)) ?? []).toString();

/** An application that ends at once, or (null) keeps running. */
const starterOf = (exit: () => ExitStatus | null): ApplicationStarter & { readonly starts: string[] } => {
  const starts: string[] = [];
  return {
    starts,
    start({ command }) {
      starts.push(command);
      const status = exit();
      return { exited: status === null ? new Promise(() => {}) : Promise.resolve(status), stop: () => {} };
    },
  };
};

const healthy = (): ExitStatus => ({ code: 0, signal: null });

let server: SimulatedServer;
let fileSystem: MemoryFileSystem;
let machine: SimulatedMachine;
let events: UpdateEvent[];

function updater(options: Partial<UpdaterOptions> & { starter?: ApplicationStarter } = {}): Updater {
  const { starter = starterOf(healthy), ...rest } = options;
  const host = {
    ...machine.boot(fileSystem),
    clock: manualClock(60_000),
    deriver: inlineDeriver(fileSystem),
    fetch: server.fetch,
    starter,
  };
  const random = { id: host.random.id, fraction: () => 0.5 };
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    host: { ...host, random },
    http: { retries: { retriesMax: 1 } },
    onEvent: (event) => events.push(event),
    ...rest,
  });
}

async function expected(release: SampleRelease, others: SampleRelease = {}): Promise<Readonly<Record<string, string>>> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory(root);
  await writeSample(disk, root, { ...filesOf(release), ...others });
  return applicationFiles(disk);
}

beforeEach(async () => {
  server = createSimulatedServer();
  fileSystem = new MemoryFileSystem();
  machine = new SimulatedMachine();
  events = [];
  await fileSystem.makeDirectory(root);
  await server.publish('1.0.0', filesOf(baseRelease));
  await updater().update();
  await writeSample(fileSystem, root, userFiles);
  await server.publish('1.0.1', filesOf(targetRelease));
  events = [];
});

const eventsOf = <K extends UpdateEvent['kind']>(kind: K) =>
  events.filter((event): event is Extract<UpdateEvent, { kind: K }> => event.kind === kind);

describe('an update', () => {
  it('leaves exactly the new release and every file of the user', async () => {
    const result = await updater().update();
    expect(result).toMatchObject({ kind: 'updated', base: '1.0.0', version: '1.0.1' });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
    expect(await text(fileSystem, 'version.txt')).toBe('1.0.1\n');
    expect(await updater().verify()).toMatchObject({ intact: true, damaged: [], version: '1.0.1' });
    expect(eventsOf('content-healed')).toEqual([]);
    expect(await fileSystem.list(`${root}/.remendo/downloads`)).toEqual([]);
  });

  it('goes through a chain of releases and fetches nothing that the last one does not need', async () => {
    await server.publish('1.0.2', filesOf(nextRelease));
    await updater().update({ version: '1.0.2' });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(nextRelease, userFiles));
  });

  it('renames a file whose case alone changes, also where case does not count', async () => {
    fileSystem = new MemoryFileSystem({ ignoresCase: true, canSyncDirectories: false });
    await fileSystem.makeDirectory(root);
    await updater().update({ version: '1.0.0' });
    await updater().update();
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease));
    await updater().rollback();
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease));
  });

  it('of the installed version puts what is damaged in order, and fetches that alone', async () => {
    await writeText(fileSystem, `${root}/engine.dll`, 'damaged');
    await fileSystem.removeFile(`${root}/lib/same.dll`);
    expect(await updater().update({ version: '1.0.0' })).toMatchObject({ kind: 'updated', version: '1.0.0', changedFiles: 2 });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
    expect(await updater().update({ version: '1.0.0' })).toEqual({ kind: 'up-to-date', installed: '1.0.0' });
  });

  it('says it is up to date when it is', async () => {
    await updater().update();
    expect(await updater().update()).toEqual({ kind: 'up-to-date', installed: '1.0.1' });
  });

  it('puts its choice and what lost into an event', async () => {
    await updater().update();
    const [chosen] = eventsOf('plan-chosen');
    expect(chosen?.losers.length).toBeGreaterThan(0);
    expect(chosen?.losers.every((loser) => loser.label !== '' && loser.reason !== '')).toBe(true);
  });

  it('keeps preserved files whatever the release holds, and installs them where they are missing', async () => {
    await writeText(fileSystem, `${root}/read-only.cfg`, 'the branch has its own settings');
    await updater({ preserve: ['*.cfg', 'lib/*'] }).update();
    expect(await text(fileSystem, 'read-only.cfg')).toBe('the branch has its own settings');
    expect(await text(fileSystem, 'lib/core.dll')).toBe('library one');
    const report = await updater({ preserve: ['*.cfg', 'lib/*'] }).verify();
    expect(report).toMatchObject({ intact: true, preserved: ['lib/core.dll', 'read-only.cfg'] });
  });

  it('heals a damaged base: that content alone is fetched whole', async () => {
    await writeText(fileSystem, `${root}/engine.dll`, 'damaged');
    await updater().update();
    expect(eventsOf('content-healed').map(({ path, code }) => [path, code])).toEqual([['engine.dll', 'PATCH_BASE_MISMATCH']]);
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('repairs a damaged file that the update does not touch', async () => {
    await writeText(fileSystem, `${root}/lib/same.dll`, 'damaged');
    await updater().update();
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('heals a patch that arrives damaged, and says why', async () => {
    for (const [digest, bytes] of server.objects) {
      const damaged = Buffer.from(bytes);
      for (let at = damaged.indexOf('BSDIFF40'); at >= 0; at = damaged.indexOf('BSDIFF40', at + 1))
        damaged[at + 40] = (damaged[at + 40] ?? 0) ^ 1;
      server.objects.set(digest, damaged);
    }
    await updater().update();
    expect(eventsOf('content-healed').map((event) => event.path)).toContain('engine.dll');
    expect(eventsOf('content-healed')[0]).toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('announces the codecs it takes, and is planned for without the others', async () => {
    const asked: (string | null)[] = [];
    const { fetch } = server;
    server = Object.assign(server, {
      fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
        const url = new URL(new Request(input as Request, init).url);
        if (/updates\/(check|plan)$/.test(url.pathname)) asked.push(url.searchParams.get('codecs'));
        return fetch(input, init);
      },
    });
    expect((await updater({ codecs: ['remendo'] }).plan('1.0.1')).losers).toContainEqual({
      label: 'chain 1.0.0 → 1.0.1',
      costBytes: null,
      reason: 'needs the codec bsdiff40, which the terminal does not know',
    });
    await updater({ codecs: ['remendo'] }).update();
    expect(new Set(asked)).toEqual(new Set(['remendo']));
    expect(eventsOf('plan-failed')).toEqual([]);
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
    asked.length = 0;
    await updater().check();
    expect(asked).toEqual([codecNames.join(',')]);
  });

  it('refuses a plan that needs a codec it does not take, before it fetches the patches, and takes the next', async () => {
    const { fetch } = server;
    const deaf = (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
      const url = new URL(new Request(input as Request, init).url);
      url.searchParams.delete('codecs');
      return fetch(url, init);
    };
    server = Object.assign(server, { fetch: deaf });
    const patched = (await updater().plan('1.0.1')).offers.find(({ kind }) => kind === 'delta');
    server.requests.length = 0;
    const fetched: string[] = [];
    const onEvent = (event: UpdateEvent): void => {
      events.push(event);
      if (event.kind === 'plan-failed') fetched.push(...server.requests.filter((request) => request.includes('/objects/')));
    };
    await updater({ codecs: ['remendo'], onEvent }).update();
    expect(eventsOf('plan-failed')).toMatchObject([{ code: 'PATCH_CODEC_UNKNOWN', label: patched?.label }]);
    expect(fetched).toEqual([`GET /api/v1/objects/${patched?.index?.digest}`]);
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('refuses to stage what was planned for another state of the install', async () => {
    const slow = updater();
    const downloaded = await slow.download(await slow.plan('1.0.1'));
    await updater().update();
    await expect(slow.stage(downloaded)).rejects.toMatchObject({ code: 'PLAN_INVALID' });
    expect((await updater().verify()).intact).toBe(true);
  });

  it('reaches the release by its zip when the server offers no plan at all', async () => {
    const honest = server.fetch;
    const lying: typeof fetch = async (input, init) => {
      const answer = await honest(input, init);
      if (!String(input instanceof Request ? input.url : input).includes('/plan')) return answer;
      return Response.json({ ...((await answer.json()) as object), plans: [] });
    };
    Object.assign(server, { fetch: lying });
    expect(await updater().update()).toMatchObject({ kind: 'updated', plan: 'full zip' });
    Object.assign(server, { fetch: honest });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('does not read a preserved file that another program holds', async () => {
    fileSystem.fault = (operation, path) =>
      operation === 'open' && path === `${root}/big.bin` ? new UpdaterError('TRANSACTION_FILE_HELD', 'held') : undefined;
    expect(await updater({ preserve: ['big.bin'] }).update()).toMatchObject({ kind: 'updated' });
  });

  it('falls back to the full zip when nothing else works out, and says why', async () => {
    const zips = new Set<string>();
    for (const [digest, bytes] of server.objects) {
      if (Buffer.from(bytes.subarray(0, 2)).toString() === 'PK') zips.add(digest);
    }
    const manifests = [...server.objects].filter(([digest]) => !zips.has(digest));
    const target = updater({
      sources: [
        {
          name: 'a store that lies',
          // Every index it gives is damaged; the zip and the manifest are not there.
          async *open(request) {
            const known = manifests.find(([digest]) => digest === request.digest);
            if (known === undefined) throw new UpdaterError('DOWNLOAD_NOT_FOUND', 'not here');
            yield known[1].map((byte) => byte ^ 255).subarray(request.offset, request.offset + request.bytes);
          },
        },
      ],
    });
    expect((await target.update()).kind).toBe('updated');
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('identifies an install that has lost what it knows about itself by its files', async () => {
    for (const path of ['version.txt', '.remendo/state.json', '.remendo/manifest.json'])
      await fileSystem.removeFile(`${root}/${path}`);
    await updater().update({ version: '1.0.1' });
    expect(eventsOf('base-identified')).toMatchObject([{ version: '1.0.0' }]);
    expect(await applicationFiles(fileSystem)).toEqual(await expected(targetRelease, userFiles));
  });

  it('refuses a downgrade', async () => {
    await updater().update();
    await expect(updater().update({ version: '1.0.0' })).rejects.toMatchObject({ code: 'RELEASE_DOWNGRADE' });
  });

  it('stops before the swap when the release was withdrawn meanwhile', async () => {
    const withdrawing = updater({
      onEvent: (event) => {
        if (event.kind === 'staged') server.withdraw('1.0.1');
      },
    });
    await expect(withdrawing.update()).rejects.toMatchObject({ code: 'RELEASE_NOT_OFFERED' });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
  });

  it('leaves the install alone when it is aborted', async () => {
    const abort = new AbortController();
    const aborted = updater({ onEvent: (event) => event.kind === 'content-made' && abort.abort(new Error('enough')) });
    await expect(aborted.update({ signal: abort.signal })).rejects.toThrow('enough');
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
    expect((await updater().update()).kind).toBe('updated');
  });

  it('checks the free space before it downloads anything', async () => {
    fileSystem.capacityBytes = 1_000_000;
    server.requests.length = 0;
    await expect(updater().update()).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    expect(server.requests.filter((request) => request.includes('/objects/'))).toEqual([]);
  });

  it('refuses a plan whose delta leads to another manifest than the release has', async () => {
    const forged = digestOf('another manifest');
    const honest = server.fetch;
    const lying: typeof fetch = async (input, init) => {
      const answer = await honest(input, init);
      if (!String(input instanceof Request ? input.url : input).includes('/plan')) return answer;
      const plan = (await answer.json()) as { target: { manifest_digest: string } };
      return Response.json({ ...plan, target: { ...plan.target, manifest_digest: forged } });
    };
    Object.assign(server, { fetch: lying });
    await expect(updater().update()).rejects.toMatchObject({ code: 'MANIFEST_DIGEST_MISMATCH' });
    Object.assign(server, { fetch: honest });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
  });
});

describe('going back', () => {
  it('happens by itself when the application does not come up, and the version is not tried again', async () => {
    const starter = starterOf(() => ({ code: 3, signal: null }));
    const command = { command: 'erp.exe', args: [], folder: root };
    const result = await updater({ starter }).update({ start: command });
    expect(result).toMatchObject({ kind: 'rolled-back', version: '1.0.1', reason: 'erp.exe ended with exit code 3' });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
    expect(await updater().update()).toMatchObject({ kind: 'blocked', version: '1.0.1' });
    expect(await updater().update({ retry: true })).toMatchObject({ kind: 'updated' });
  });

  it('is possible by command after an update was confirmed, once', async () => {
    await updater().update();
    expect(await updater().rollback()).toEqual({ version: '1.0.0' });
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
    expect(await updater().verify()).toMatchObject({ intact: true });
    await expect(updater().rollback()).rejects.toMatchObject({ code: 'TRANSACTION_NO_WAY_BACK' });
  });

  it('happens at the next start when the application had no chance to prove itself', async () => {
    const staged = updater();
    const plan = await staged.plan('1.0.1');
    await (await staged.stage(await staged.download(plan))).commit();
    expect(await text(fileSystem, 'version.txt')).toBe('1.0.1\n');
    const exits: ExitStatus[] = [{ code: 1, signal: null }, healthy()];
    const starter = starterOf(() => exits.shift() ?? null);
    const result = await updater({ starter }).start({ command: 'erp.exe', args: [], folder: root });
    expect(result).toMatchObject({ kind: 'rolled-back', version: '1.0.1' });
    expect(starter.starts).toEqual(['erp.exe', 'erp.exe']);
    expect(await applicationFiles(fileSystem)).toEqual(await expected(baseRelease, userFiles));
  });

  it('does not happen once the application came up', async () => {
    const staged = updater();
    await (await staged.stage(await staged.download(await staged.plan('1.0.1')))).commit();
    expect((await updater().start({ command: 'erp.exe', args: [], folder: root })).kind).toBe('confirmed');
    expect((await updater().start({ command: 'erp.exe', args: [], folder: root })).kind).toBe('started');
    expect(await updater().confirm()).toBe(false);
  });
});
