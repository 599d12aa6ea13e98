/** The built command as a real process. */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** Packed by whoever started the tests, as it is installed; else as it is built. */
export const mainPath = process.env.REMENDO_TEST_COMMAND ?? fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The standard output as one JSON document. */
  json(): Record<string, unknown>;
  /** The standard output as JSON lines. */
  events(): readonly Record<string, unknown>[];
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  readonly folder?: string;
  /** The file to run, where it is not the one that all tests run. */
  readonly command?: string;
  /** Told of every piece of output, with a way to send the process a signal: each one once, since a second one ends it at once. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Settings of whoever runs the tests are not the tests'. */
const ownEnvironment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REMENDO_')));

/** The one that tells key and secret, on its standard output. */
const tellingCommand = 'register';

/** Keeps what programs print, and what they must not, for the search for secrets that ends a run of the tests. */
export const testRecord = {
  output(source: string, text: string): void {
    const folder = process.env.REMENDO_TEST_RECORD;
    if (folder !== undefined) appendFileSync(join(folder, `${source}.${process.pid}.log`), text);
  },
  secrets(environment: NodeJS.ProcessEnv): void {
    const folder = process.env.REMENDO_TEST_RECORD;
    if (folder === undefined) return;
    for (const [name, value = ''] of Object.entries(environment)) {
      const isSecret = /(TOKEN|SECRET|PASSWORD|PASSPHRASE|API_KEY)$/.test(name) && value.length >= 12;
      if (isSecret) appendFileSync(join(folder, 'secrets'), `${JSON.stringify(value)}\n`);
    }
  },
};

export function runRemendo(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  testRecord.secrets(options.environment ?? {});
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...(options.nodeArgs ?? []), options.command ?? mainPath, ...args], {
      env: { ...ownEnvironment, NO_COLOR: '1', ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
    });
    const collected = { stdout: '', stderr: '' };
    const sent = new Set<NodeJS.Signals>();
    const kill = (signal: NodeJS.Signals): void => {
      if (!sent.has(signal)) child.kill(signal);
      sent.add(signal);
    };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        collected[name] += text;
        if (name === 'stderr' || args[0] !== tellingCommand) testRecord.output('remendo', text);
        options.onOutput?.(text, kill);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...collected, ...parsed(collected.stdout) }));
  });
}

const parsed = (stdout: string): Pick<Ran, 'json' | 'events'> => ({
  json: () => JSON.parse(stdout) as Record<string, unknown>,
  events: () =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
});

/** New temporary folders; gone when the file's tests are over. */
export function temporaryFolders(): () => Promise<string> {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) {
      for (const name of await readdir(folder, { recursive: true }))
        if (/update\.log(\.1)?$/.test(name)) testRecord.output('update-log', await readFile(join(folder, name), 'utf8'));
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  });
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remendo-cli-'));
    folders.push(folder);
    return folder;
  };
}
