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
  awayFile,
  crashesFile,
  provedStartsMax,
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
    const answered = async (): Promise<Response> => {
      const body = Buffer.concat(await request.toArray());
      return published.fetch(`${published.url}${url}`, { method, headers: given, ...(body.length === 0 ? {} : { body }) });
    };
    answered().then(
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
  readonly waitMs?: number;
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
  ])('keeps running when the new one %s, and does not try it again', async (what, program, reason) => {
    await published.publish('1.1.0', { [standInProgram]: program });
    expect(await start(what === 'hangs' ? { trialMsMax: 1_000 } : {})).toBe(0);
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

const starts = async (count: number, trouble: Trouble = {}): Promise<readonly (number | null)[]> => {
  const codes: (number | null)[] = [];
  while (codes.length < count) codes.push(await start(trouble));
  return codes;
};
const crashed = (count: number): readonly number[] => new Array<number>(count).fill(1);

/** 1.1.0 is in place and has proved itself. */
async function prove(): Promise<void> {
  await published.publish('1.1.0', { [standInProgram]: good('1.1.0') });
  expect(await starts(2)).toEqual([exitCodes.restart, 0]);
  writeFileSync(join(root, 'story'), '');
}

const installedProgram = (): string => readFileSync(join(root, standInProgram), 'utf8');

describe('an agent that has proved itself, and then ends at every start', () => {
  it('gives way to the one before, which goes on, tells of it, and does not try that version again', async () => {
    await prove();
    writeFileSync(join(root, crashesFile), '1.1.0');
    expect(await starts(provedStartsMax + 2)).toEqual([...crashed(provedStartsMax), 0, 0]);
    const reason = `it was started ${provedStartsMax} times without a round that came to its end`;
    expect(story().filter(({ event }) => event !== 'round')).toEqual([
      { by: '1.0.0', event: 'agent_rolling_back', version: '1.1.0', reason },
      { by: '1.0.0', event: 'agent_rolled_back', state: 'rolled_back', version: '1.1.0', reason },
    ]);
    await published.publish('1.2.0', { [standInProgram]: good('1.2.0') });
    expect(await settle()).toBe('1.2.0');
  });

  it('gives way without a spare, too, as far as it begins at all', async () => {
    await prove();
    writeFileSync(join(root, crashesFile), '1.1.0');
    rmSync(sparePath(join(root, '.remendo'), standInProgram));
    expect(await starts(provedStartsMax + 2)).toEqual([...crashed(provedStartsMax), exitCodes.restart, 0]);
  });

  it('gives way to the spare where an update that came to nothing took the way back along', async () => {
    await prove();
    await published.publish('1.2.0', { [standInProgram]: shell('exit 3') });
    expect(await start()).toBe(0);
    writeFileSync(join(root, crashesFile), '1.1.0');
    expect(await starts(provedStartsMax + 1)).toEqual([...crashed(provedStartsMax), 0]);
    expect(installedProgram()).toBe(good('1.0.0')[0]);
    expect(events().slice(-4)).toEqual(['1.0.0 agent_rolling_back', '1.0.0 agent_rolled_back', '1.0.0 reported', '1.0.0 round']);
    await published.publish('1.3.0', { [standInProgram]: good('1.3.0') });
    expect(await settle()).toBe('1.3.0');
  });

  it('is put off longer and longer where there is no other, and is never taken away', async () => {
    writeFileSync(join(root, crashesFile), '1.0.0');
    expect(await starts(provedStartsMax + 9)).toEqual(crashed(provedStartsMax + 9));
    const minutes = story().flatMap(({ event, waitMs }) => (event === 'agent_start_put_off' ? [Number(waitMs) / 60_000] : []));
    expect(minutes).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60]);
    expect(installedProgram()).toBe(good('1.0.0')[0]);
    rmSync(join(root, crashesFile));
    expect(await settle(1)).toBe('1.0.0');
    writeFileSync(join(root, 'story'), '');
    expect(await start()).toBe(0);
    expect(events()).toEqual(['1.0.0 round']);
  });

  it('is put off, and goes nowhere, when the one before ends as well', async () => {
    await prove();
    writeFileSync(join(root, crashesFile), '1.1.0 1.0.0');
    expect(await starts(2 * provedStartsMax + 2)).toEqual(crashed(2 * provedStartsMax + 2));
    expect(story().filter(({ event }) => event === 'agent_rolled_back')).toHaveLength(1);
    expect(events().slice(-2)).toEqual(['1.0.0 agent_start_put_off', '1.0.0 round']);
  });

  it('stays when a round in between comes to its end, or when somebody ends it', async () => {
    await prove();
    for (let times = 0; times < 2; times++) {
      writeFileSync(join(root, crashesFile), '1.1.0');
      expect(await starts(provedStartsMax - 1)).toEqual(crashed(provedStartsMax - 1));
      rmSync(join(root, crashesFile));
      writeFileSync(join(root, awayFile), '');
      expect(await start()).toBe(0);
    }
    const stopped = await starts(provedStartsMax + 2, { isStopped: true });
    expect(new Set(stopped)).toEqual(new Set([exitCodes.terminated]));
    expect(installedProgram()).toBe(good('1.1.0')[0]);
  });
});

describe('an agent on trial', () => {
  it('is not judged by rounds without a server, nor by being ended, and proves itself when the server is back', async () => {
    await published.publish('1.1.0', { [standInProgram]: good('1.1.0') });
    expect(await start()).toBe(exitCodes.restart);
    writeFileSync(join(root, awayFile), '');
    expect(await starts(6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await starts(4, { isStopped: true })).toHaveLength(4);
    rmSync(join(root, awayFile));
    expect(await start()).toBe(0);
    expect(events().at(-1)).toBe('1.1.0 agent_confirmed');
  });

  it('goes when it never reaches the server which the one before reaches', async () => {
    await published.publish('1.1.0', { [standInProgram]: agent({ version: '1.1.0', behaviour: 'deaf' }) });
    const { restart } = exitCodes;
    expect(await starts(4)).toEqual([restart, restart, restart, 0]);
    expect(story().find(({ event }) => event === 'agent_round_failed')?.message).toContain('the version before reaches the server');
    expect(events().at(-1)).toBe('1.0.0 round');
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

describe('an agent that gives way, and is killed at it', () => {
  it.each([
    ['by a rollback', async () => {}],
    [
      'to the spare',
      async () => {
        await published.publish('1.2.0', { [standInProgram]: shell('exit 3') });
        expect(await start()).toBe(0);
      },
    ],
  ])('%s, has given way after the next starts', async (_how, prepareLast) => {
    await prove();
    await prepareLast();
    writeFileSync(join(root, crashesFile), '1.1.0');
    await starts(provedStartsMax);
    const before = `${root}-before`;
    cpSync(root, before, { recursive: true });
    const random = seededRandom(seed);
    const moments = isWhole ? Array.from({ length: 60 }, (_, index) => index + 1) : [1 + Math.floor(random() * 8)];
    for (const killAt of moments) {
      const why = `killed at change ${killAt}, REMENDO_TEST_SEED=${seed}`;
      rmSync(root, { recursive: true });
      cpSync(before, root, { recursive: true });
      const spare = sparePath(join(root, '.remendo'), standInProgram);
      await runProcess(spare, ['--guard'], { root, server: serverUrl(), killAt });
      expect(await settle(), why).toBe('1.0.0');
      expect(installedProgram(), why).toBe(good('1.0.0')[0]);
    }
  });
});

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
