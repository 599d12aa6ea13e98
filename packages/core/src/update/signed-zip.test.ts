/** Terminals that ask for an OpenPGP signature of the full zip: from a server that serves one, and from those that lie. */
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import * as openpgp from 'openpgp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { digestOf } from '../hash/digest.js';
import { encodeManifest, manifestDigest } from '../manifest/encode-manifest.js';
import type { Manifest } from '../manifest/manifest.js';
import type { PlanAnswer } from '../protocol/index.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { baseRelease, releasedFiles, snapshotOf, targetRelease, writeSample } from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { buildZip } from '../testing/zip-builder.js';
import { inlineDeriver } from '../workers/deriver.js';
import { verifyZipSignature } from './signed-zip.js';
import type { UpdateContext } from './update-context.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater } from './updater.js';

const root = '/install';
const madeAt = new Date(Date.UTC(2026, 9, 1));

let publisher: openpgp.PrivateKey;
let stranger: openpgp.PrivateKey;
let keys: string;
let server: SimulatedServer;
let fileSystem: MemoryFileSystem;
let machine: SimulatedMachine;
let events: UpdateEvent[];
let onEvent: (event: UpdateEvent) => void;
/** What the server says is the release, in place of what it would. */
let forged: (plan: PlanAnswer) => PlanAnswer;
/** By version; none: 404. */
let signatures: Map<string, Uint8Array>;

const newKey = async (): Promise<openpgp.PrivateKey> => {
  const userIDs = [{ name: 'Publisher' }];
  return (await openpgp.generateKey({ type: 'curve25519', userIDs, date: madeAt, format: 'object' })).privateKey;
};

const sign = async (zip: Uint8Array, key = publisher): Promise<Uint8Array> => {
  const message = await openpgp.createMessage({ binary: zip });
  return openpgp.sign({ message, signingKeys: key, detached: true, format: 'binary', date: madeAt });
};

function updater(options: { readonly keys?: string | null } = {}): Updater {
  const { keys: openPgpKeys = keys } = options;
  const ports = machine.boot(fileSystem);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input as Request, init);
    const { pathname } = new URL(request.url);
    const version = /\/updates\/signature\/(.*)$/.exec(pathname)?.[1];
    if (version !== undefined) {
      const signature = signatures.get(version);
      if (signature === undefined) return Response.json({ status: 404, code: 'RECORD_NOT_FOUND' }, { status: 404 });
      return new Response(Buffer.from(signature), { headers: { 'content-type': 'application/pgp-signature' } });
    }
    const answer = await server.fetch(request);
    return pathname.endsWith('/updates/plan') ? Response.json(forged((await answer.json()) as PlanAnswer)) : answer;
  };
  const random = { ...ports.random, fraction: () => 0.5 };
  const starter = { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) };
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    ...(openPgpKeys === null ? {} : { openPgpKeys }),
    host: { ...ports, random, deriver: inlineDeriver(fileSystem), fetch, starter },
    http: { retries: { retriesMax: 0 } },
    onEvent: (event) => {
      events.push(event);
      onEvent(event);
    },
  });
}

/** The release's zip as the server has it. */
async function zipOf(version: string): Promise<{ readonly digest: string; readonly zip: Uint8Array }> {
  const answer = await server.fetch(`${server.url}/api/v1/updates/plan?target=${version}`);
  const { digest } = ((await answer.json()) as PlanAnswer).target.zip;
  return { digest, zip: server.objects.get(digest as never) ?? new Uint8Array() };
}

/** The server offers other bytes as the zip, under their own digest. */
function forgeZip(zip: Uint8Array): void {
  const digest = digestOf(zip);
  server.objects.set(digest, zip);
  forged = (plan) => ({ ...plan, plans: [], target: { ...plan.target, zip: { digest, bytes: zip.length } } });
}

/** The server says that the release is other files. */
function forgeManifest(manifest: Manifest): void {
  const stored = new Uint8Array(brotliCompressSync(encodeManifest(manifest)));
  const digest = digestOf(stored);
  server.objects.set(digest, stored);
  const described = { manifest_digest: manifestDigest(manifest), manifest: { digest, bytes: stored.length } };
  forged = (plan) => ({ ...plan, target: { ...plan.target, ...described } });
}

const applicationFiles = async () => {
  const all = Object.entries(await snapshotOf(fileSystem, root)).filter(([path]) => !path.startsWith('.remendo'));
  return Object.fromEntries(all);
};

async function expectRefused(because: RegExp, code = 'TRUST_SIGNATURE_INVALID'): Promise<void> {
  const before = await applicationFiles();
  await expect(updater().update()).rejects.toMatchObject({ code, message: expect.stringMatching(because) });
  expect(await applicationFiles()).toEqual(before);
  expect(events.filter(({ kind }) => kind === 'content-made' || kind === 'staged')).toEqual([]);
  expect((await updater().status()).version?.version).toBe('1.0.0');
}

const askedFor = (digest: string): boolean => server.requests.some((request) => request.endsWith(`/objects/${digest}`));

beforeAll(async () => {
  [publisher, stranger] = [await newKey(), await newKey()];
  keys = publisher.toPublic().armor();
});

beforeEach(async () => {
  server = createSimulatedServer();
  fileSystem = new MemoryFileSystem();
  machine = new SimulatedMachine();
  signatures = new Map();
  forged = (plan) => plan;
  events = [];
  onEvent = () => {};
  await fileSystem.makeDirectory(root);
  await server.publish('1.0.0', releasedFiles(baseRelease));
  await updater({ keys: null }).update();
  await server.publish('1.0.1', releasedFiles(targetRelease));
  events = [];
  server.requests.length = 0;
});

describe('a terminal with OpenPGP keys', () => {
  it('installs what a pinned key signed, from the full zip, and tells who signed', async () => {
    const { digest, zip } = await zipOf('1.0.1');
    signatures.set('1.0.1', await sign(zip));
    const plan = await updater().plan('1.0.1');
    expect(plan.offers.map(({ kind }) => kind)).toEqual(['zip']);
    expect(plan.losers[0]).toMatchObject({ reason: 'the OpenPGP signature covers the full zip only' });
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(askedFor(digest)).toBe(true);
    expect(events.find(({ kind }) => kind === 'signature-verified')).toMatchObject({
      fingerprint: publisher.getFingerprint().toUpperCase(),
      userIds: ['Publisher'],
      signedAtMs: madeAt.getTime(),
    });
    const clean = new MemoryFileSystem();
    await writeSample(clean, root, { ...releasedFiles(targetRelease), 'version.txt': '1.0.1\n' });
    expect(await applicationFiles()).toEqual(await snapshotOf(clean, root));
  });

  it('takes patches and asks for no signature when it has none', async () => {
    expect(await updater({ keys: null }).update()).toMatchObject({ kind: 'updated' });
    expect(events.some(({ kind }) => kind === 'signature-verified')).toBe(false);
  });

  it('refuses a release without a signature, or with a stranger’s, before it fetches the zip', async () => {
    const { digest, zip } = await zipOf('1.0.1');
    await expectRefused(/1\.0\.1 has no OpenPGP signature/);
    signatures.set('1.0.1', await sign(zip, stranger));
    await expectRefused(/none of the pinned keys/);
    signatures.set('1.0.1', new TextEncoder().encode('signed, honestly'));
    await expectRefused(/no detached OpenPGP signature/);
    expect(askedFor(digest)).toBe(false);
  });

  it('refuses a zip that is not the one that was signed', async () => {
    const { zip } = await zipOf('1.0.1');
    signatures.set('1.0.1', await sign(zip));
    forgeZip(Uint8Array.from(zip, (byte, index) => (index === 60 ? byte ^ 1 : byte)));
    await expectRefused(/digest did not match/);
    forgeZip(new Uint8Array(Buffer.concat([zip, Buffer.from('more')])));
    await expectRefused(/digest did not match/);
  });

  it('refuses a manifest that is not what the signed zip holds', async () => {
    const { zip } = await zipOf('1.0.1');
    signatures.set('1.0.1', await sign(zip));
    const manifest = await server.publish('1.0.1', releasedFiles(targetRelease));
    const [first, second, ...others] = manifest.files;
    if (first === undefined || second === undefined) throw new Error('the release has files');
    for (const files of [
      [second, ...others],
      [{ ...second, path: first.path }, second, ...others],
      [{ ...first, mode: first.mode === 0o755 ? 0o644 : 0o755 } as const, second, ...others],
      [first, second, ...others, { ...first, path: 'zz.dll' as typeof first.path }],
    ]) {
      forgeManifest({ ...manifest, files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) });
      await expectRefused(/what the signed zip holds/);
    }
  });

  it('refuses an older zip that says so, though its signature is good', async () => {
    const manifest = await server.publish('1.0.1', releasedFiles(targetRelease));
    const clean = new MemoryFileSystem();
    await writeSample(clean, root, releasedFiles(targetRelease));
    const files = await Promise.all(
      manifest.files.map(async ({ path, mode, bytes }) => {
        const handle = await clean.open(join(root, path), 'read');
        const content = new Uint8Array(bytes);
        await handle.read(0, content);
        return { name: path, content, mode: 0o100000 | mode };
      }),
    );
    for (const [version, code] of [
      ['1.0.0', 'RELEASE_VERSION_DISAGREES'],
      ['1.0.1', null],
    ] as const) {
      const zip = new Uint8Array(buildZip([...files, { name: 'version.txt', content: version }]));
      signatures.set('1.0.1', await sign(zip));
      forgeZip(zip);
      if (code === null) expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.1' });
      else await expectRefused(/version\.txt in the zip says 1\.0\.0/, code);
    }
  });

  it('installs from the file that it verified, whatever stands at its path by then', async () => {
    const { digest, zip } = await zipOf('1.0.1');
    signatures.set('1.0.1', await sign(zip));
    await writeSample(fileSystem, '/', { 'other.zip': 'another file' });
    onEvent = ({ kind }) => {
      if (kind === 'signature-verified') void fileSystem.rename('/other.zip', `${root}/.remendo/downloads/${digest}`);
    };
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(fileSystem.replaced).toContain(`${root}/.remendo/downloads/${digest}`);
    expect((await updater().verify()).damaged).toEqual([]);
  });

  it('refuses everything when its keys can not be read', async () => {
    signatures.set('1.0.1', await sign((await zipOf('1.0.1')).zip));
    await expect(updater({ keys: 'no keys' }).update()).rejects.toMatchObject({ code: 'TRUST_KEY_INVALID' });
    await expect(updater({ keys: '' }).update()).rejects.toMatchObject({ code: 'TRUST_KEY_INVALID' });
  });

  it('takes no expired key for good because its clock was set back: signed metadata is not as old', async () => {
    const userIDs = [{ name: 'Publisher' }];
    const year = { userIDs, date: madeAt, keyExpirationTime: 365 * 86_400 };
    const { privateKey } = await openpgp.generateKey({ type: 'curve25519', ...year, format: 'object' });
    const bytes = new TextEncoder().encode('a zip');
    const zip = { zip: bufferSource(bytes), signature: await sign(bytes, privateKey) };
    const verifyAt = (newestSignedAtMs: number | null): Promise<void> => {
      const host = { clock: { now: () => madeAt.getTime() + 86_400_000 } };
      const context = { host, openPgpKeys: privateKey.toPublic().armor(), trust: { status: async () => ({ newestSignedAtMs }) } };
      return verifyZipSignature({ ...context, emit: () => {} } as unknown as UpdateContext, zip);
    };
    await verifyAt(null);
    const expired = expect.stringContaining('expired');
    await expect(verifyAt(madeAt.getTime() + 366 * 86_400_000)).rejects.toMatchObject({ message: expired });
  });
});
