/** How often may be asked: over HTTP, from a minute's worth of requests. */
import { afterEach, describe, expect, it } from 'vitest';
import { problemOf, publishOk, startTestServer, type TestServer, testToken } from '../testing/test-server.js';

let server: TestServer | undefined;

const start = async (...args: readonly string[]): Promise<TestServer> => {
  server = await startTestServer(args);
  return server;
};

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const parts = [{ path: 'app.txt', bytes: 'the application' }];
const check = '/api/v1/updates/check';
const tooMany = { status: 429, code: 'LIMIT_RATE' };
const named = (name: string) => ({ 'x-terminal-id': name });

async function statuses(count: number, ask: () => Promise<Response>): Promise<readonly number[]> {
  const answers: number[] = [];
  for (let n = 0; n < count; n++) {
    const answer = await ask();
    await answer.arrayBuffer();
    answers.push(answer.status);
  }
  return answers;
}

describe('a terminal', () => {
  it('that checks too often is told when to come back, and its neighbours at the same address are not', async () => {
    const { url, get } = await start('--checks-per-minute', '3');
    await publishOk(url, { version: '1.0.0', parts });
    expect(await statuses(3, () => get(check, named('till-1')))).toEqual([200, 200, 200]);
    const refused = await get(check, named('till-1'));
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await problemOf(refused)).toEqual(tooMany);
    expect((await get(check, named('till-2'))).status).toBe(200);
  });

  it('begins few downloads, and goes on with what it began as often as it likes', async () => {
    const { url, get } = await start('--checks-per-minute', '2', '--requests-per-minute', '12');
    const { release } = await publishOk(url, { version: '1.0.0', parts });
    const headers = named('till-1');
    const plan = (await (await get('/api/v1/updates/plan', headers)).json()) as { target: { manifest: { digest: string } } };
    const object = `/api/v1/objects/${plan.target.manifest.digest}`;
    expect(new Set(await statuses(30, () => get(object, { ...headers, range: 'bytes=0-9' })))).toEqual(new Set([206]));
    expect((await get(`/api/v1/objects/${release.zip.digest}`, headers)).status).toBe(200);
    const zip = '/api/v1/updates/download/1.0.0';
    expect(new Set(await statuses(20, () => get(zip, { ...headers, range: 'bytes=0-9' })))).toEqual(new Set([206]));
    expect(await problemOf(await get('/api/v1/updates/plan', headers))).toEqual(tooMany);
  });

  it('counts at the old addresses too', async () => {
    const { url, get } = await start('--checks-per-minute', '1');
    await publishOk(url, { version: '1.0.0', parts });
    expect(await statuses(2, () => get('/check_update', named('till-1')))).toEqual([200, 429]);
    expect(await statuses(2, () => get('/download/v1.0.0.zip', named('till-1')))).toEqual([200, 200]);
  });
});

describe('an address', () => {
  it('may ask so many things in a minute, and is seen to be alive all the same', async () => {
    const { get } = await start('--requests-per-minute', '4');
    expect(await statuses(5, () => get('/api/v1/nothing'))).toEqual([404, 404, 404, 404, 429]);
    expect(await statuses(3, () => get('/healthz'))).toEqual([200, 200, 200]);
    expect((await get('/readyz')).status).toBe(200);
  });

  it('that guesses at tokens is not listened to any more, while keys made here are', async () => {
    const { url, get } = await start('--sign-ins-per-minute', '3');
    await publishOk(url, { version: '1.0.0', parts });
    const token = (value: string) => ({ authorization: `Bearer ${value}` });
    expect(await statuses(3, () => get('/api/v1/applications', token('guess')))).toEqual([401, 401, 401]);
    expect(await problemOf(await get('/api/v1/applications', token('guess')))).toEqual(tooMany);
    expect(await problemOf(await get('/api/v1/applications', token(testToken)))).toEqual(tooMany);
    // A wrong key is looked at, and counted.
    expect(await problemOf(await get(check, token(`rk_${'a'.repeat(12)}_${'b'.repeat(43)}`)))).toEqual(tooMany);
    expect((await get(check)).status).toBe(200);
  });
});
