import { basename } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ask } from '../testing/test-accounts.js';
import { deltasSettled, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
afterEach(() => server?.stop());

// Builds get what other tests leave of the machine.
vi.setConfig({ testTimeout: 600_000 });

const smallLines = 2_000;
/** More than the 4 MiB from which on a delta is built twice; the second time takes seconds. */
const largeLines = 72_000;

/** Its lines change all over in every version: as many as make patches worth coding well. */
function program(version: number, lineCount: number): Buffer {
  const lines: string[] = [];
  for (let line = 0; line < lineCount; line++) {
    const isChanged = (line * 7_919) % 97 === version;
    lines.push(
      `function step_${line % 1_013}(value) { return value * ${(line * 31) % 1_009} + table[${(line * 17) % 509}]${isChanged ? ` + extra_${version}_${line}` : ''}; }`,
    );
  }
  return Buffer.from(lines.join('\n'));
}

async function publishLarge(version: number): Promise<void> {
  const parts = [{ path: 'app.exe', bytes: program(version, largeLines) }];
  await publishOk(server.url, { application: 'erp', version: `1.${version}.0`, parts });
}

async function publishSmall(version: number): Promise<void> {
  const parts = [
    { path: 'app.exe', bytes: program(version, smallLines) },
    { path: 'lib.dll', bytes: program(version, smallLines).reverse() },
  ];
  await publishOk(server.url, { application: 'erp', version: `1.${version}.0`, parts });
}

const release = async (version: string) => (await ask(server, 'GET', `/api/v1/releases/${version}?application=erp`)).body;
const deltaFrom = async (base: string, target: string) =>
  (await release(target)).deltas.find((delta: { base_version: string }) => delta.base_version === base);

/** @returns what lets the delta to 1.1.0 be built again; until then, the one that was built quickly stays. */
function holdSecondBuild(): () => void {
  const { objects } = server.ports;
  const materialize = objects.materialize.bind(objects);
  let goOn = (): void => {};
  const isOver = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  vi.spyOn(objects, 'materialize').mockImplementation(async (digest, path) => {
    // A build begins with it.
    if (basename(path) === 'base.zip' && (await deltaFrom('1.0.0', '1.1.0')).state === 'ready') await isOver;
    return materialize(digest, path);
  });
  return goOn;
}

describe('a large delta', () => {
  it('is there quickly first, and smaller later; the plan follows', async () => {
    server = await startTestServer();
    const buildAgain = holdSecondBuild();
    for (const version of [0, 1]) await publishLarge(version);
    const quick = await vi.waitFor(
      async () => {
        const delta = await deltaFrom('1.0.0', '1.1.0');
        if (delta?.state !== 'ready') throw new Error('not built yet');
        return delta;
      },
      { timeout: 300_000, interval: 20 },
    );
    expect(quick.refining).toBe(true);
    const planned = async (): Promise<number> =>
      (await ask(server, 'GET', '/api/v1/updates/plan?application=erp&base=1.0.0&target=1.1.0&codecs=remendo')).body.plans[0]
        .fetch_bytes;
    const before = await planned();
    buildAgain();
    await deltasSettled(server.url, '1.1.0');
    expect(await planned()).toBeLessThan(before);
    expect((await deltaFrom('1.0.0', '1.1.0')).bytes).toBeLessThan(quick.bytes);
  });
});

describe('deltas', () => {
  it('that nobody asked for beforehand are built when the field asks', async () => {
    server = await startTestServer(['--delta-bases', '1', '--quick-patches', 'off']);
    for (const version of [0, 1, 2]) await publishSmall(version);
    await deltasSettled(server.url, '1.2.0');
    expect(await deltaFrom('1.0.0', '1.2.0')).toBeUndefined();
    await ask(server, 'GET', '/api/v1/updates/plan?application=erp&base=1.0.0&target=1.2.0');
    await vi.waitFor(async () => expect(await deltaFrom('1.0.0', '1.2.0')).toMatchObject({ state: 'ready' }), { timeout: 300_000 });
  });

  it('that the fewest terminals need go first when the budget is full, and plans go on without them', async () => {
    server = await startTestServer(['--delta-bases', '2', '--quick-patches', 'off', '--checks-per-minute', '1000']);
    for (const version of [0, 1]) await publishSmall(version);
    await deltasSettled(server.url, '1.1.0');
    const { bytes } = await deltaFrom('1.0.0', '1.1.0');
    await server.stop();
    // Room for one delta and a half: of three, the two that fewest terminals would use have to go.
    server = await startTestServer([
      ...['--delta-bases', '2', '--quick-patches', 'off', '--checks-per-minute', '1000'],
      ...['--delta-budget-bytes', String(Math.round(bytes * 1.6))],
    ]);
    await publishSmall(0);
    for (let terminal = 0; terminal < 5; terminal++) {
      const headers = { 'x-client-version': '1.0.0', 'x-terminal-id': `till-${terminal}` };
      await ask(server, 'GET', '/api/v1/updates/check?application=erp', { headers });
    }
    await server.ports.sightings.write();
    for (const version of [1, 2]) {
      await publishSmall(version);
      await deltasSettled(server.url, `1.${version}.0`);
    }
    const states = [await deltaFrom('1.0.0', '1.1.0'), await deltaFrom('1.0.0', '1.2.0'), await deltaFrom('1.1.0', '1.2.0')];
    expect(states.filter(({ state }) => state === 'ready').length).toBe(1);
    expect(states[2]).toMatchObject({ state: 'evicted', bytes: null });
    const { status, body } = await ask(server, 'GET', '/api/v1/updates/plan?application=erp&base=1.1.0&target=1.2.0');
    expect(status).toBe(200);
    expect(body.plans.length).toBeGreaterThan(0);
  });
});
