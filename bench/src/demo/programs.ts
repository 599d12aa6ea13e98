/** The two programs, started as their users start them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const serverMain = fileURLToPath(new URL('../../../packages/server/dist/main.js', import.meta.url));
const cliMain = fileURLToPath(new URL('../../../packages/cli/dist/packed/remendo.js', import.meta.url));

export interface RunningServer {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** A server on loopback with its data in `folder`; resolves once it listens. */
export async function startServer(folder: string, token: string, args: readonly string[] = []): Promise<RunningServer> {
  const child = spawn(process.execPath, [serverMain, '--data', folder, '--port', '0', '--host', '127.0.0.1', ...args], {
    env: { ...process.env, REMENDO_TOKEN: token },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const complaints: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => {
    complaints.push(chunk.toString());
    if (complaints.length > 200) complaints.shift();
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = parseLine(line);
      if (event?.event === 'listening') resolve(String(event.url));
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${complaints.join('')}`)));
  });
  return {
    url,
    process: child,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** With `--json`: its lines, or its one document. */
  readonly events: readonly Record<string, unknown>[];
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Sees the child right after it was started. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs `remendo …` to its end. With `--json` its lines become events. */
export const runRemendo = (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
  runProgram([process.execPath, cliMain, ...args], options);

/** The same of any program. One that can not be started has neither a code nor a signal. */
export function runProgram(
  [command, ...args]: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  options.onStart?.(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      stderr += error.message;
    });
    child.once('close', (code, signal) => resolve({ code, signal, events: parseEvents(stdout), stdout, stderr }));
  });
}

function parseEvents(text: string): readonly Record<string, unknown>[] {
  const whole = parseLine(text);
  if (whole !== null) return [whole];
  return text
    .split('\n')
    .map(parseLine)
    .filter((event) => event !== null);
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
