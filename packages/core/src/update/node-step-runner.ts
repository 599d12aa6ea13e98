/**
 * Steps as children of this process, each with a group of its own on POSIX, so that what it starts can be ended with it. They
 * get the environment of tools, no standard input, and nothing of the updater's handles.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { escapeUnprintable } from '../bytes/escape-unprintable.js';
import { limits } from '../limits.js';
import type { StepCommand } from '../transaction/journal-record.js';
import type { NodeProcessProbe } from '../transaction/node-process-probe.js';
import type { StepEnd, StepRunner, StepRunOptions } from '../transaction/step-runner.js';
import { toolEnvironment } from './child-environment.js';
import { endTree } from './node-end-tree.js';
import { programOf } from './node-start-program.js';

/** Between asking a program to end and making it. */
const graceMs = 5_000;
const outputWaitMs = 500;

export const nodeStepRunner = (processes: NodeProcessProbe): StepRunner => ({
  async run(command, options) {
    const beganMs = performance.now();
    const end = await runStep(command, options, processes);
    return { ...end, durationMs: Math.round(performance.now() - beganMs) };
  },
  async end({ pid, startedAt }) {
    if (!(await processes.isSurelyAlive(pid, startedAt))) return;
    await endTree(pid, 'SIGTERM');
    for (let waitedMs = 0; waitedMs < graceMs && (await processes.isAlive(pid, startedAt)); waitedMs += 100)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await endTree(pid, 'SIGKILL');
  },
});

async function runStep(
  command: StepCommand,
  options: StepRunOptions,
  processes: NodeProcessProbe,
): Promise<Omit<StepEnd, 'durationMs'>> {
  let child: ChildProcess;
  try {
    child = startStep(command);
  } catch (error) {
    return { failure: `${command.command} could not be started: ${(error as Error).message}`, output: '' };
  }
  const output = tailOf(child);
  const ended = endOf(child);
  const why = watch(child, {
    timeLimitMs: command.timeLimitMs,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  try {
    if (child.pid !== undefined)
      await options.onStarted({ pid: child.pid, startedAt: await processes.startedAt(child.pid) }).catch(async (error) => {
        await endTree(child.pid ?? 0, 'SIGKILL');
        throw error;
      });
    const failure = await ended;
    return { failure: failure === null ? null : (why.stopped() ?? failure), output: output() };
  } finally {
    why.release();
  }
}

/** @throws Error when there is no such program, or it can not be run. */
function startStep(command: StepCommand): ChildProcess {
  const { env, platform } = process;
  return spawn(programOf(command), command.args, {
    cwd: command.folder,
    env: toolEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: false,
    windowsHide: true,
    detached: platform !== 'win32',
  });
}

function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      const failure = code === 0 ? null : signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
      // The rest of its output comes with `close`; but what it left running may keep that open for ever, and this program too.
      const patience = setTimeout(() => {
        for (const stream of [child.stdout, child.stderr]) (stream as Socket | null)?.unref();
        resolve(failure);
      }, outputWaitMs);
      child.once('close', () => {
        clearTimeout(patience);
        resolve(failure);
      });
    });
  });
}

/** The end of what it writes on both streams. */
function tailOf(child: ChildProcess): () => string {
  let text = '';
  const take = (chunk: string): void => {
    text = (text + chunk).slice(-limits.stepOutputCharactersMax);
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', take);
  return () => escapeUnprintable(text.trim());
}

interface Watch {
  /** Why it was ended from here; null: it was not. */
  stopped(): string | null;
  release(): void;
}

function watch(
  child: ChildProcess,
  { timeLimitMs, signal }: { readonly timeLimitMs: number; readonly signal?: AbortSignal },
): Watch {
  let why: string | null = null;
  let forced: NodeJS.Timeout | undefined;
  const stop = (reason: string): void => {
    if (why !== null || child.pid === undefined) return;
    const { pid } = child;
    why = reason;
    void endTree(pid, 'SIGTERM');
    forced = setTimeout(() => void endTree(pid, 'SIGKILL'), graceMs);
  };
  const timer = setTimeout(() => stop(`it took longer than ${timeLimitMs} ms`), timeLimitMs);
  const onAbort = (): void => stop('it was stopped');
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  return {
    stopped: () => why,
    release() {
      clearTimeout(timer);
      clearTimeout(forced);
      // What it started may not have listened.
      if (why !== null && child.pid !== undefined) void endTree(child.pid, 'SIGKILL');
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
