/** The programs of a branch, each started as its users start it; in network namespaces of their own where that is asked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cliMain = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Null: this machine's own network. */
  readonly namespace?: string | null;
}

function startRemendo(args: readonly string[], { env, namespace }: StartOptions): ChildProcess {
  const command = [process.execPath, cliMain, ...args];
  const [program = '', ...rest] =
    namespace === null || namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];
  return spawn(program, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface Ended {
  readonly code: number | null;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: string;
}

/** Runs `remendo … --json` to its end. */
export function runInBranch(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const child = startRemendo([...args, '--json'], options);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.on('data', (chunk: Buffer) => {
      output[name] += chunk.toString();
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, events: output.stdout.split('\n').flatMap(eventOf), stderr: output.stderr }));
  });
}

const eventOf = (line: string): Readonly<Record<string, unknown>>[] => {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
};

export interface RunningRelay {
  readonly url: string;
  /** The end of a machine whose plug is pulled. */
  kill(): Promise<void>;
  /** Ends it politely. @returns what it did. */
  stop(): Promise<Readonly<Record<string, unknown>>>;
}

/** `remendo relay` on any free port. Resolves when it listens. */
export async function startRelay(args: readonly string[], options: StartOptions = {}): Promise<RunningRelay> {
  const child = startRemendo(['relay', ...args, '--port', '0', '--json'], options);
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  let last: Readonly<Record<string, unknown>> = {};
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    if (child.stdout === null) throw new TypeError('its output is a pipe');
    createInterface({ input: child.stdout }).on('line', (line) => {
      for (const event of eventOf(line)) {
        last = event;
        if (event.event === 'listening') resolve((event.urls as readonly string[])[0] ?? '');
      }
    });
    child.once('exit', (code) => reject(new Error(`the relay ended with ${code}:\n${complaints}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return {
    url,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGTERM');
      return last;
    },
  };
}

export interface Liar {
  readonly url: string;
  close(): void;
}

/** Stands where the relay should be and turns the last byte of everything large around. */
export async function startLiar(relayUrl: string, host: string): Promise<Liar> {
  const { hostname, port } = new URL(relayUrl);
  const server = createServer((terminal) => {
    const relay = connect(Number(port), hostname);
    for (const socket of [terminal, relay])
      socket.on('error', () => {
        terminal.destroy();
        relay.destroy();
      });
    relay.on('data', (chunk: Buffer) => {
      const last = chunk.length - 1;
      if (last > 1_000) chunk[last] = (chunk[last] ?? 0) ^ 1;
      terminal.write(chunk);
    });
    relay.on('end', () => terminal.end());
    terminal.pipe(relay);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/`,
    close: () => void server.close(),
  };
}
