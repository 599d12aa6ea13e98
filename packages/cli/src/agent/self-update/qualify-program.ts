/**
 * The trial run of a new agent before it is put in place: `remendo agent --qualify` reads the configuration and the install,
 * changes nothing, and says so in one line of JSON. What does not start here would not start there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const qualifiedSchema = Type.Object({
  event: Type.Literal('qualified'),
  version: Type.String({ maxLength: 64 }),
});
const validator = Compile(qualifiedSchema);

/** What a fit program prints; more fields are ignored. */
export type Qualified = Static<typeof qualifiedSchema>;

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

/**
 * Runs it as a process of its own, which is ended when it takes too long.
 * @returns what makes it unfit, as a clause, or null. Never rejects but with the signal's reason.
 */
export async function qualifyProgram(run: QualifyRun): Promise<string | null> {
  const { code, signal, stdout, failure } = await runToEnd(run);
  run.signal?.throwIfAborted();
  if (failure !== null) return failure;
  if (signal !== null) return `it was ended by ${signal}`;
  if (code !== 0) return `it ended with exit code ${code}`;
  return isQualified(stdout) ? null : 'it did not answer as an agent does';
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Why there is no end of its own. */
  readonly failure: string | null;
}

function runToEnd({ program, args, folder, msMax, signal }: QualifyRun): Promise<Ended> {
  return new Promise((resolve) => {
    // It is this program in another version, and reads the same configuration: it gets the same environment.
    const child = spawn(program, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: false,
      windowsHide: true,
      // Where there are groups of processes, it ends together with whatever it has started.
      detached: hasGroups,
    });
    let stdout = '';
    let failure: string | null = null;
    const end = (why: string): void => {
      failure ??= why;
      killWithChildren(child);
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
      resolve({ code, signal: by, stdout, failure });
    };
    child.once('error', (error) => {
      failure ??= `it can not be started: ${error.message}`;
      settle(null, null);
    });
    // Not `close`: a child of its own that keeps the pipe must not keep this process.
    child.once('exit', (code, by) => setImmediate(settle, code, by));
  });
}

function killWithChildren(child: ChildProcess): void {
  try {
    if (hasGroups && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has ended.
  }
}

function isQualified(stdout: string): boolean {
  try {
    return validator.Check(JSON.parse(stdout));
  } catch {
    return false;
  }
}
