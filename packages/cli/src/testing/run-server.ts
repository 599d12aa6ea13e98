/** The built server as a real process, on a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { testRecord } from './run-remendo.js';

const mainPath = fileURLToPath(new URL('../../../server/dist/main.js', import.meta.url));

export interface RunningServer {
  readonly url: string;
  readonly token: string;
  stop(): Promise<void>;
}

/** Half of a start is else making fast code of a database that answers a few questions. */
const nodeArgs = ['--liftoff-only'];

/** Everybody gets releases, and no test comes near a limit, unless `args` say otherwise. */
const openDoors = ['--new-application-access', 'public', '--checks-per-minute', '100000', '--requests-per-minute', '100000'];

/** @param folder for its data. @param args more of the server's. Resolves when it listens. */
export async function startServer(folder: string, args: readonly string[] = []): Promise<RunningServer> {
  const token = 'a-token-of-the-tests-only';
  const own = ['--data', join(folder, 'data'), '--port', '0', '--log-level', 'warn', '--shutdown-ms', '0'];
  const child = spawn(process.execPath, [...nodeArgs, mainPath, ...own, ...openDoors, ...args], {
    env: { ...process.env, REMENDO_TOKEN: token },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  testRecord.secrets({ REMENDO_TOKEN: token });
  child.stderr.on('data', (chunk: Buffer) => {
    testRecord.output('server-program', chunk.toString());
    process.stderr.write(chunk);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await Promise.race([
    listeningUrl(child),
    exited.then(() => Promise.reject(new Error('the server ended before it listened'))),
  ]);
  return {
    url,
    token,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError('its output is a pipe');
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event?: string; url?: string };
    if (event.event === 'listening' && event.url !== undefined) return event.url;
  }
  throw new Error('the server did not say where it listens');
}
