/**
 * Looks at backups in a process of their own, one for each look. What hangs at a share that has gone holds a thread until the share
 * is back: four of them stop everything that a process does with files, and keep it from ending. Such a process is ended by force,
 * and where even that has to wait for the share it is left alone, and its job is not looked at by another one meanwhile.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { type Clock, nodeClock, nodeRandom, toolEnvironment } from '@remendo/core';
import { ownProgram } from '../own-program.js';
import { failedLook } from './check-job.js';
import { finding } from './finding.js';
import { lookArgument } from './look-argument.js';
import { type Answer, type Question, sentJob } from './look-process.js';
import type { Looker } from './looker.js';
import type { BackupJob } from './parse-backups.js';

export interface LookApartOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** Default: this one, started again. */
  readonly program?: { readonly command: string; readonly args: readonly string[] };
  /** How long an end by force is waited for; default two seconds. */
  readonly endMsMax?: number;
  /** Default: Node's. */
  readonly spawn?: typeof spawnProcess;
}

const endMsMaxDefault = 2_000;
/** The process gives up by itself; this is for one that can not even do that. */
const spareMs = 60_000;

export function lookerApart(options: LookApartOptions): Looker {
  const { clock = nodeClock() } = options;
  /** By what they looked at. */
  const hanging = new Map<string, ChildProcess>();
  const hangs = (what: string): boolean => {
    const child = hanging.get(what);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  };
  const ask = async <K extends Question['kind']>(
    what: string,
    question: Extract<Question, { kind: K }>,
    limits: Limits,
  ): Promise<Extract<Answer, { kind: K }> | null> => {
    limits.signal.throwIfAborted();
    const child = start(options);
    try {
      return (await answerOf(child, question, { ...limits, clock })) as Extract<Answer, { kind: K }> | null;
    } finally {
      if (!(await hasEnded(child, options.endMsMax ?? endMsMaxDefault))) hanging.set(what, child);
    }
  };
  return {
    async check(job, record, { again, signal, silentMsMax }) {
      const silent = () => {
        const findings = finding('folder_silent', { folder: job.folder, seconds: silentMsMax / 1_000 });
        return failedLook(record, { random: nodeRandom() }, clock.now(), findings);
      };
      if (hangs(job.name)) return silent();
      const question = { kind: 'check', job: sentJob(job), record, again, silentMsMax } as const;
      const answer = await ask(job.name, question, { signal, msMax: msMaxOf(job, silentMsMax) });
      return answer?.checked ?? silent();
    },
    async isThere(folder, file, signal) {
      if (hangs(folder)) return false;
      const answer = await ask(folder, { kind: 'there', folder, file }, { signal, msMax: Number.POSITIVE_INFINITY });
      return answer?.isThere ?? false;
    },
  };
}

const msMaxOf = ({ lookSecondsMax, commandSecondsMax }: BackupJob, silentMsMax: number): number =>
  (lookSecondsMax + commandSecondsMax) * 1_000 + silentMsMax + spareMs;

const spawnProcess = (command: string, args: readonly string[], options: SpawnOptions): ChildProcess =>
  spawn(command, args, options);

function start({ environment, program = ownProgram(), spawn: begin = spawnProcess }: LookApartOptions): ChildProcess {
  return begin(program.command, [...program.args, lookArgument], {
    env: toolEnvironment(environment),
    shell: false,
    windowsHide: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

interface Limits {
  readonly signal: AbortSignal;
  readonly msMax: number;
}

/** Null: none came in time. @throws the signal's reason, Error when it ended without one. */
async function answerOf(
  child: ChildProcess,
  question: Question,
  { signal, msMax, clock }: Limits & { readonly clock: Clock },
): Promise<Answer | null> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const answered = new Promise<Answer>((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Answer));
    child.on('error', reject);
    child.once('exit', (code, by) => reject(new Error(`the look at a backup ended with ${by ?? code} and said nothing`)));
    both.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  answered.catch(() => undefined);
  child.send(question, () => undefined);
  const late = Number.isFinite(msMax) ? clock.sleep(msMax, both).then(() => null) : answered;
  late.catch(() => undefined);
  try {
    const answer = await Promise.race([answered, late]);
    if (answer?.kind === 'failed') throw new Error(answer.message);
    return answer;
  } finally {
    over.abort();
  }
}

/** Asks it to end what it started, then ends it. @returns false when it is still there: its channel and its end are not waited for. */
async function hasEnded(child: ChildProcess, msMax: number): Promise<boolean> {
  const isOver = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  if (isOver()) return true;
  const ended = new Promise<void>((resolve) => void child.once('exit', resolve));
  if (child.connected) child.disconnect();
  for (const ask of [() => undefined, () => void child.kill('SIGKILL')]) {
    ask();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, msMax)))]);
    clearTimeout(timer);
    if (isOver()) return true;
  }
  child.unref();
  return false;
}
