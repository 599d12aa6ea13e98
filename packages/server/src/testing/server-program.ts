/** The built server as a process of its own. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { recordOutput, recordSecrets, secretsIn } from './test-record.js';
import { testToken, unlimited } from './test-server.js';

const mainFile = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** Half of a start is else making fast code of a database that answers a few questions. */
const nodeArgs = ['--liftoff-only'];
const running = new Set<ChildProcess>();
/** The one line that tells a secret, on purpose. */
const toldToken = /^The operator's token, shown this once: .*$/m;

export interface ServerProgram {
  readonly url: string;
  readonly pid: number;
  readonly stdout: readonly string[];
  readonly stderr: () => string;
  /** @returns its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Sends a signal that does not end it. */
  tell(signal: NodeJS.Signals): void;
}

export function spawnProgram(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [...nodeArgs, mainFile, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  recordSecrets(secretsIn(env));
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => recordOutput('server-program', chunk.toString().replace(toldToken, '')));
  child.once('close', () => running.delete(child));
  return child;
}

/** @param token null: none is set. */
export function spawnServer(folder: string, token: string | null, more: readonly string[] = []) {
  const { REMENDO_TOKEN: _unused, ...env } = process.env;
  const args = ['--data', folder, '--port', '0', '--new-application-access', 'public', ...unlimited, ...more];
  const child = spawnProgram(args, token === null ? env : { ...env, REMENDO_TOKEN: token });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return { child, stderr: () => stderr };
}

/** Resolves when it listens. */
export async function startProgram(
  folder: string,
  token: string | null = testToken,
  more: readonly string[] = [],
): Promise<ServerProgram> {
  const { child, stderr } = spawnServer(folder, token, more);
  const stdout: string[] = [];
  const ended = once(child, 'close');
  const listening = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      stdout.push(line);
      resolve((JSON.parse(line) as { url: string }).url);
    });
    ended.then(() => reject(new Error(`the server did not start: ${stderr()}`)));
  });
  return {
    url: await listening,
    pid: child.pid ?? 0,
    stdout,
    stderr,
    tell: (signal) => void child.kill(signal),
    async end(signal) {
      child.kill(signal);
      return (await ended)[0] as number | null;
    },
  };
}

/** Whatever a test that failed left. Resolves when it is gone, and writes nowhere any more. */
export async function killPrograms(): Promise<void> {
  const ends = [...running].map((child) => once(child, 'close'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
}
