/** An enrolled terminal and a licensed application, with a real server, sockets and files; from a folder and, where there is one, from S3. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createUpdater, nodeHost, type Updater } from '@remendo/core';
import { afterEach, describe, expect, it } from 'vitest';
import { testS3 } from './object-store/test-s3.test.support.js';
import { ask, newCustomer, newTerminal, type TestCustomer } from './testing/test-accounts.js';
import { deltasSettled, newDataFolder, publishOk, removeFolder, startTestServer, type TestServer } from './testing/test-server.js';

const s3 = testS3();
let server: TestServer;
let folder: string;
let updater: Updater;
/** Whom the terminal asked, in order. */
let origins: string[];

afterEach(async () => {
  await updater.close();
  await server.stop();
  await removeFolder(folder);
});

const text = (version: string): string =>
  Array.from({ length: 20_000 }, (_, index) => `${Math.imul(index, 2_654_435_761)} ${index % 997 === 0 ? version : ''}`).join('\n');

async function startFleet(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<TestCustomer> {
  server = await startTestServer(['--new-application-access', 'licensed', ...args], environment);
  folder = await newDataFolder();
  const customer = await newCustomer(server);
  const terminal = await newTerminal(server, customer);
  origins = [];
  const counting: typeof fetch = (input, init) => {
    origins.push(new URL(new Request(input as Request, init).url).origin);
    return fetch(input, init);
  };
  updater = createUpdater({
    root: join(folder, 'erp'),
    server: server.url,
    trust: { kind: 'signed', firstUse: true },
    application: 'erp',
    host: { ...nodeHost({ workers: 1 }), fetch: counting },
    http: { credentials: () => terminal.as },
  });
  return customer;
}

const publish = async (version: string, fields: Readonly<Record<string, string>> = {}): Promise<void> => {
  await publishOk(server.url, { application: 'erp', version, fields, parts: [{ path: 'app.txt', bytes: text(version) }] });
  await deltasSettled(server.url, version);
};

const installed = (): Promise<string> => readFile(join(folder, 'erp', 'app.txt'), 'utf8');

/** Until there is nothing more. @returns the versions that were installed, in order. */
async function updateAll(): Promise<readonly string[]> {
  const versions: string[] = [];
  for (;;) {
    const result = await updater.update();
    if (result.kind !== 'updated') return versions;
    versions.push(result.version);
  }
}

describe('an enrolled terminal', () => {
  it('passes every floor on its way in an update of its own', async () => {
    await startFleet([], {});
    await publish('1.0.0');
    await updater.update();
    for (const [version, floor] of [
      ['1.1.0', 'true'],
      ['1.2.0', 'false'],
      ['2.0.0', 'true'],
      ['2.1.0', 'false'],
    ] as const) {
      await publish(version, { floor });
    }
    expect(await updateAll()).toEqual(['1.1.0', '2.0.0', '2.1.0']);
    expect(await installed()).toBe(text('2.1.0'));
  });

  it('goes back to an older release only when policy, its own caller and who signed that release all say so', async () => {
    const customer = await startFleet([], {});
    for (const version of ['1.0.0', '1.1.0']) await publish(version);
    await updater.update();
    const { body } = await ask(server, 'GET', '/api/v1/terminals', { as: customer.as });
    const path = `/api/v1/terminals/${body.terminals[0].terminal_id}/policies/erp`;
    await ask(server, 'PUT', path, { body: { pinned_version: '1.0.0', allow_downgrade: true } });
    expect(await updater.update()).toMatchObject({ kind: 'not-offered', reason: 'downgrade_not_allowed' });
    await expect(updater.update({ allowDowngrade: true })).rejects.toMatchObject({ code: 'RELEASE_DOWNGRADE' });
    await ask(server, 'PATCH', '/api/v1/releases/1.0.0?application=erp', { body: { downgrade_from: '1.1.0', reason: 'a test' } });
    expect(await updater.update({ allowDowngrade: true })).toMatchObject({ kind: 'updated', version: '1.0.0' });
    expect(await installed()).toBe(text('1.0.0'));
  });

  it.skipIf(s3 === undefined)(
    'fetches its bytes from the bucket, by addresses that the server signs',
    async () => {
      if (s3 === undefined) return;
      const place = ['--s3-bucket', s3.bucket, '--s3-prefix', s3.prefix, '--s3-endpoint', s3.endpoint];
      const { accessKeyId, secretAccessKey } = s3.credentials;
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
      const customer = await startFleet(['--object-store', 's3', ...place], {});
      await publish('1.0.0');
      await updater.update();
      await publish('1.1.0');
      origins = [];
      expect(await updater.update()).toMatchObject({ kind: 'updated', version: '1.1.0', plan: 'chain 1.0.0 → 1.1.0' });
      expect(await installed()).toBe(text('1.1.0'));
      expect(origins).toContain(s3.endpoint);
      const { body } = await ask(server, 'GET', '/api/v1/releases/1.1.0?application=erp');
      const answer = await fetch(`${server.url}/api/v1/objects/${body.zip.digest}`, { headers: customer.as, redirect: 'manual' });
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'private, no-store']);
      expect(answer.headers.get('location')).toContain('X-Amz-Expires=300');
    },
    120_000,
  );
});
