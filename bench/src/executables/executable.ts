/** A single executable as a machine has it that has nothing else: started without this environment and without a PATH. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Executable {
  readonly name: string;
  /** The file, on the disk of this machine. */
  readonly file: string;
  /** A path of this machine as the executable has to be told it. */
  path(path: string): string;
  /** What prints `started`, as a command line. */
  readonly application: readonly string[];
  /** The same, and takes some seconds to end. */
  readonly slowApplication: readonly string[];
  /** @param file another copy of the executable (default: `file`). */
  start(args: readonly string[], environment: Readonly<Record<string, string>>, file?: string): Started;
}

export interface Started {
  readonly process: ChildProcess;
  /** Something is on its standard output, or it has ended. */
  readonly printed: Promise<void>;
  readonly ended: Promise<Ran>;
}

/** @param folder for what it prints. */
export function linuxExecutable(file: string, folder: string): Executable {
  return {
    name: 'Linux x64',
    file,
    path: (path) => path,
    application: ['/bin/echo', 'started'],
    slowApplication: ['/bin/sh', '-c', 'echo started; /bin/sleep 2'],
    start: (args, environment, own = file) =>
      startInto(folder, { command: own, args, environment: { HOME: folder, PATH: '/nonexistent', ...environment } }),
  };
}

export interface Wine {
  readonly program: string;
  /** Of this run alone. */
  readonly prefix: string;
}

/**
 * Under wine. Wine's sockets have no option to keep connections alive, which `fetch` sets: it is left out here, and here only.
 * @param folder for what it prints, and for the script that leaves the option out.
 */
export function wineExecutable(file: string, folder: string, { program, prefix }: Wine): Executable {
  const cmd = 'C:\\windows\\system32\\cmd.exe';
  const path = (own: string): string => `Z:${own.replaceAll('/', '\\')}`;
  return {
    name: 'Windows x64 under wine',
    file,
    path,
    application: [cmd, '/d', '/c', 'echo started'],
    slowApplication: [cmd, '/d', '/c', 'echo started& ping -n 3 127.0.0.1 >nul'],
    start: (args, environment, own = file) =>
      startInto(folder, {
        command: program,
        args: [own, ...args],
        environment: {
          HOME: folder,
          PATH: '/usr/bin:/bin',
          WINEPREFIX: prefix,
          WINEARCH: 'win64',
          WINEDEBUG: '-all',
          NODE_OPTIONS: `--require=${path(join(folder, 'no-keep-alive.cjs')).replaceAll('\\', '/')}`,
          ...environment,
        },
      }),
  };
}

/** What `no-keep-alive.cjs` has to hold. */
export const noKeepAlive = "require('net').Socket.prototype.setKeepAlive = function () { return this; };\n";

let startCount = 0;

/** Output goes to files: programs under wine can not write into pipes. */
function startInto(
  folder: string,
  { command, args, environment }: { command: string; args: readonly string[]; environment: Readonly<Record<string, string>> },
): Started {
  startCount += 1;
  const [stdout, stderr] = ['stdout', 'stderr'].map((name) => join(folder, `${startCount}.${name}`)) as [string, string];
  const stdio = ['ignore', openSync(stdout, 'w'), openSync(stderr, 'w')] as ['ignore', number, number];
  const child = spawn(command, args, { env: environment, cwd: folder, stdio });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', async (code) =>
      resolve({ code, stdout: await readFile(stdout, 'utf8'), stderr: await readFile(stderr, 'utf8') }),
    );
  });
  const printed = (async () => {
    const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
    while (isRunning() && (await stat(stdout)).size === 0) await setTimeout(50);
  })();
  return { process: child, printed, ended };
}
