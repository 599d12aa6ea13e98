/** Attacks that want a terminal's time, memory or disk: without end, too slow, too many, with names that lead elsewhere. */
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import nodeFiles from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHttpClient, type HttpTimeouts } from '../download/http-client.js';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { nodeClock, nodeRandom } from '../node-ports.js';
import type { SignedJson, SignedRepository } from '../testing/signed-repository.js';
import { AttackedTerminal, build, claim, expectNotLowered, expectRefused, manifestBin } from './attacked-terminal.test.support.js';
import { httpMetadataSource, type MetadataSource } from './metadata-source.js';

let terminal: AttackedTerminal;
beforeEach(() => {
  terminal = new AttackedTerminal();
});
afterEach(() => terminal.remove());

const honest = claim('1.1.0');

/** How long an answer is waited for by whoever is to get none, and by whoever is to get one on any machine. */
const impatient = { answerMs: 100, exchangeMs: 400, stallMs: 100 };
const patient = { answerMs: 120_000, exchangeMs: 120_000, stallMs: 120_000 };

interface Served {
  readonly isHostile: (name: string) => boolean;
  readonly hostile: () => Response | Promise<Response>;
  readonly timeouts: HttpTimeouts;
}

/** Our HTTP client on a server that answers one name by `hostile` and the others honestly. */
function served(repository: SignedRepository, { isHostile, hostile, timeouts }: Served): MetadataSource {
  const answer = async (input: string | URL | Request): Promise<Response> => {
    const name = new URL(new Request(input).url).pathname.replace('/metadata/', '');
    if (isHostile(name)) return hostile();
    const bytes = repository.files.get(name);
    return bytes === undefined ? new Response(null, { status: 404 }) : new Response(Buffer.from(bytes));
  };
  return httpMetadataSource(
    createHttpClient({
      serverUrl: 'https://updates.example',
      clock: nodeClock(),
      random: nodeRandom(),
      fetch: answer as typeof globalThis.fetch,
      timeouts,
      retries: { retriesMax: 0 },
    }),
  );
}

/** Milliseconds of work so far: unlike time, no more of it passes on a machine that is busy with something else. */
function workMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Delegates everything to a role that names nothing, before all others: as whoever holds all keys could. */
function delegateFirst(repository: SignedRepository, name: string): void {
  const { delegations, ...rest } = repository.signedOf('targets');
  const keyids = repository.keys.application.map(({ keyId }) => keyId);
  const bytes = repository.serve(name, { ...rest, version: 1, targets: {} } as unknown as SignedJson, repository.keys.application);
  repository.files.set(`1.${encodeURIComponent(name.toWellFormed())}.json`, bytes);
  repository.forge('snapshot', (signed) => {
    signed.meta = Object.fromEntries([...Object.entries(signed.meta), [`${name}.json`, { version: 1 }]]);
  });
  const role = { name, keyids, threshold: 1, terminating: false, paths: ['*/*/*/*'] };
  repository.forge('targets', (signed) => Object.assign(signed.delegations, { roles: [role, ...delegations.roles] }));
}

describe('endless data', () => {
  it.each([
    ['root', limits.rootBytesMax],
    ['timestamp', limits.timestampBytesMax],
    ['snapshot', 16_384],
    ['targets', limits.targetsBytesMax],
    ['app-erp', limits.targetsBytesMax],
    [manifestBin('1.1.0'), limits.targetsBytesMax],
  ])('stops reading %s at what it may be long', async (role, bytesMax) => {
    await terminal.verify();
    const before = await terminal.floors();
    terminal.wait(60_000);
    for (const one of ['targets', 'app-erp', manifestBin('1.1.0')]) terminal.repository.forge(one, () => {});
    let sentBytes = 0;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sentBytes += 4_096;
            controller.enqueue(new Uint8Array(4_096).fill(0x20));
          },
        }),
      );
    const source = served(terminal.repository, { isHostile: (name) => name.includes(role), hostile: endless, timeouts: patient });
    await expect(terminal.trust({ source }).verifyRelease(honest)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(sentBytes).toBeLessThanOrEqual(bytesMax + 65_536);
    expectNotLowered(before, await terminal.floors());
    await terminal.verify();
  });
});

describe('servers that do not answer', () => {
  const stalling = () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
  it.each([
    ['is not there', () => Promise.reject(new TypeError('fetch failed'))],
    ['never answers', () => new Promise<Response>(() => {})],
    ['stops in the middle', stalling],
    ['is broken', () => new Response(null, { status: 503 })],
  ])('tries again later when a server %s', async (_title, hostile) => {
    await terminal.verify();
    const before = { floors: await terminal.floors(), kept: await terminal.kept() };
    terminal.wait(60_000);
    terminal.repository.renew();
    const isHostile = (name: string): boolean => name === 'timestamp.json';
    const source = served(terminal.repository, { isHostile, hostile: hostile as () => Response, timeouts: impatient });
    await expect(terminal.trust({ source }).refresh()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', retry: 'backoff' });
    expect({ floors: await terminal.floors(), kept: await terminal.kept() }).toEqual(before);
    await terminal.verify();
  });
});

describe('too many of everything', () => {
  const many = (count: number, entry: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => entry(index)).join(',');
  const unsigned = (signed: string): Uint8Array =>
    Buffer.from(`{"signatures":[],"signed":{"spec_version":"1.0.31","version":9,"expires":"2030-01-01T00:00:00Z",${signed}}}`);
  const key = '{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"00"}}';
  const bombs = {
    targets: unsigned(`"_type":"targets","targets":{${many(24_000, (index) => `"${index}":{"length":1,"hashes":{}}`)}}`),
    keys: unsigned(
      `"_type":"targets","targets":{},"delegations":{"keys":{${many(12_000, (index) => `"${index}":${key}`)}},"roles":[]}`,
    ),
    roles: unsigned(
      `"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[${many(
        9_000,
        (index) => `{"name":"${index}","keyids":[],"threshold":1,"terminating":false,"paths":["*"]}`,
      )}]}`,
    ),
    'ids of keys': unsigned(
      `"_type":"targets","targets":{},"delegations":{"keys":{${many(64, (index) => `"${index}":${key}`)}},"roles":[${many(
        2_500,
        (index) => `{"name":"${index}","keyids":[${many(64, (id) => `"${id}"`)}],"threshold":1,"terminating":false,"paths":["*"]}`,
      )}]}`,
    ),
  };

  it.each(Object.entries(bombs))('reads a megabyte of %s that nobody signed within a moment', async (_title, bytes) => {
    expect(bytes.length).toBeGreaterThan(600_000);
    await terminal.verify();
    const before = workMs();
    const attack = (repository: SignedRepository) => {
      repository.forge('targets', () => {});
      repository.files.set(`${repository.signedOf('targets').version}.targets.json`, bytes);
    };
    await expectRefused(terminal, { code: 'TRUST_INVALID', attack });
    expect(workMs() - before).toBeLessThan(30_000);
  });

  it('refreshes a repository of 20,000 roles within a moment', async () => {
    const listed = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`bin-other-${index}.json`, { version: 1 }]));
    terminal.repository.forge('snapshot', ({ meta }) => Object.assign(meta, listed));
    const before = workMs();
    await terminal.verify();
    await terminal.verify();
    expect(workMs() - before).toBeLessThan(30_000);
  });

  it('looks for a release in no more than 32 roles', async () => {
    const { repository } = terminal;
    const names = Array.from({ length: 40 }, (_, index) => `other-${index}`);
    for (const name of names) delegateFirst(repository, name);
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_RELEASE_UNSIGNED' });
    expect(repository.fetched.filter(({ name }) => name.includes('other-')).length).toBeLessThanOrEqual(33);
  });
});

describe('names of roles', () => {
  const names = [
    '../x',
    '../../x',
    'a/b',
    '/etc/x',
    'C:\\x',
    '..\\x',
    '%2e%2e',
    '..',
    '.',
    '',
    '__proto__',
    'constructor',
    'nul',
    'x\0y',
    '\u{d800}',
    '*?',
    'a\nb',
  ];

  it.each(names)('writes nothing elsewhere for a role that is called %j', async (role) => {
    const { repository } = terminal;
    delegateFirst(repository, role);
    await terminal.verify().catch((error) => expect(error).toBeInstanceOf(UpdaterError));
    terminal.expectTidy();
    // What is kept opens again.
    repository.renew();
    await terminal
      .trust()
      .refresh()
      .catch((error) => expect(error).toBeInstanceOf(UpdaterError));
    terminal.expectTidy();
    expect(await terminal.fileSystem.list('/install/.remendo')).toEqual(['trust']);
  });

  it('ends where roles delegate in a circle', async () => {
    const { repository } = terminal;
    const bin = manifestBin('1.1.0');
    const { keys } = repository.signedOf('app-erp').delegations;
    const role = { name: 'app-erp', keyids: Object.keys(keys), threshold: 1, terminating: false, paths: ['*/*/*/*'] };
    repository.forge(bin, (signed) => Object.assign(signed, { targets: {}, delegations: { keys, roles: [role] } }));
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_RELEASE_UNSIGNED' });
  });
});

describe('errors while verifying', () => {
  it('refuses whatever is thrown by whatever was fetched', async () => {
    await terminal.verify();
    terminal.wait(60_000);
    terminal.repository.sign(build('1.2.0'));
    const { source } = terminal.repository;
    let steps = 0;
    for (let failAt = 1; ; failAt++) {
      steps = 0;
      const failing: MetadataSource = {
        fetch: (...args) => (++steps === failAt ? Promise.reject(new RangeError('out of luck')) : source.fetch(...args)),
      };
      const before = await terminal.floors();
      const outcome = await terminal
        .trust({ source: failing })
        .verifyRelease(claim('1.2.0'))
        .catch((error: unknown) => error);
      expectNotLowered(before, await terminal.floors());
      if (steps < failAt) break;
      expect(outcome).toMatchObject({ message: 'out of luck' });
    }
    await terminal.verify(claim('1.2.0'));
  });

  it('refuses whatever the disk of what is kept does not do', async () => {
    await terminal.verify();
    terminal.wait(60_000);
    terminal.repository.sign(build('1.2.0'));
    for (let failAt = 1, count = 0; count < failAt; failAt++) {
      count = 0;
      terminal.fileSystem.fault = () => (++count === failAt ? new UpdaterError('STORAGE_FAILED', 'the disk is ill') : undefined);
      const outcome = await terminal.verify(claim('1.2.0')).catch((error: unknown) => error);
      terminal.fileSystem.fault = undefined;
      if (count >= failAt) expect(outcome).toMatchObject({ code: 'STORAGE_FAILED' });
      else break;
    }
    await terminal.verify(claim('1.2.0'));
  });

  it('says so when its folder is taken away', async () => {
    const { source } = terminal.repository;
    const thieving: MetadataSource = {
      fetch(...args) {
        rmSync(terminal.scratchFolder, { recursive: true, force: true });
        return source.fetch(...args);
      },
    };
    await expect(terminal.trust({ source: thieving }).refresh()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('says so when there is no folder to check in', async () => {
    const file = join(terminal.scratchFolder, '..', 'file');
    writeFileSync(file, '');
    const source = terminal.repository.source;
    const trust = terminal.trust({ source, scratchFolder: join(file, 'below') });
    await expect(trust.refresh()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

describe('folders to check in', () => {
  it('are not left half made on a full disk, which is told as such', async () => {
    await terminal.verify();
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const write = vi.spyOn(nodeFiles, 'writeFile').mockRejectedValueOnce(full);
    syncBuiltinESMExports();
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    write.mockRestore();
    syncBuiltinESMExports();
    expect(readdirSync(terminal.scratchFolder).filter((name) => name.startsWith('refresh-'))).toEqual([]);
  });

  it('removes one that a power cut left, and none that is in use', async () => {
    const [left, used] = ['refresh-left', 'refresh-used'].map((name) => join(terminal.scratchFolder, name)) as [string, string];
    for (const folder of [left, used]) mkdirSync(folder, { recursive: true });
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(left, yesterday, yesterday);
    await terminal.verify();
    expect(readdirSync(terminal.scratchFolder)).toEqual(['refresh-used']);
  });
});
