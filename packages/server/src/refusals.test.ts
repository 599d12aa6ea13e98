/** What is not as it should be gets a status and a code, and leaves nothing behind. */
import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { errorCatalogue } from '@remendo/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpFailure, httpStatus } from './http-errors.js';
import { rawAnswer } from './testing/raw-answer.js';
import {
  problemOf,
  publish,
  publishOk,
  releaseForm,
  startTestServer,
  type TestRelease,
  type TestServer,
  testToken,
} from './testing/test-server.js';
import { type ZipPart, zipOf } from './testing/zip-of.js';

let server: TestServer;
const uploadBytesMax = 300_000;
const good: ZipPart[] = [{ path: 'app.txt', bytes: 'the application' }];

beforeAll(async () => {
  server = await startTestServer(['--upload-bytes-max', String(uploadBytesMax)]);
});

afterAll(() => server?.stop());

describe('before anything is published', () => {
  it('old terminals are told that there is nothing', async () => {
    expect(await (await server.get('/check_update?version=1.0.0')).text()).toBe('{"update_available":false}');
  });

  it('others are told that there is no application', async () => {
    for (const path of ['/api/v1/updates/check', '/api/v1/updates/plan', '/api/v1/releases', '/api/v1/updates/checksum/1.0.0']) {
      expect(await problemOf(await server.get(path))).toEqual({ status: 404, code: 'APPLICATION_NOT_FOUND' });
    }
  });
});

describe('an upload is refused', () => {
  const hostile: readonly (readonly [string, Omit<TestRelease, 'version'> & { version?: string }, number, string])[] = [
    ['without a token', { parts: good, token: null }, 401, 'AUTH_REQUIRED'],
    ['with a wrong token', { parts: good, token: `${testToken}x` }, 401, 'AUTH_REQUIRED'],
    ['with a version that is none', { parts: good, version: 'one' }, 400, 'RELEASE_VERSION_INVALID'],
    ['with an application that is no slug', { parts: good, application: '../erp' }, 400, 'REQUEST_INVALID'],
    ['with a type that does not exist', { parts: good, fields: { type: 'golden' } }, 400, 'REQUEST_INVALID'],
    ['with a flag that is neither true nor false', { parts: good, fields: { mandatory: 'yes' } }, 400, 'REQUEST_INVALID'],
    ['with a file name for a platform', { parts: good, fields: { platform: 'a/b' } }, 400, 'REQUEST_INVALID'],
    ['when it is not a zip', { zip: Buffer.from('this is text') }, 422, 'ARTIFACT_INVALID'],
    ['when it is empty', { zip: Buffer.alloc(0) }, 422, 'ARTIFACT_INVALID'],
    ['when the zip has no files', { parts: [] }, 422, 'ARTIFACT_INVALID'],
    ['when the zip is cut off', { zip: zipOf(good).subarray(0, 60) }, 422, 'ARTIFACT_INVALID'],
    ['when a path climbs out', { parts: [{ path: '../evil.txt', bytes: 'x' }] }, 422, 'MANIFEST_PATH_UNSAFE'],
    ['when a path is absolute', { parts: [{ path: '/etc/passwd', bytes: 'x' }] }, 422, 'MANIFEST_PATH_UNSAFE'],
    ['when a path has a drive', { parts: [{ path: 'C:/x', bytes: 'x' }] }, 422, 'MANIFEST_PATH_UNSAFE'],
    ['when a path is reserved on Windows', { parts: [{ path: 'lib/con.txt', bytes: 'x' }] }, 422, 'MANIFEST_PATH_UNSAFE'],
    ['when an entry is a link', { parts: [{ path: 'link', bytes: '/etc/passwd', mode: 0o120777 }] }, 422, 'MANIFEST_PATH_UNSAFE'],
    ['when it writes into our own folder', { parts: [{ path: '.remendo/state.json', bytes: '{}' }] }, 422, 'MANIFEST_PATH_UNSAFE'],
    [
      'when two paths differ by case only',
      {
        parts: [
          { path: 'App.txt', bytes: '1' },
          { path: 'app.TXT', bytes: '2' },
        ],
      },
      422,
      'MANIFEST_PATH_UNSAFE',
    ],
    [
      'when its version.txt names another version',
      { parts: [...good, { path: 'version.txt', bytes: '7.0.0' }] },
      422,
      'RELEASE_VERSION_DISAGREES',
    ],
    ['when it is too large', { zip: Buffer.alloc(uploadBytesMax + 1, 7) }, 413, 'LIMIT_EXCEEDED'],
  ];

  it.each(hostile)('%s', async (_name, release, status, code) => {
    expect(await problemOf(await publish(server.url, { version: '6.0.0', ...release }))).toEqual({ status, code });
  });

  it('without a file, without an application, or when it is no form', async () => {
    const headers = { authorization: `Bearer ${testToken}` };
    const send = async (form: FormData) =>
      problemOf(await fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers, body: form }));
    const withoutFile = releaseForm({ version: '6.0.0', parts: good });
    withoutFile.delete('file');
    const withoutApplication = releaseForm({ version: '6.0.0', parts: good });
    withoutApplication.delete('application');
    for (const form of [withoutFile, withoutApplication])
      expect(await send(form)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
    const json = await fetch(`${server.url}/api/v1/releases`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(await problemOf(json)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
  });

  it('when the form ends before its end', async () => {
    const body = '--b\r\ncontent-disposition: form-data; name="file"; filename="v6.0.0.zip"\r\n\r\nPK\x03\x04 and then nothing';
    const answer = await fetch(`${server.url}/api/v1/releases`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}`, 'content-type': 'multipart/form-data; boundary=b' },
      body,
    });
    expect(await problemOf(answer)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
  });

  it('when the connection breaks in the middle', async () => {
    const { hostname, port } = new URL(server.url);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST /api/v1/releases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testToken}\r\ncontent-length: 100000\r\n` +
            'content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nPK',
          () => socket.destroy(),
        );
      });
      socket.on('close', () => resolve());
      socket.on('error', reject);
    });
    expect((await server.get('/healthz')).status).toBe(200);
  });

  it('and nothing of all that was published or left lying about', async () => {
    expect(await problemOf(await server.get('/api/v1/releases'))).toEqual({ status: 404, code: 'APPLICATION_NOT_FOUND' });
    const uploads = () => readdir(join(server.dataFolder, 'work/uploads'));
    await expect.poll(uploads, { timeout: 60_000 }).toEqual([]);
  });
});

describe('a published release', () => {
  beforeAll(async () => {
    await publishOk(server.url, { version: '1.0.0', parts: good });
  });

  it('never changes', async () => {
    const changed = await publish(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'changed' }] });
    expect(await problemOf(changed)).toEqual({ status: 409, code: 'RELEASE_EXISTS' });
  });

  it('keeps its type: publishing it again as another one does not say that it is done', async () => {
    const promoted = await publish(server.url, { version: '1.0.0', parts: good, fields: { type: 'development' } });
    expect(await problemOf(promoted)).toEqual({ status: 409, code: 'RELEASE_EXISTS' });
  });

  it('leaves nothing in the store of what was refused in its name', async () => {
    const stored = () => readdir(join(server.dataFolder, 'objects'), { recursive: true });
    const before = await stored();
    const parts = [{ path: 'app.txt', bytes: 'refused' }];
    for (const version of ['1.0.0', '1.0.0.7']) expect((await publish(server.url, { version, parts })).ok).toBe(false);
    expect((await stored()).sort()).toEqual(before.sort());
  });

  it('is published even where its name can not be given in the versions folder', async () => {
    await writeFile(join(server.dataFolder, 'versions/in-the-way'), 'no folder');
    for (const version of ['1.0.0', '1.0.1']) {
      const { success } = await publishOk(server.url, { application: 'in-the-way', version, parts: good });
      expect(success).toBe(true);
    }
    await publishOk(server.url, { application: 'later', version: '1.0.0', parts: good });
    expect(await readdir(join(server.dataFolder, 'versions/later/any'))).toEqual(['manifest.json', 'v1.0.0.zip']);
  });

  it('is told of by a check when the plan to it fails', async () => {
    const stored = () => readdir(join(server.dataFolder, 'objects'), { recursive: true });
    const before = new Set(await stored());
    const parts = [{ path: 'app.txt', bytes: 'soon without its manifest' }];
    const { release } = await publishOk(server.url, { application: 'damaged', version: '1.0.0', parts });
    const manifests = (await stored()).filter((name) => /[0-9a-f]{64}$/.test(name) && !before.has(name));
    for (const name of manifests) if (!name.endsWith(release.zip.digest)) await rm(join(server.dataFolder, 'objects', name));
    expect((await server.get('/api/v1/updates/plan?application=damaged')).ok).toBe(false);
    const check = await server.get('/api/v1/updates/check?application=damaged');
    expect(await check.json()).toMatchObject({ update_available: true, latest_version: '1.0.0', patch_bytes: null });
  });

  it('settles how its application writes versions', async () => {
    const four = await publish(server.url, { version: '1.0.0.1', parts: good });
    expect(await problemOf(four)).toEqual({ status: 400, code: 'RELEASE_VERSION_INVALID' });
    const { release } = await publishOk(server.url, { application: 'windows', version: '1.2.3.4', parts: good });
    expect(release).toMatchObject({ version: '1.2.196612', display_version: '1.2.3.4' });
    expect((await server.get('/api/v1/updates/download/1.2.3.4?application=windows')).headers.get('content-disposition')).toContain(
      'v1.2.3.4.zip',
    );
  });

  it('has builds for several platforms, each with files of its own', async () => {
    for (const platform of ['win-x64', 'linux-x64']) {
      await publishOk(server.url, {
        application: 'native',
        version: '1.0.0',
        fields: { platform },
        parts: [{ path: 'app', bytes: platform }],
      });
    }
    const sums = await Promise.all(
      ['win-x64', 'linux-x64'].map(async (platform) =>
        (await server.get(`/api/v1/updates/checksum/1.0.0?application=native&platform=${platform}`)).json(),
      ),
    );
    expect(new Set(sums.map((sum) => (sum as { checksum: string }).checksum)).size).toBe(2);
  });
});

describe('a question is refused', () => {
  const questions: readonly (readonly [string, number, string])[] = [
    ['/api/v1/objects/abc', 400, 'REQUEST_INVALID'],
    [`/api/v1/objects/${'A'.repeat(64)}`, 400, 'REQUEST_INVALID'],
    [`/api/v1/objects/${createHash('sha256').update('unknown').digest('hex')}`, 404, 'DOWNLOAD_NOT_FOUND'],
    ['/api/v1/objects/..%2f..%2fetc%2fpasswd', 400, 'REQUEST_INVALID'],
    ['/api/v1/updates/check?application=unknown', 404, 'APPLICATION_NOT_FOUND'],
    ['/api/v1/updates/check?application=../x', 400, 'REQUEST_INVALID'],
    ['/api/v1/updates/check?version=banana', 400, 'RELEASE_VERSION_INVALID'],
    ['/api/v1/updates/check?channel=golden', 400, 'REQUEST_INVALID'],
    ['/api/v1/updates/plan?base=1.0.0&target=9.9.9', 404, 'RELEASE_NOT_FOUND'],
    ['/api/v1/updates/plan?base=1.0.0&target=1.0.0&base_manifest=xyz', 400, 'REQUEST_INVALID'],
    ['/api/v1/updates/plan?target=1.0.0&platform=win-x64', 404, 'RELEASE_NOT_FOUND'],
    ['/api/v1/updates/download/9.9.9', 404, 'RELEASE_NOT_FOUND'],
    ['/api/v1/releases/9.9.9', 404, 'RELEASE_NOT_FOUND'],
    ['/check_update?version=banana', 400, 'RELEASE_VERSION_INVALID'],
    ['/nothing/here', 404, 'REQUEST_ROUTE_UNKNOWN'],
  ];

  it.each(questions)('%s', async (path, status, code) => {
    expect(await problemOf(await server.get(path))).toEqual({ status, code });
  });

  it('when its body is not what the schema says, not JSON, or too large', async () => {
    const bodies = [{}, { version: '1.0.0', contents: [] }, { version: '1.0.0', contents: ['abc'] }];
    for (const body of bodies)
      expect(await problemOf(await server.post('/api/v1/updates/contents', body))).toEqual({
        status: 400,
        code: 'REQUEST_INVALID',
      });
    const large = { files: [{ path: 'x'.repeat(2_000_000), sha256: '' }] };
    expect(await problemOf(await server.post('/api/v1/updates/identify', large))).toEqual({ status: 413, code: 'LIMIT_EXCEEDED' });
    const broken = await fetch(`${server.url}/api/v1/updates/identify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"files":',
    });
    expect(await problemOf(broken)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
  });
});

describe('errors over HTTP', () => {
  it.each([
    ['an address that does not decode', '/%E0%A4%A', 400, 'REQUEST_INVALID'],
    ['an address that is too long', `/api/v1/objects/${'a'.repeat(300)}`, 414, 'REQUEST_INVALID'],
  ])('are problems for %s', async (_name, path, status, code) => {
    const answer = await server.get(path);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await problemOf(answer)).toEqual({ status, code });
  });

  it.each([
    ['what is not HTTP', 'good day\r\n\r\n', 400, 'REQUEST_INVALID'],
    ['headers that are too large', `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'LIMIT_EXCEEDED'],
  ])('are problems for %s', async (_name, bytes, status, code) => {
    const [head = '', body = ''] = (await rawAnswer(server.url, bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*content-type: application/problem\\+json`, 's'));
    expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status, code });
  });

  it('have a status of an error for every code', () => {
    for (const status of Object.values(httpStatus)) expect(status).toBeGreaterThanOrEqual(400);
    expect(Object.keys(httpStatus).sort()).toEqual(Object.keys(errorCatalogue).sort());
  });

  it('tell nothing of what broke inside', () => {
    expect(httpFailure(new Error('password is hunter2'))).toEqual({ status: 500, code: 'SERVER_FAILED', detail: undefined });
  });
});
