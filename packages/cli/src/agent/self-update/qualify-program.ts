/**
 * The trial run of a new agent before it is put in place: `remendo agent --qualify` reads the configuration and the install,
 * changes nothing, and says so in one line of JSON. What does not start here would not start there.
 */
import { spawn } from 'node:child_process';
import { endChild, UpdaterError } from '@remendo/core';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const qualifiedSchema = Type.Object({
  event: Type.Literal('qualified'),
  version: Type.String({ maxLength: 64 }),
  is_server_there: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
});
const validator = Compile(qualifiedSchema);

/** What a fit program prints; more fields are ignored. */
type Qualified = Static<typeof qualifiedSchema>;

export interface QualifyRun {
  /** Absolute path of the executable. */
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly msMax: number;
  readonly signal?: AbortSignal;
}

const hasGroups = process.platform !== 'win32';
const answerCharactersMax = 64 * 1024;
/** For what is still in the pipe when it has ended; a child of its own that keeps the pipe is not waited for. */
const pipeMsMax = 2_000;
/** What a machine says that is short of something, or of a file that a virus scanner has open: nothing about the program. */
const passing = ['EAGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETXTBSY'];

/**
 * Runs it as a process of its own, which is ended when it takes too long.
 * @returns what makes it unfit, as a clause, or null.
 * @throws the signal's reason; UpdaterError START_FAILED when the machine could not start any program now, DOWNLOAD_FAILED when it
 * does not reach the server: a version that never does would be the last one here.
 */
export async function qualifyProgram(run: QualifyRun): Promise<string | null> {
  run.signal?.throwIfAborted();
  const { code, signal, stdout, failure, error } = await runToEnd(run);
  run.signal?.throwIfAborted();
  if (passing.includes(error?.code ?? ''))
    throw new UpdaterError('START_FAILED', 'the new version can not be tried now', { cause: error });
  if (failure !== null) return failure;
  if (signal !== null) return `it was ended by ${signal}`;
  if (code !== 0) return `it ended with exit code ${code}`;
  const answer = readAnswer(stdout);
  if (answer === null) return 'it did not answer as an agent does';
  if (answer.is_server_there === false)
    throw new UpdaterError('DOWNLOAD_FAILED', 'the new version of the agent does not reach the server');
  return null;
}

/** Whether the program at this path says that it reaches the server; false also where it can not say. Never rejects. */
export async function reachesServer(run: QualifyRun): Promise<boolean> {
  const { code, stdout } = await runToEnd(run);
  return code === 0 && readAnswer(stdout)?.is_server_there === true;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Why there is no end of its own. */
  readonly failure: string | null;
  /** Why it was not started. */
  readonly error: NodeJS.ErrnoException | null;
}

function runToEnd(run: QualifyRun): Promise<Ended> {
  return new Promise((resolve) => {
    const notStarted = (error: NodeJS.ErrnoException): void =>
      resolve({ code: null, signal: null, stdout: '', failure: `it can not be started: ${error.message}`, error });
    try {
      const child = start(run);
      child.once('error', notStarted);
      watch(child, run, resolve);
    } catch (error) {
      // Some of what a system answers is thrown.
      notStarted(error as NodeJS.ErrnoException);
    }
  });
}

/** It is this program in another version, and reads the same configuration: it gets the same environment. */
const start = ({ program, args, folder }: QualifyRun) =>
  spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: false,
    windowsHide: true,
    // Where there are groups of processes, it ends together with whatever it has started.
    detached: hasGroups,
  });

function watch(child: ReturnType<typeof start>, { msMax, signal }: QualifyRun, onEnd: (ended: Ended) => void): void {
  let stdout = '';
  let failure: string | null = null;
  const end = (why: string): void => {
    failure ??= why;
    endChild(child, 'SIGKILL');
  };
  const timer = setTimeout(() => end(`it did not end within ${msMax / 1_000} s`), msMax);
  const onAbort = (): void => end('it was broken off');
  signal?.addEventListener('abort', onAbort, { once: true });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (stdout.length > answerCharactersMax) end('it answered more than an agent does');
  });
  const settle = (code: number | null, by: NodeJS.Signals | null): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    child.stdout.destroy();
    onEnd({ code, signal: by, stdout, failure, error: null });
  };
  child.once('error', () => settle(null, null));
  child.once('close', settle);
  child.once('exit', (code, by) => setTimeout(settle, pipeMsMax, code, by).unref());
}

function readAnswer(stdout: string): Qualified | null {
  try {
    const value: unknown = JSON.parse(stdout);
    return validator.Check(value) ? value : null;
  } catch {
    return null;
  }
}
