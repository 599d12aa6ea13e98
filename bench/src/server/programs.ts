/** Programs that are measured, each a process of its own that says on its standard output where it listens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const serverMain = fileURLToPath(new URL('../../../packages/server/dist/main.js', import.meta.url));
export const cliMain = fileURLToPath(new URL('../../../packages/cli/dist/packed/remendo.js', import.meta.url));

/** A program beside this one. */
export const besides = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface ListeningProgram {
  readonly url: string;
  readonly pid: number;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/** Thousands of connections need as many open files; where the system allows no more, it stays as it is. */
const withManyFiles = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"';

export function spawnNode(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdio: ('ignore' | 'pipe' | 'inherit')[],
): ChildProcess {
  return spawn('sh', ['-c', withManyFiles, 'sh', process.execPath, ...args], { env: { ...process.env, ...env }, stdio });
}

/** @throws Error when it ends before it listens; what it complained of is on the error output. */
export async function listen(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ListeningProgram> {
  const child = spawnNode(args, env, ['ignore', 'pipe', 'inherit']);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await Promise.race([
    urlOf(child),
    exited.then(() => Promise.reject(new Error(`${args[0]} ended before it listened`))),
  ]);
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function urlOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError('its output is a pipe');
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event?: string; url?: string };
    if (event.event === 'listening' && event.url !== undefined) return event.url;
  }
  throw new Error('it did not say where it listens');
}

/** Runs a program to its end. @returns what it printed as one JSON document. @throws Error when it printed none. */
export async function runJson<Value>(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly value: Value }> {
  const child = spawnNode(args, env, ['ignore', 'pipe', 'inherit']);
  let stdout = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  try {
    return { code, value: JSON.parse(stdout) as Value };
  } catch (cause) {
    throw new Error(`${args[0]} ended with ${code} and no result`, { cause });
  }
}

/** Resident memory of a process in bytes; Linux only. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

/** User and system time of all threads of a process until now, in milliseconds; Linux only, to 10 ms. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Its name, the second field, may hold anything; what follows does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
