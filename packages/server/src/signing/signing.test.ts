import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpClient, type Digest, httpMetadataSource, nodeFileSystem, nodeHost, SignedTrust } from '@remendo/core';
import type { PlanAnswer, SigningState } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, ask, newCustomer, newOperator, nobody } from '../testing/test-accounts.js';
import { createTestLog } from '../testing/test-log.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';
import { renewMetadata } from './renew-metadata.js';
import { readPassphrase, ServerKeys } from './server-keys.js';

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), 'remendo-signing-'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const { clock, random } = nodeHost({ workers: 1 });

function terminalTrust(): SignedTrust {
  const http = createHttpClient({ serverUrl: server.url, clock, random });
  return new SignedTrust({ fileSystem: nodeFileSystem(), clock, source: httpMetadataSource(http), folder, firstUse: true });
}

async function claimOf(version: string, application = 'erp') {
  const plan = (await ask(server, 'GET', `/api/v1/updates/plan?application=${application}&target=${version}`)).body as PlanAnswer;
  const { target } = plan;
  return {
    application: plan.application,
    platform: plan.platform,
    version,
    manifestDigest: target.manifest_digest as Digest,
    zip: { digest: target.zip.digest as Digest, bytes: target.zip.bytes },
  };
}

describe('the server signs', () => {
  it('what is published, so that a terminal believes it and nothing else', async () => {
    await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'erp.exe', bytes: Buffer.from('one') }] });
    const claim = await claimOf('1.0.0');
    const verified = await terminalTrust().verifyRelease(claim);
    expect(verified.version).toBe('1.0.0');
    await expect(terminalTrust().verifyRelease({ ...claim, version: '1.0.1' })).rejects.toMatchObject({
      code: 'TRUST_RELEASE_UNSIGNED',
    });
  });

  it('says what that means should it be taken over', async () => {
    const { body } = await ask(server, 'GET', '/api/v1/signing');
    const state = body as SigningState;
    expect(state.applications).toMatchObject([{ application: 'erp', signing_mode: 'server', unsigned_builds: [] }]);
    expect([state.root.by_server, state.consequence]).toEqual([true, expect.stringContaining('any release of any application')]);
    const customer = await newCustomer(server);
    expect((await ask(server, 'GET', '/api/v1/signing', { as: customer.as })).status).toBe(403);
  });

  it('and keeps it in the store too, for a bucket or a CDN to serve', async () => {
    const { root, timestamp, snapshot } = (await ask(server, 'GET', '/api/v1/signing')).body as SigningState;
    const stored = await readdir(join(server.dataFolder, 'metadata'));
    expect(stored).toEqual(
      expect.arrayContaining([`${root.version}.root.json`, `${snapshot.version}.snapshot.json`, 'timestamp.json']),
    );
    const served = await (await server.get('/metadata/timestamp.json')).text();
    expect(await readFile(join(server.dataFolder, 'metadata', 'timestamp.json'), 'utf8')).toBe(served);
    expect((JSON.parse(served) as { signed: { version: number } }).signed.version).toBe(timestamp.version);
  });

  it('what two publish at the same time, all of it', async () => {
    await Promise.all(
      ['2.0.0', '2.0.1', '2.0.2'].map((version) =>
        publishOk(server.url, { version, application: 'pos', parts: [{ path: 'pos.exe', bytes: Buffer.from(version) }] }),
      ),
    );
    for (const version of ['2.0.0', '2.0.1', '2.0.2']) await terminalTrust().verifyRelease(await claimOf(version, 'pos'));
  });

  it('serves metadata by its exact names, and nothing else', async () => {
    for (const name of [
      '0.root.json',
      '99.root.json',
      '4294967296.root.json',
      '1.customer.json',
      'root.json',
      '..%2f1.root.json',
      '1.__proto__.json',
    ]) {
      const answer = await server.get(`/metadata/${name}`);
      expect([name, answer.status >= 400 && answer.status < 500]).toEqual([name, true]);
    }
    const first = await server.get('/metadata/1.root.json');
    expect([first.status, first.headers.get('cache-control')]).toEqual([200, expect.stringContaining('immutable')]);
    expect((await server.get('/metadata/timestamp.json')).headers.get('cache-control')).toBe('public, max-age=30');
  });

  it('a timestamp with each withdrawal, so that whoever was online afterwards refuses what was bundled before', async () => {
    const stateNow = async () => (await ask(server, 'GET', '/api/v1/signing')).body as SigningState;
    const before = await stateNow();
    const path = '/api/v1/releases/2.0.0?application=pos';
    const withdrawn = await ask(server, 'PATCH', path, { as: admin, body: { state: 'withdrawn', reason: 'it loses sales' } });
    expect(withdrawn.status).toBe(200);
    const after = await stateNow();
    expect(after.timestamp.version).toBe(before.timestamp.version + 1);
    expect(after.snapshot.version).toBe(before.snapshot.version);
    const served = (await (await server.get('/metadata/timestamp.json')).json()) as { signed: { version: number } };
    expect(served.signed.version).toBe(after.timestamp.version);
  });

  it('a timestamp every day, and everything else before it is over', async () => {
    const renewed = async (days: number) => {
      await renewMetadata({ ...server.ports, log: createTestLog().log }, new Date(Date.now() + days * 86_400_000));
      return (await ask(server, 'GET', '/api/v1/signing')).body as SigningState;
    };
    const first = await renewed(0);
    const second = await renewed(2);
    expect(second.timestamp.version).toBe(first.timestamp.version + 1);
    expect(second.snapshot.version).toBe(first.snapshot.version);
    const third = await renewed(400);
    expect([third.root.version, third.targets.version]).toEqual([first.root.version + 1, first.targets.version + 1]);
    expect((third.applications[0]?.role?.version ?? 0) > (first.applications[0]?.role?.version ?? 0)).toBe(true);
  });
});

describe('metadata from outside', () => {
  const offer = (metadata: readonly { role: string; body: string }[], fields: object = {}, as = admin) =>
    ask(server, 'POST', '/api/v1/metadata', { as, body: { metadata, ...fields } });
  const rootNow = async (): Promise<{ signed: Record<string, unknown>; signatures: object[] }> => {
    const { root } = (await ask(server, 'GET', '/api/v1/signing')).body as SigningState;
    return (await server.get(`/metadata/${root.version}.root.json`)).json() as never;
  };

  it('is taken whole or not at all, signed by enough keys and one version on', async () => {
    const root = await rootNow();
    const before = (await ask(server, 'GET', '/api/v1/signing')).body;
    const same = await offer([{ role: 'root', body: JSON.stringify(root) }]);
    expect([same.status, same.body.code]).toEqual([409, 'TRUST_ROLLBACK']);
    const next = { ...root, signed: { ...root.signed, version: Number(root.signed.version) + 1 } };
    const unsigned = await offer([{ role: 'root', body: JSON.stringify(next) }]);
    expect([unsigned.status, unsigned.body.code]).toEqual([422, 'TRUST_THRESHOLD']);
    const expired = { ...next, signed: { ...next.signed, expires: '2020-01-01T00:00:00Z' } };
    expect((await offer([{ role: 'root', body: JSON.stringify(expired) }])).body.code).toBe('TRUST_EXPIRED');
    for (const body of [
      '',
      '{',
      '[]',
      '{"signed":{}}',
      JSON.stringify({ ...root, signed: { ...root.signed, version: 1e300 } }),
      '['.repeat(100_000),
    ]) {
      const refused = await offer([{ role: 'root', body }]);
      expect([body.slice(0, 20), refused.status, refused.body.code]).toEqual([body.slice(0, 20), 422, 'TRUST_INVALID']);
    }
    const nobodys = await offer([{ role: 'bin-nothing-00', body: await (await server.get('/metadata/1.targets.json')).text() }]);
    expect(nobodys.status).toBe(422);
    expect((await ask(server, 'GET', '/api/v1/signing')).body).toEqual(before);
  });

  it('is co-signed by the server only while it hands over, and roots are for administrators', async () => {
    const root = JSON.stringify(await rootNow());
    const cosigned = await offer([{ role: 'root', body: root }], { cosigned: true });
    expect([cosigned.status, cosigned.body.code, cosigned.body.detail]).toEqual([
      403,
      'AUTH_FORBIDDEN',
      expect.stringContaining('--hand-over on'),
    ]);
    const publisher = await newOperator(server, 'signing-publisher', 'publisher');
    expect((await offer([{ role: 'root', body: root }], {}, publisher)).body.code).toBe('AUTH_FORBIDDEN');
    expect((await offer([{ role: 'root', body: root }], {}, nobody)).status).toBe(401);
  });
});

describe("the server's keys", () => {
  it('are opened by the passphrase they were made with, and by no other', async () => {
    const made = await startTestServer([], { REMENDO_KEY_PASSPHRASE: 'the-first-passphrase-of-all' });
    const { database } = made.ports;
    const rows = await database.db.selectFrom('signing_key').select(['role', 'key_file']).execute();
    expect(rows.map(({ role }) => role).sort()).toEqual(['online', 'root', 'targets']);
    for (const { key_file } of rows) expect(JSON.parse(key_file)).toHaveProperty('encrypted');
    const others = new ServerKeys('another-passphrase-altogether');
    await expect(database.db.transaction().execute((tx) => others.open(tx))).rejects.toMatchObject({ code: 'TRUST_KEY_INVALID' });
    await made.stop();
  });

  it('open with a passphrase of its own that is made beside the data, for the owner alone, and stays', async () => {
    const made = await readPassphrase(folder, null);
    expect(made).toMatch(/^[\w-]{43}$/);
    expect((await stat(join(folder, 'key-passphrase'))).mode & 0o777).toBe(0o600);
    expect(await readPassphrase(folder, null)).toBe(made);
    expect(await readPassphrase(folder, 'one of the settings, which goes before')).toBe('one of the settings, which goes before');
  });
});
