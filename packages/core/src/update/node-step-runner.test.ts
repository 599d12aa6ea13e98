import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeClock } from '../node-ports.js';
import type { StepProcess } from '../transaction/journal-record.js';
import { nodeProcessProbe } from '../transaction/node-process-probe.js';
import { nodeHealthProbes } from './node-health-probes.js';
import { nodeApplicationStarter } from './node-host.js';
import { nodeStepRunner } from './node-step-runner.js';
import { type HealthRule, proveStart } from './prove-start.js';

const processes = nodeProcessProbe();
const runner = nodeStepRunner(processes);
const onStarted = () => Promise.resolve();
const node = (code: string, timeLimitMs = 60_000) => ({
  command: process.execPath,
  args: ['-e', code],
  folder,
  timeLimitMs,
});

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-steps-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A program that starts another one, tells its process id in a file, and waits with it for ever. */
const family = (path: string): string =>
  `const { spawn } = require('node:child_process'); const { writeFileSync } = require('node:fs');
   const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
   writeFileSync(${JSON.stringify(path)}, String(child.pid)); setInterval(() => {}, 1000);`;

const isWritten = async (path: string): Promise<boolean> => (await readFile(path, 'utf8').catch(() => '')) !== '';

async function pidIn(path: string): Promise<number> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text !== '') return Number(text);
    await sleep(20);
  }
}

/** What keeps this program from ending, of pipes. */
const openPipes = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap').length;

/** Waited for as long as the test may take. */
async function isGone(pid: number): Promise<true> {
  for (;;) {
    try {
      process.kill(pid, 0);
      // A zombie that nobody waits for is gone as well.
      if (process.platform === 'linux' && / Z /.test(await readFile(`/proc/${pid}/stat`, 'latin1'))) return true;
    } catch {
      return true;
    }
    await sleep(20);
  }
}

/**
 * A port that only who is told of it takes: the system gives those of its own choice to whoever asks, here from 32768 on, so
 * that one which was free a moment ago is somebody else's by now.
 */
async function quietPort(): Promise<number> {
  for (let port = 10_000 + (process.pid % 20_000); ; port++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}

describe('a step', () => {
  it('succeeds with exit code 0, and what it wrote is told', async () => {
    const end = await runner.run(node(`console.log('one'); console.error('two')`), { onStarted });
    expect(end).toMatchObject({ failure: null });
    expect(end.output).toContain('one');
    expect(end.output).toContain('two');
  });

  it('fails with another exit code, a signal, or when there is no such program', async () => {
    expect(await runner.run(node('process.exit(3)'), { onStarted })).toMatchObject({ failure: 'it ended with exit code 3' });
    const killed = await runner.run(node(`process.kill(process.pid, 'SIGKILL')`), { onStarted });
    expect(killed.failure).toContain('SIGKILL');
    const absent = await runner.run({ ...node(''), command: 'no-such-program-anywhere' }, { onStarted });
    expect(absent.failure).toContain('could not be started');
  });

  it('that takes too long is ended, with what it started', async () => {
    const path = join(folder, 'too-long');
    // More time, until it came to start something before it was over.
    for (let limitMs = 1_500; ; limitMs *= 3) {
      const end = await runner.run(node(family(path), limitMs), { onStarted });
      expect(end.failure).toBe(`it took longer than ${limitMs} ms`);
      if (await isWritten(path)) break;
    }
    expect(await isGone(await pidIn(path))).toBe(true);
  });

  it('is ended when the caller gives up', async () => {
    const path = join(folder, 'given-up');
    const abort = new AbortController();
    const running = runner.run(node(family(path)), { onStarted, signal: abort.signal });
    const pid = await pidIn(path);
    abort.abort();
    expect((await running).failure).toBe('it was stopped');
    expect(await isGone(pid)).toBe(true);
  });

  it('that outlived its updater is found and ended; another program with its id is not', async () => {
    const path = join(folder, 'orphan');
    let tell: (one: StepProcess) => void = () => {};
    const told = new Promise<StepProcess>((resolve) => {
      tell = resolve;
    });
    const running = runner.run(node(family(path)), { onStarted: async (one) => tell(one) });
    const [child, started] = await Promise.all([pidIn(path), told]);
    const { pid } = started;
    await runner.end({ pid, startedAt: 'linux:another boot:1' });
    // Where the system does not tell when a process began, somebody else may have its id by now.
    if (process.platform === 'linux') await runner.end({ pid, startedAt: `ms:${Date.now()}` });
    expect(await processes.isAlive(pid, started.startedAt)).toBe(true);
    await runner.end(started);
    expect(await isGone(child)).toBe(true);
    expect((await running).failure).toContain('it was ended by');
  });

  it('that leaves a program running with its output open keeps neither the next step nor the updater waiting', async () => {
    const stays = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'inherit', detached: true });
      child.unref(); console.log(child.pid);`;
    const before = openPipes();
    const end = await runner.run(node(stays), { onStarted });
    expect(end.failure).toBeNull();
    expect(openPipes()).toBe(before);
    process.kill(Number(end.output));
  });

  it('is told as it was written, wherever its output is cut', async () => {
    const cut = `const bytes = Buffer.from('São João'); process.stdout.write(bytes.subarray(0, 2));
      setTimeout(() => process.stdout.write(bytes.subarray(2)), 100);`;
    expect((await runner.run(node(cut), { onStarted })).output).toBe('São João');
  });

  it('gets none of the secrets of the updater', async () => {
    process.env.REMENDO_API_SECRET = 'of the updater';
    const end = await runner.run(node('console.log(JSON.stringify(process.env))'), { onStarted });
    delete process.env.REMENDO_API_SECRET;
    expect(end.output).not.toContain('of the updater');
  });
});

describe('the health of an application', () => {
  const prove = (code: string, rule: HealthRule, clock = nodeClock()) =>
    proveStart({ starter: nodeApplicationStarter(), clock, probes: nodeHealthProbes(runner) }, node(code), rule);
  const stays = 'setInterval(() => {}, 1000);';
  const end = async (proof: Awaited<ReturnType<typeof prove>>) => {
    if (proof.kind !== 'healthy') throw new Error(proof.reason);
    proof.running.stop();
    return (await proof.running.exited).signal;
  };

  it('is proved by a port that it listens on', async () => {
    const port = await quietPort();
    const code = `setTimeout(() => require('node:net').createServer().listen(${port}, '127.0.0.1'), 200); ${stays}`;
    expect(await end(await prove(code, { stillRunningAfterMs: 0, port, withinMs: 30_000 }))).toBe('SIGTERM');
  });

  it('is proved by a file that it writes after its start, not by an old one', async () => {
    const file = join(folder, 'ready');
    await writeFile(file, 'of yesterday');
    const late = await prove(stays, { stillRunningAfterMs: 0, file: 'ready', withinMs: 600 });
    expect(late).toMatchObject({ kind: 'failed', reason: 'ready was not written within 600 ms', exit: { signal: 'SIGTERM' } });
    const code = `require('node:fs').writeFileSync('ready', 'of today, and longer'); ${stays}`;
    await end(await prove(code, { stillRunningAfterMs: 0, file, withinMs: 30_000 }));
  });

  it('has its time also when the clock is set meanwhile', async () => {
    let nowMs = 0;
    const set = { ...nodeClock(), now: () => (nowMs += 3_600_000) };
    const code = `setTimeout(() => require('node:fs').writeFileSync('soon', ''), 400); ${stays}`;
    expect(await end(await prove(code, { stillRunningAfterMs: 0, file: 'soon', withinMs: 60_000 }, set))).toBe('SIGTERM');
  });

  it('is proved by a command, asked until it agrees; one that ends meanwhile has failed', async () => {
    const asked = join(folder, 'asked');
    const agrees = `const fs = require('node:fs'); fs.appendFileSync(${JSON.stringify(asked)}, 'x'); process.exit(fs.statSync(${JSON.stringify(asked)}).size > 1 ? 0 : 1)`;
    await end(await prove(stays, { stillRunningAfterMs: 0, command: node(agrees), withinMs: 30_000 }));
    const ended = await prove(`setTimeout(() => process.exit(7), 300)`, {
      stillRunningAfterMs: 0,
      command: node('process.exit(1)'),
      withinMs: 30_000,
    });
    expect(ended).toMatchObject({ kind: 'failed', exit: { code: 7 } });
  });
});
