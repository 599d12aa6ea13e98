/**
 * A program of the operator's that says whether a backup is good: exit code 0 is yes. It is started itself, without a shell
 * between, with what a tool needs of the environment, and is ended with everything it started when its time is up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { endChild, toolEnvironment } from '@remendo/core';
import { printable } from '../output/printable.js';

export interface CommandEnd {
  /** Null: it did not end by itself, or was not started. */
  readonly code: number | null;
  /** Why it did not. */
  readonly failure: 'not_started' | 'late' | 'killed' | null;
  /** The last line it wrote, or the system's words. */
  readonly said: string;
}

export interface CommandLimits {
  readonly msMax: number;
  readonly signal: AbortSignal;
  readonly environment: NodeJS.ProcessEnv;
}

const saidCharactersMax = 300;

/**
 * Never rejects but with the signal's reason. When it is settled nothing of the program runs any more; on Windows, of one that
 * ended by itself, what it left behind does.
 * @param argv the program by its absolute path, and its arguments.
 */
export async function runVerifyCommand(
  argv: readonly string[],
  { msMax, signal, environment }: CommandLimits,
): Promise<CommandEnd> {
  signal.throwIfAborted();
  const [program = '', ...args] = argv;
  const isWindows = process.platform === 'win32';
  // A group of its own on POSIX, so that all of it can be ended at once.
  const child = spawnOrFail(program, args, { env: toolEnvironment(environment), detached: !isWindows });
  if (child instanceof Error) return { code: null, failure: 'not_started', said: child.message };
  const tail = lastLineOf(child);
  let failure: 'late' | null = null;
  const onAbort = (): void => endChild(child, 'SIGKILL');
  const timer = setTimeout(() => {
    failure = 'late';
    endChild(child, 'SIGKILL');
  }, msMax);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const end = await endOf(child);
    // What it left behind in its group would keep the output open.
    if (!isWindows) endChild(child, 'SIGKILL');
    await allSaid(child);
    signal.throwIfAborted();
    if (end instanceof Error) return { code: null, failure: 'not_started', said: end.message };
    return { code: failure === null ? end : null, failure: failure ?? (end === null ? 'killed' : null), said: tail() };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function spawnOrFail(
  program: string,
  args: readonly string[],
  options: { readonly env: Record<string, string>; readonly detached: boolean },
): ChildProcess | Error {
  try {
    return spawn(program, [...args], { ...options, shell: false, windowsHide: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return error as Error;
  }
}

const endOf = (child: ChildProcess): Promise<number | null | Error> =>
  new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code) => resolve(code));
  });

const outputWaitMs = 500;

/** The rest of its output comes with `close`, unless something else holds that open. */
const allSaid = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    const patience = setTimeout(resolve, child.stdout?.closed === true ? 0 : outputWaitMs);
    child.once('close', () => {
      clearTimeout(patience);
      resolve();
    });
  });

function lastLineOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      text = (text + piece).slice(-4 * saidCharactersMax);
    });
  return () =>
    printable(
      (
        text
          .trimEnd()
          .split(/\r\n|\r|\n/)
          .at(-1) ?? ''
      )
        .trim()
        .slice(-saidCharactersMax),
    );
}
