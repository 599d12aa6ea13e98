/** The built server as a real process, on a port of its own. */
import { spawn } from 'node:child_process';
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
  const url = await new Promise<string>((resolve, reject) => {
    // To its end: a server whose lines nobody reads stops at one of them.
    createInterface({ input: child.stdout }).on('line', (line) => {
      testRecord.output('server-program', `${line}\n`);
      if (line.startsWith('{"event":"listening"')) resolve((JSON.parse(line) as { url: string }).url);
    });
    void exited.then(() => reject(new Error('the server ended before it listened')));
  });
  return {
    url,
    token,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
