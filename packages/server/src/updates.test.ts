/** From publishing to objects, over HTTP, against one server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync, inflateRawSync } from 'node:zlib';
import {
  applyPatch,
  bufferSource,
  codecNames,
  type Delta,
  type Derivation,
  type Digest,
  decodeDeltaIndex,
  digestOf,
  limits,
  type Manifest,
  parseManifestOfDigest,
  resolveDelta,
} from '@remendo/core';
import type { CheckAnswer, ContentsAnswer, IdentifyAnswer, PlanAnswer } from '@remendo/core/protocol';
import { lacksBsdiff, memoryScratch } from '@remendo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deltasSettled, problemOf, publishOk, startTestServer, type TestServer, testToken } from './testing/test-server.js';
import { type ZipPart, zipOf } from './testing/zip-of.js';

let server: TestServer;
const zips = new Map<string, Buffer<ArrayBuffer>>();

/** Text that compresses, and a program that does not, each changing a little with every version. */
function erpParts(version: string): ZipPart[] {
  const patch = Number(version.split('.')[2]);
  const program = Buffer.alloc(200_000);
  for (let at = 0, state = 1; at < program.length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    program.writeUInt32LE(state, at);
  }
  program.write(`version ${version}`, 1_000 + 50 * patch);
  return [
    { path: 'Vnd.exe', bytes: program, mode: 0o100755 },
    { path: 'lib/kept.txt', bytes: 'never changes\n'.repeat(100) },
    { path: 'lib/changes.txt', bytes: `line\n`.repeat(500) + version },
    { path: `data/${patch === 0 ? 'old-name' : 'new-name'}.bin`, bytes: 'moves without a change'.repeat(20), stored: true },
    { path: `only-in-${patch}.txt`, bytes: `only here: ${version}` },
    { path: 'empty', bytes: '' },
    { path: 'version.txt', bytes: `v${version}\r\n` },
  ];
}

async function publishErp(version: string, fields: Record<string, string> = {}): Promise<void> {
  const zip = zipOf(erpParts(version));
  zips.set(version, zip);
  await publishOk(server.url, { version, zip, fields });
}

const planOf = async (query: string): Promise<PlanAnswer> =>
  (await (await server.get(`/api/v1/updates/plan?${query}`)).json()) as PlanAnswer;
const check = async (headers: Record<string, string>, query = ''): Promise<CheckAnswer> =>
  (await (await server.get(`/api/v1/updates/check${query}`, headers)).json()) as CheckAnswer;

async function objectBytes(digest: string): Promise<Buffer> {
  const bytes = Buffer.from(await (await server.get(`/api/v1/objects/${digest}`)).arrayBuffer());
  expect(digestOf(bytes)).toBe(digest);
  return bytes;
}

async function manifestOf(target: PlanAnswer['target']): Promise<Manifest> {
  return parseManifestOfDigest(brotliDecompressSync(await objectBytes(target.manifest.digest)), target.manifest_digest as Digest);
}

/** Makes every content the delta promises from the base's, fetching each blob by its range, as a terminal would. */
async function derive(delta: Delta, held: Map<string, Uint8Array>): Promise<Map<string, Uint8Array>> {
  for (const derivation of delta.derivations) {
    const { object, offset, bytes, sha256 } = derivation.blob;
    const range = { range: `bytes=${offset}-${offset + bytes - 1}` };
    const blob =
      bytes === 0 ? Buffer.alloc(0) : Buffer.from(await (await server.get(`/api/v1/objects/${object}`, range)).arrayBuffer());
    expect(digestOf(blob)).toBe(sha256);
    if (derivation.kind === 'whole') held.set(derivation.target.sha256, decode(derivation, blob));
    else await applyTo(held, derivation, blob);
  }
  return held;
}

const decode = (derivation: Derivation & { kind: 'whole' }, blob: Buffer): Uint8Array =>
  derivation.encoding === 'identity' ? blob : derivation.encoding === 'deflate' ? inflateRawSync(blob) : brotliDecompressSync(blob);

async function applyTo(held: Map<string, Uint8Array>, derivation: Derivation & { kind: 'patch' }, blob: Buffer): Promise<void> {
  const sink = () => {
    const chunks: Buffer[] = [];
    return {
      chunks,
      write: async (chunk: Uint8Array) => void chunks.push(Buffer.from(chunk)),
      read: (offset: number, into: Uint8Array) => bufferSource(Buffer.concat(chunks)).read(offset, into),
    };
  };
  const targets = derivation.targets.map((content) => ({ content, sink: sink() }));
  await applyPatch({
    codec: derivation.codec,
    bases: derivation.bases.map((content) => ({ content, source: bufferSource(held.get(content.sha256) ?? new Uint8Array()) })),
    patch: bufferSource(blob),
    scratch: memoryScratch,
    targets,
  });
  for (const target of targets) held.set(target.content.sha256, Buffer.concat(target.sink.chunks));
}

beforeAll(async () => {
  server = await startTestServer();
  await publishErp('1.0.0');
  await publishErp('1.0.1', {
    title: 'Second',
    changelog: 'changed',
    breaking_changes: 'none',
    mandatory: 'true',
    requires_downtime: 'true',
  });
  await publishErp('1.0.2');
  await publishErp('1.1.0', { type: 'development' });
  await deltasSettled(server.url, '1.1.0');
  await deltasSettled(server.url, '1.0.2');
  await deltasSettled(server.url, '1.0.1');
});

afterAll(() => server?.stop());

describe('publishing', () => {
  it.skipIf(lacksBsdiff)('builds deltas from the older releases, newest base first', async () => {
    const release = await deltasSettled(server.url, '1.0.2');
    expect(release).toMatchObject({
      state: 'published',
      type: 'stable',
      files: 6,
      zip: { digest: digestOf(zips.get('1.0.2') ?? '') },
    });
    expect(release.deltas.map(({ base_version, state }) => `${base_version} ${state}`)).toEqual(['1.0.1 ready', '1.0.0 ready']);
    for (const delta of release.deltas) expect(delta.bytes).toBeLessThan(20_000);
  });

  it('changes nothing when the same files are published again, however they are packed', async () => {
    const again = await publishOk(server.url, {
      version: '1.0.1',
      parts: erpParts('1.0.1').map((part) => ({ ...part, stored: true })),
    });
    expect(again.already_published).toBe(true);
    expect(again.release.zip.digest).toBe(digestOf(zips.get('1.0.1') ?? ''));
  });

  it('lists releases, newest version first', async () => {
    const { releases } = (await (await server.get('/api/v1/releases?application=erp')).json()) as {
      releases: { version: string }[];
    };
    expect(releases.map((release) => release.version)).toEqual(['1.1.0', '1.0.2', '1.0.1', '1.0.0']);
  });

  it('leaves the zips and a listing where operators look for them', async () => {
    const listing = JSON.parse(await readFile(join(server.dataFolder, 'versions/manifest.json'), 'utf8'));
    expect(listing.versions.map((one: { file: string }) => one.file)).toEqual([
      'v1.1.0.zip',
      'v1.0.2.zip',
      'v1.0.1.zip',
      'v1.0.0.zip',
    ]);
    for (const { version, file, size, sha256 } of listing.versions) {
      const zip = await readFile(join(server.dataFolder, 'versions', file));
      expect({ size: zip.length, sha256: digestOf(zip) }).toEqual({ size, sha256 });
      expect(zip.equals(zips.get(version) ?? Buffer.alloc(0))).toBe(true);
    }
  });
});

describe('the check', () => {
  it('offers the newest stable release with its price', async () => {
    const { plans } = await planOf('base=1.0.0&target=1.0.2');
    const answer = await check({ 'x-client-version': '1.0.0', 'x-terminal-id': 'till-7' });
    expect(answer).toMatchObject({
      update_available: true,
      application: 'erp',
      platform: 'any',
      current_version: '1.0.0',
      latest_version: '1.0.2',
      checksum: `sha256:${digestOf(zips.get('1.0.2') ?? '')}`,
      size_bytes: zips.get('1.0.2')?.length,
    });
    expect(answer.patch_bytes).toBe(plans[0]?.fetch_bytes);
    const zip = await server.get(answer.download_url ?? '');
    expect(digestOf(Buffer.from(await zip.arrayBuffer()))).toBe(digestOf(zips.get('1.0.2') ?? ''));
  });

  it('offers development releases to the development channel only', async () => {
    expect((await check({ 'x-client-version': '1.0.2', 'x-release-channel': 'development' })).latest_version).toBe('1.1.0');
    expect(await check({ 'x-client-version': '1.0.2' })).toMatchObject({ update_available: false, reason: 'up_to_date' });
  });

  it('never offers an older release', async () => {
    expect(await check({}, '?version=2.0.0')).toMatchObject({
      update_available: false,
      latest_version: '1.0.2',
      reason: 'newer_installed',
    });
  });

  it('offers the newest to a terminal that does not know what it has', async () => {
    expect(await check({})).toMatchObject({ update_available: true, current_version: null, latest_version: '1.0.2' });
  });

  it('answers 304 while nothing has changed', async () => {
    const first = await server.get('/api/v1/updates/check?version=1.0.0');
    const etag = first.headers.get('etag') ?? '';
    // `fetch` would add a cache-control of its own; the server looks at the tag alone.
    const second = await server.get('/api/v1/updates/check?version=1.0.0', { 'if-none-match': etag });
    expect([second.status, await second.text(), second.headers.get('cache-control')]).toEqual([304, '', 'private, no-cache']);
  });
});

describe('the plan', () => {
  it.skipIf(lacksBsdiff)('leads a terminal from its base to exactly the target', async () => {
    const plan = await planOf('base=1.0.0&target=1.0.2');
    const base = await manifestOf((await planOf('target=1.0.0')).target);
    const held = new Map<string, Uint8Array>();
    for (const { bytes } of erpParts('1.0.0')) held.set(digestOf(bytes), Buffer.from(bytes));
    expect(plan.plans.length).toBeGreaterThan(1);
    for (const offered of plan.plans) {
      if (offered.kind !== 'delta') continue;
      expect(offered.fetches[0]).toEqual({
        digest: offered.index.digest,
        object_bytes: offered.index.bytes,
        ranges: [[0, offered.index.bytes]],
      });
      const delta = resolveDelta(decodeDeltaIndex(await objectBytes(offered.index.digest)), base);
      const made = await derive(delta, new Map(held));
      const target = await manifestOf(plan.target);
      expect(delta.target).toEqual(target);
      for (const file of target.files) expect(digestOf(made.get(file.sha256) ?? 'missing')).toBe(file.sha256);
    }
    expect(plan.plans[0]?.fetch_bytes).toBeLessThan(10_000);
    expect(plan.plans.map((one) => one.cost_bytes)).toEqual(plan.plans.map((one) => one.cost_bytes).sort((a, b) => a - b));
  });

  it('has no patches but those the terminal announces; one that says nothing gets those of the first version', async () => {
    const query = 'base=1.0.0&target=1.0.2';
    const costs = async (codecs: string) => (await planOf(`${query}${codecs}`)).plans.map((plan) => plan.cost_bytes);
    const all = await costs(`&codecs=${encodeURIComponent(codecNames.join(','))}`);
    expect(await costs('')).toEqual(all);
    expect(await costs('&codecs=remendo,tomorrow9,bsdiff40')).toEqual(all);
    const none = await planOf(`${query}&codecs=bsdiff40`);
    expect(none.plans[0]?.cost_bytes).toBeGreaterThan(all[0] ?? Number.NaN);
    expect(none.losers).toContainEqual({
      label: 'chain 1.0.0 → 1.0.2',
      cost_bytes: null,
      reason: 'needs the codec remendo, which the terminal does not know',
    });
    const checked = (codecs: string) => check({ 'x-client-version': '1.0.0' }, `?codecs=${codecs}`);
    expect((await checked('bsdiff40')).patch_bytes).toBe(none.plans[0]?.fetch_bytes);
    expect((await checked('bsdiff40,remendo')).patch_bytes).toBeLessThan(none.plans[0]?.fetch_bytes ?? 0);
    for (const codecs of ['', 'a,', 'a b', 'A', ','.repeat(1_001)])
      expect((await server.get(`/api/v1/updates/plan?${query}&codecs=${codecs}`)).status).toBe(400);
  });

  it('starts from nothing when the base is unknown, left out, or not what its manifest says', async () => {
    const digest = digestOf('another manifest');
    for (const query of ['target=1.0.2', 'base=0.9.0&target=1.0.2', `base=1.0.0&target=1.0.2&base_manifest=${digest}`]) {
      const plan = await planOf(query);
      expect(plan.base).toBeNull();
      expect(plan.plans.map((one) => one.kind)).toContain('zip');
      const zip = plan.plans.find((one) => one.kind === 'zip');
      expect(zip?.fetches.map((fetch) => fetch.digest)).toEqual([plan.target.manifest.digest, plan.target.zip.digest]);
    }
    const known = await planOf('target=1.0.0');
    expect((await planOf(`base=1.0.0&target=1.0.2&base_manifest=${known.target.manifest_digest}`)).base?.version).toBe('1.0.0');
  });

  it('takes the newest release of the channel when no target is named', async () => {
    expect((await planOf('base=1.0.0')).target.version).toBe('1.0.2');
    expect((await planOf('base=1.0.0&channel=development')).target.version).toBe('1.1.0');
  });

  it('stays under 8 KB for a release of 3,000 files', async () => {
    const parts = (version: number): ZipPart[] =>
      Array.from({ length: 3_000 }, (_, index) => ({
        path: `module-${index % 50}/file-${index}.txt`,
        bytes: `${index} ${index % 2 === 0 ? version : 0} `.repeat(40 + (index % 60)),
      }));
    for (const version of [1, 2])
      await publishOk(server.url, { application: 'large', version: `${version}.0.0`, parts: parts(version) });
    for (const query of ['base=1.0.0&target=2.0.0', 'target=2.0.0']) {
      const text = await (await server.get(`/api/v1/updates/plan?application=large&${query}`)).text();
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limits.planAnswerBytesGoal);
      expect((JSON.parse(text) as PlanAnswer).plans.length).toBeGreaterThan(0);
    }
  });
});

describe('contents and identity', () => {
  it('tells where single contents lie', async () => {
    const wanted = ['Vnd.exe', 'lib/changes.txt', 'empty'].map(
      (path) => erpParts('1.0.2').find((part) => part.path === path)?.bytes ?? 'x',
    );
    const answer = await server.post('/api/v1/updates/contents', {
      version: '1.0.2',
      contents: wanted.map((bytes) => digestOf(bytes)),
    });
    const { contents } = (await answer.json()) as ContentsAnswer;
    for (const [index, content] of contents.entries()) {
      const object = await objectBytes(content.object);
      const encoded = object.subarray(content.offset, content.offset + content.encoded_bytes);
      expect([digestOf(encoded), object.length]).toEqual([content.encoded_sha256, content.object_bytes]);
      const blob = { object: content.object as Digest, offset: 0, bytes: 0, sha256: content.sha256 as Digest };
      const target = { sha256: content.sha256 as Digest, bytes: content.bytes };
      expect(decode({ kind: 'whole', target, encoding: content.encoding, blob }, encoded)).toEqual(
        Buffer.from(wanted[index] ?? ''),
      );
    }
  });

  it('refuses contents of other releases', async () => {
    const digest = digestOf('only here: 1.0.0');
    const answer = await server.post('/api/v1/updates/contents', { version: '1.0.2', contents: [digest] });
    expect(await problemOf(answer)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
  });

  it('tells which release an install is by its files', async () => {
    const files = erpParts('1.0.1')
      .slice(0, 5)
      .map(({ path, bytes }) => ({ path, sha256: digestOf(bytes) }));
    const { candidates } = (await (await server.post('/api/v1/updates/identify', { files })).json()) as IdentifyAnswer;
    expect(candidates.map(({ version, matched }) => ({ version, matched }))).toEqual([
      { version: '1.0.1', matched: 5 },
      { version: '1.0.2', matched: 2 },
      { version: '1.1.0', matched: 1 },
      { version: '1.0.0', matched: 1 },
    ]);
    const unknown = await server.post('/api/v1/updates/identify', { files: [{ path: 'a', sha256: digestOf('unknown') }] });
    expect(await unknown.json()).toEqual({ application: 'erp', platform: 'any', candidates: [] });
  });
});

describe('objects', () => {
  const zipPath = () => `/api/v1/objects/${digestOf(zips.get('1.0.0') ?? '')}`;

  it('are immutable, with a strong tag, and never coded anew', async () => {
    const answer = await server.get(zipPath(), { 'accept-encoding': 'gzip, br' });
    const zip = Buffer.from(await answer.arrayBuffer());
    expect(zip.equals(zips.get('1.0.0') ?? Buffer.alloc(0))).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: `"${digestOf(zip)}"`,
      'cache-control': 'public, max-age=31536000, immutable, no-transform',
      'accept-ranges': 'bytes',
      'content-length': String(zip.length),
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers.get('content-encoding')).toBeNull();
  });

  it('answer one range with exactly those bytes', async () => {
    const zip = zips.get('1.0.0') ?? Buffer.alloc(0);
    const etag = `"${digestOf(zip)}"`;
    const answer = await server.get(zipPath(), { range: 'bytes=100-199', 'if-range': etag });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes 100-199/${zip.length}`]);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(zip.subarray(100, 200));
    const stale = await server.get(zipPath(), { range: 'bytes=100-199', 'if-range': '"stale"' });
    expect([stale.status, (await stale.arrayBuffer()).byteLength]).toEqual([200, zip.length]);
  });

  it('refuse ranges outside and ranges that make no sense', async () => {
    for (const range of ['bytes=999999999-', 'bytes=9-5', 'bytes=0-1,4-5', 'bytes=-0', 'bytes=x']) {
      const answer = await server.get(zipPath(), { range });
      expect(answer.headers.get('content-range')).toBe(`bytes */${zips.get('1.0.0')?.length}`);
      expect(await problemOf(answer)).toEqual({ status: 416, code: 'REQUEST_RANGE' });
    }
  });

  it('answer HEAD and If-None-Match without a body', async () => {
    const head = await fetch(server.url + zipPath(), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      String(zips.get('1.0.0')?.length),
      '',
    ]);
    const held = await server.get(zipPath(), { 'if-none-match': head.headers.get('etag') ?? '' });
    expect([held.status, await held.text()]).toEqual([304, '']);
  });
});

describe('the old API', () => {
  it('answers a check in the old words, exactly', async () => {
    const answer = await server.get('/check_update?version=1.0.0');
    const checksum = `sha256:${digestOf(zips.get('1.0.2') ?? '')}`;
    expect(await answer.text()).toBe(
      `{"update_available":true,"latest_version":"1.0.2","download_url":"/download/v1.0.2.zip","checksum":"${checksum}"}`,
    );
    expect(await (await server.get('/check_update?version=1.0.2')).text()).toBe('{"update_available":false}');
  });

  it('serves the zips by name, resumable', async () => {
    const zip = zips.get('1.0.2') ?? Buffer.alloc(0);
    const answer = await server.get('/download/v1.0.2.zip', { range: 'bytes=10-' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([206, 'application/zip']);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(zip.subarray(10));
    expect(await problemOf(await server.get('/download/v9.zip'))).toEqual({ status: 400, code: 'RELEASE_VERSION_INVALID' });
    expect(await problemOf(await server.get('/download/v9.9.9.zip'))).toEqual({ status: 404, code: 'RELEASE_NOT_FOUND' });
    expect(await problemOf(await server.get('/download/passwd'))).toEqual({ status: 404, code: 'RELEASE_NOT_FOUND' });
  });

  it('takes an upload whose version is in the name', async () => {
    const form = new FormData();
    form.set('file', new Blob([zipOf([{ path: 'a.txt', bytes: 'a' }])]), 'v0.1.0.zip');
    const answer = await fetch(`${server.url}/upload_update`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}` },
      body: form,
    });
    expect(await answer.json()).toMatchObject({ success: true, release: { application: 'erp', version: '0.1.0' } });
    expect((await server.get('/api/v1/updates/checksum/0.1.0')).status).toBe(200);
    expect((await check({ 'x-client-version': '1.0.0' })).latest_version).toBe('1.0.2');
  });
});

it('tells that it lives and that it is ready', async () => {
  expect(await (await server.get('/healthz')).json()).toEqual({ status: 'ok' });
  expect(await (await server.get('/readyz')).json()).toEqual({ status: 'ready' });
});
