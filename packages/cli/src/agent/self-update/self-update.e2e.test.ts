/**
 * The agent replaces itself, with real processes: whatever the new version does and whenever it is killed, the next starts
 * end with an agent that runs.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createUpdater, nodeHost } from '@remendo/core';
import { createSimulatedServer, type SimulatedServer, seededRandom } from '@remendo/core/testing';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exitCodes } from '../../exit-codes.js';
import { temporaryFolders } from '../../testing/run-remendo.js';
import { sparePath } from './spare-program.js';
import {
  readStandIn,
  type StandIn,
  type StandInWorld,
  standInProgram,
  standInRound,
  standInScript,
} from './stand-in.test.support.js';

const makeFolder = temporaryFolders();
let bundle: string;
/** An install of version 1.0.0, to copy from. */
let prepared: string;
let http: Server;
let published: SimulatedServer;
let root: string;

const agent = (standIn: StandIn): readonly [string, number] => [standInScript(bundle, standIn), 0o755];
const good = (version: string) => agent({ version, behaviour: 'good' });
const shell = (text: string): readonly [string, number] => [`#!/bin/sh\n${text}\n`, 0o755];

const serverUrl = (): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}`;

beforeAll(async () => {
  const folder = await makeFolder();
  bundle = join(folder, 'stand-in.cjs');
  const entry = fileURLToPath(new URL('./stand-in.test.support.ts', import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['bsdiff-node'],
    // Programs of threads are looked for from there.
    define: { 'import.meta.url': JSON.stringify(new URL('./workers/worker-loader.js', import.meta.resolve('@remendo/core')).href) },
  });
  http = createServer((request, response) => {
    const { url = '/', method = 'GET', headers } = request;
    const given = new Headers(Object.entries(headers).filter((one): one is [string, string] => typeof one[1] === 'string'));
    published.fetch(`${published.url}${url}`, { method, headers: given }).then(
      async (answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(Buffer.from(await answer.arrayBuffer()));
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  prepared = join(folder, 'prepared');
  published = createSimulatedServer();
  await published.publish('1.0.0', { [standInProgram]: good('1.0.0') });
  const host = nodeHost({ workers: 1 });
  const updater = createUpdater({ root: prepared, server: serverUrl(), host, trust: { kind: 'announced' } });
  await updater.update();
  await updater.close();
});
afterAll(() => http.close());

beforeEach(async () => {
  run = runHere;
  root = join(await makeFolder(), 'agent');
  cpSync(prepared, root, { recursive: true });
  published = createSimulatedServer();
  await published.publish('1.0.0', { [standInProgram]: good('1.0.0') });
});

type Trouble = Omit<StandInWorld, 'root' | 'server'>;

/** A real process. @returns its exit code; null: it was killed, or could not be started. */
const runProcess = (program: string, args: readonly string[], world: StandInWorld): Promise<number | null> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, STAND_IN: JSON.stringify(world) }, stdio: 'ignore' });
    child.once('error', () => resolve(null));
    child.once('exit', resolve);
  });

/** The same in this process, which is much faster, where the file is a stand-in's. */
function runHere(program: string, args: readonly string[], world: StandInWorld): Promise<number | null> {
  const standIn = existsSync(program) ? readStandIn(readFileSync(program, 'utf8')) : null;
  return standIn === null ? runProcess(program, args, world) : standInRound(standIn, world, { mode: args[0] });
}

let run = runHere;

/** What keeps an agent running: before every start the spare, as far as there is one, then the program. */
async function start(trouble: Trouble = {}): Promise<number | null> {
  const world: StandInWorld = { root, server: serverUrl(), ...trouble };
  const spare = sparePath(join(root, '.remendo'), standInProgram);
  if (existsSync(spare)) await run(spare, ['--guard'], world);
  return run(join(root, standInProgram), [], world);
}

/** Starts until a round ends well. @returns the version that then runs. */
async function settle(startsMax = 6): Promise<string | undefined> {
  for (let starts = 0; starts < startsMax; starts++) {
    writeFileSync(join(root, 'story'), '');
    if ((await start()) === 0) return story().findLast(({ event }) => event === 'round')?.by;
  }
  return undefined;
}

interface Told {
  /** Version of the program that says it. */
  readonly by: string;
  readonly event: string;
  readonly code?: string | null;
  readonly message?: string;
  readonly reason?: string;
}

const story = (): readonly Told[] =>
  existsSync(join(root, 'story'))
    ? readFileSync(join(root, 'story'), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Told)
    : [];
const events = (): readonly string[] => story().map(({ by, event }) => `${by} ${event}`);

describe('an agent that finds a newer version of itself', () => {
  it.each([
    ['as real processes', runProcess],
    ['in one process', runHere],
  ])('qualifies it, puts it in place, ends to be started anew, and the new one confirms itself, %s', async (_what, how) => {
    run = how;
    await published.publish('1.1.0', { [standInProgram]: good('1.1.0') });
    expect(await start()).toBe(exitCodes.restart);
    expect(await start()).toBe(0);
    expect(events()).toEqual([
      '1.0.0 round',
      '1.0.0 agent_qualified',
      '1.0.0 agent_replaced',
      '1.1.0 round',
      '1.1.0 agent_confirmed',
    ]);
    await published.publish('1.2.0', { [standInProgram]: good('1.2.0') });
    expect(await settle()).toBe('1.2.0');
  });

  it.each([
    ['crashes at once', shell('exit 3'), 'it ended with exit code 3'],
    ['hangs', shell(`'${process.execPath}' -e 'setInterval(() => {}, 1000)' & wait`), 'it did not end within 1 s'],
    ['prints something else', shell('echo hello'), 'it did not answer as an agent does'],
    ['never stops printing', shell('while :; do echo yes; done'), 'it answered more than an agent does'],
    ['is no program', ['MZ of another world', 0o755] as const, 'it '],
    ['may not be run', [shell('exit 0')[0], 0o644] as const, 'it can not be started: '],
  ])('keeps running when the new one %s, and does not try it again', async (_what, program, reason) => {
    await published.publish('1.1.0', { [standInProgram]: program });
    expect(await start()).toBe(0);
    const [failure] = story().filter(({ event }) => event === 'agent_update_failed');
    expect(failure?.message).toContain(reason);
    writeFileSync(join(root, 'story'), '');
    expect(await start()).toBe(0);
    expect(events()).toEqual(['1.0.0 round']);
  });

  it('keeps running when the release has the program under another name', async () => {
    await published.publish('1.1.0', { 'agent-linux-x64': good('1.1.0') });
    expect(await start()).toBe(0);
    expect(story().find(({ event }) => event === 'agent_update_failed')?.message).toContain(`it has no ${standInProgram}`);
    expect(existsSync(join(root, standInProgram))).toBe(true);
  });

  it('waits for another time when the new one does not reach the server, and then tries it again', async () => {
    const answer = { event: 'qualified', version: '1.1.0', is_server_there: false };
    await published.publish('1.1.0', { [standInProgram]: shell(`echo '${JSON.stringify(answer)}'`) });
    for (let rounds = 0; rounds < 2; rounds++) {
      expect(await start()).toBe(0);
      expect(story().at(-1)).toMatchObject({ event: 'agent_update_failed', code: 'DOWNLOAD_FAILED' });
    }
  });

  it('takes a newer version after one that was not fit', async () => {
    await published.publish('1.1.0', { [standInProgram]: shell('exit 3') });
    expect(await start()).toBe(0);
    await published.publish('1.2.0', { [standInProgram]: good('1.2.0') });
    expect(await settle()).toBe('1.2.0');
  });

  it('is back when the new one qualifies and then crashes in its first rounds', async () => {
    await published.publish('1.1.0', { [standInProgram]: agent({ version: '1.1.0', behaviour: 'crash-in-round' }) });
    expect(await start()).toBe(exitCodes.restart);
    expect([await start(), await start(), await start()]).toEqual([1, 1, 0]);
    const goingBack = ['1.0.0 agent_rolling_back', '1.0.0 agent_rolled_back'];
    expect(events().slice(3)).toEqual(['1.1.0 round', '1.1.0 round', ...goingBack, '1.0.0 round']);
    expect(story().find(({ event }) => event === 'agent_rolled_back')?.reason).toContain('started 2 times');
  });

  it('is back without a spare, too: the new one gives way by itself', async () => {
    await published.publish('1.1.0', { [standInProgram]: agent({ version: '1.1.0', behaviour: 'crash-in-round' }) });
    await start();
    rmSync(sparePath(join(root, '.remendo'), standInProgram));
    expect([await start(), await start(), await start(), await start()]).toEqual([1, 1, exitCodes.restart, 0]);
    expect(events().at(-1)).toBe('1.0.0 round');
  });

  it('is back when the new one is gone or broken after it was put in place', async () => {
    await published.publish('1.1.0', { [standInProgram]: good('1.1.0') });
    await start();
    rmSync(join(root, standInProgram));
    expect([await start(), await start()]).toEqual([null, null]);
    expect(await settle(2)).toBe('1.0.0');
  });

  it('is back when rounds of the new one fail as nobody foresaw', async () => {
    await published.publish('1.1.0', { [standInProgram]: agent({ version: '1.1.0', behaviour: 'fail-in-round' }) });
    const { restart } = exitCodes;
    expect([await start(), await start(), await start(), await start()]).toEqual([restart, restart, restart, 0]);
    expect(events().at(-1)).toBe('1.0.0 round');
  });

  it('has a spare again after the one there was is gone or empty', async () => {
    const spare = sparePath(join(root, '.remendo'), standInProgram);
    expect(await start()).toBe(0);
    rmSync(spare);
    expect(await start()).toBe(0);
    expect(readFileSync(spare, 'utf8')).toBe(good('1.0.0')[0]);
    rmSync(spare);
    writeFileSync(spare, '');
    await runHere(join(root, standInProgram), [], { root, server: serverUrl() });
    expect(readFileSync(spare, 'utf8')).toBe(good('1.0.0')[0]);
  });

  it('stays pending while somebody holds the new one, and is back once it is let go', async () => {
    await published.publish('1.1.0', { [standInProgram]: agent({ version: '1.1.0', behaviour: 'crash-in-round' }) });
    expect([await start(), await start(), await start()]).toEqual([exitCodes.restart, 1, 1]);
    for (let starts = 0; starts < 2; starts++) expect(await start({ isHeld: true })).not.toBe(0);
    expect(await settle(2)).toBe('1.0.0');
  });
});

describe('agents that share a program', () => {
  it('end to be started anew when another of them has put a newer one in place and proved it', async () => {
    await published.publish('1.1.0', { [standInProgram]: good('1.1.0') });
    const world = { root, server: serverUrl(), agent: 'the one that waited' };
    const code = await standInRound({ version: '1.0.0', behaviour: 'good' }, world, {
      async meanwhile() {
        expect([await start(), await start()]).toEqual([exitCodes.restart, 0]);
      },
    });
    expect(code).toBe(exitCodes.restart);
    expect(await settle()).toBe('1.1.0');
  });

  it('each have their own starts before the new one is given up', async () => {
    await published.publish('1.1.0', { [standInProgram]: agent({ version: '1.1.0', behaviour: 'crash-in-round' }) });
    expect(await start()).toBe(exitCodes.restart);
    const both = [{ agent: 'one' }, { agent: 'other' }];
    const codes: (number | null)[] = [];
    for (const trouble of [...both, ...both, ...both]) codes.push(await start(trouble));
    expect(codes).toEqual([1, 1, 1, 1, 0, 0]);
  });
});

/** REMENDO_TEST_KILLS=all: every change of the disk, which takes minutes. */
const isWhole = process.env.REMENDO_TEST_KILLS === 'all';
const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_260_501);

describe('an agent that is being replaced', () => {
  beforeEach(() => published.publish('1.1.0', { [standInProgram]: good('1.1.0') }));

  async function startAnew(trouble: Trouble): Promise<number | null> {
    rmSync(root, { recursive: true });
    cpSync(prepared, root, { recursive: true });
    return start(trouble);
  }

  /** The version that runs while there is no server. */
  async function settleAlone(): Promise<string | undefined> {
    published.isDown = true;
    const version = await settle();
    published.isDown = false;
    return version;
  }

  it('and killed at any change of the disk is there after the next starts, as one version or the other', async () => {
    run = runProcess;
    let changes = 1;
    for (; isWhole && (await startAnew({ killAt: changes })) === null; changes++) {}
    const random = seededRandom(seed);
    const moments = isWhole
      ? Array.from({ length: changes - 1 }, (_, index) => index + 1)
      : [1, 26, 36].map((from) => from + Math.floor(random() * 8));
    const found: Record<string, number> = {};
    for (const killAt of moments) {
      const why = `killed at change ${killAt}, REMENDO_TEST_SEED=${seed}`;
      run = runProcess;
      expect(await startAnew({ killAt }), why).toBeNull();
      run = runHere;
      const version = String(await settleAlone());
      expect(['1.0.0', '1.1.0'], why).toContain(version);
      found[version] = (found[version] ?? 0) + 1;
      expect(await settle(), why).toBe('1.1.0');
    }
    console.log(`killed at ${moments.length} changes of the disk, then found:`, JSON.stringify(found));
  }, 600_000);

  it.each(isWhole ? Array.from({ length: 30 }, (_, index) => 2 * index + 1) : [1, 25])(
    'on a disk that is full from change %i on goes on as it was, and is replaced once there is room',
    async (fullFrom) => {
      const code = await startAnew({ fullFrom });
      expect(await settleAlone()).toBe(code === exitCodes.restart ? '1.1.0' : '1.0.0');
      expect(await settle()).toBe('1.1.0');
    },
  );
});
