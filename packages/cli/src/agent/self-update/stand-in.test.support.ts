/**
 * An agent as small as can be, for processes that tests start: it looks after itself as `remendo agent` does, and otherwise
 * only writes down that it ran. Its file is a script that starts this program, bundled into one file.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createUpdater, type FileSystem, type InstallGate, installLayout, nodeHost, UpdaterError } from '@remendo/core';
import { exitCodes } from '../../exit-codes.js';
import { qualifyProgram, reachesServer } from './qualify-program.js';
import { createSelfUpdate, type RoundVerdict } from './self-update.js';

/** In the variable STAND_IN, as JSON. */
export interface StandInWorld {
  readonly root: string;
  readonly server: string;
  /** Which of the agents that share the program it is (default: the only one). */
  readonly agent?: string;
  /** Kills itself at the n-th change of the disk, counted from 1. */
  readonly killAt?: number;
  /** The disk is full from the n-th writing on. */
  readonly fullFrom?: number;
  /** Somebody holds the program: it can not be moved. */
  readonly isHeld?: boolean;
  /** For the trial run of a new version (default: long enough for any machine). */
  readonly trialMsMax?: number;
  /** Somebody ends it before its round is over. */
  readonly isStopped?: boolean;
}

export interface StandIn {
  readonly version: string;
  /** `deaf`: it never reaches the server. */
  readonly behaviour: 'good' | 'crash-in-round' | 'fail-in-round' | 'deaf';
}

export const standInProgram = 'agent';
/** Fewer than of a real one, which tests would only take longer by. */
export const provedStartsMax = 4;
/** In the root: the server is away for every version. */
export const awayFile = 'server-is-away';
/** In the root: versions that something has come into the world for, at which they end. */
export const crashesFile = 'crashes';

export interface RoundOptions {
  /** `--guard`, or nothing. */
  readonly mode?: string | undefined;
  /** What happens while its round is under way. */
  readonly meanwhile?: () => Promise<void>;
}

/** One run of it. @returns its exit code. */
export async function standInRound(
  { version, behaviour }: StandIn,
  world: StandInWorld,
  { mode, meanwhile = async () => {} }: RoundOptions = {},
): Promise<number> {
  const layout = installLayout(world.root);
  const { programs: _programs, ...machine } = nodeHost({ workers: 1 });
  const host = { ...machine, fileSystem: worldly(machine.fileSystem, world) };
  const told = (event: string, fields: object = {}): void =>
    appendFileSync(join(world.root, 'story'), `${JSON.stringify({ ...fields, by: version, event })}\n`);
  const updater = (gate: InstallGate) =>
    createUpdater({
      root: world.root,
      server: world.server,
      host,
      gate,
      trust: { kind: 'announced' },
      http: { retries: { retriesMax: 0 } },
    });
  const self = createSelfUpdate({
    fileSystem: host.fileSystem,
    layout,
    program: standInProgram,
    agent: world.agent ?? world.root,
    startsMax: 2,
    provedStartsMax,
    localUpdater: updater(async () => {}),
    openUpdater: async (gate) => updater(gate),
    qualify: (program) => qualifyProgram(trialRun(program, world)),
    reachesServer: (program) => reachesServer(trialRun(program, world)),
    report: (of, reason) => told('reported', { of, reason }),
    log: told,
  });
  const begun = await self.begin(mode === '--guard' ? 'spare' : 'program');
  if (mode === '--guard') return 0;
  if (begun.step === 'restart') return exitCodes.restart;
  told('round');
  if (behaviour === 'crash-in-round' || crashesNow(version, world)) return 1;
  await meanwhile();
  if (world.isStopped === true) {
    await self.end('asked');
    return exitCodes.terminated;
  }
  const isBroken = (await self.judge(verdictOf(behaviour, world))) === 'restart';
  if (isBroken || behaviour === 'fail-in-round') return isBroken ? exitCodes.restart : 1;
  const step = await self.update();
  await self.close();
  return step === 'restart' ? exitCodes.restart : 0;
}

const trialRun = (program: string, { root, trialMsMax: msMax = 60_000 }: StandInWorld) => ({
  program,
  args: ['--qualify'],
  folder: root,
  msMax,
});

function crashesNow(version: string, { root }: StandInWorld): boolean {
  const path = join(root, crashesFile);
  return existsSync(path) && readFileSync(path, 'utf8').split(' ').includes(version);
}

function verdictOf(behaviour: StandIn['behaviour'], { root }: StandInWorld): RoundVerdict {
  if (behaviour === 'fail-in-round') return { kind: 'broken', reason: 'out of luck' };
  const isAway = behaviour === 'deaf' || existsSync(join(root, awayFile));
  return isAway ? { kind: 'unreached', reason: 'no answer' } : { kind: 'healthy' };
}

function worldly(fileSystem: FileSystem, { killAt, fullFrom, isHeld, root }: StandInWorld): FileSystem {
  let changes = 0;
  const changed = (): void => {
    if (++changes === killAt) process.kill(process.pid, 'SIGKILL');
  };
  const full = (): boolean => fullFrom !== undefined && changes >= fullFrom;
  const noSpace = (): never => {
    throw new UpdaterError('STORAGE_NO_SPACE', 'the disk is full');
  };
  const live = join(root, standInProgram);
  return {
    ...bound(fileSystem),
    async open(path, mode) {
      const handle = await fileSystem.open(path, mode);
      const write = handle.write.bind(handle);
      return Object.assign(handle, {
        write: async (offset: number, chunk: Uint8Array) => {
          changed();
          return full() ? noSpace() : write(offset, chunk);
        },
      });
    },
    async rename(from, to) {
      changed();
      if (isHeld === true && (from === live || to === live)) throw new UpdaterError('TRANSACTION_FILE_HELD', `${live} is held`);
      await fileSystem.rename(from, to);
      changed();
    },
  };
}

/** Methods of a class, as a plain object that can be spread. */
function bound(fileSystem: FileSystem): FileSystem {
  const names = [
    'stat',
    'open',
    'list',
    'makeDirectory',
    'rename',
    'removeFile',
    'removeDirectory',
    'setMode',
    'syncDirectory',
    'freeBytes',
    'isSameVolume',
  ] as const;
  const methods = Object.fromEntries(names.map((name) => [name, fileSystem[name].bind(fileSystem)]));
  const { hasModes, canSyncDirectories } = fileSystem;
  return { hasModes, canSyncDirectories, ...methods } as unknown as FileSystem;
}

const marked = '# stand-in ';

const answer = ({ version }: StandIn, isServerThere: boolean): string =>
  JSON.stringify({ event: 'qualified', version, is_server_there: isServerThere });

/** Its file: answers to `--qualify` by itself, so that a trial run costs nothing, and else starts the bundle. */
export const standInScript = (bundle: string, standIn: StandIn): string =>
  [
    '#!/bin/sh',
    `${marked}${JSON.stringify(standIn)}`,
    `[ "$1" = --qualify ] && [ -e ${awayFile} ] && echo '${answer(standIn, false)}' && exit`,
    `[ "$1" = --qualify ] && echo '${answer(standIn, true)}' && exit`,
    `exec '${process.execPath}' -e 'require("${bundle}").runStandIn(${JSON.stringify(standIn)})' -- "$@"`,
    '',
  ].join('\n');

/** Null: the file is something else. */
export function readStandIn(text: string): StandIn | null {
  const line = text.split('\n').find((one) => one.startsWith(marked));
  return line === undefined ? null : (JSON.parse(line.slice(marked.length)) as StandIn);
}

/** What the script calls. */
export function runStandIn(standIn: StandIn): void {
  const world = JSON.parse(process.env.STAND_IN ?? '{}') as StandInWorld;
  standInRound(standIn, world, { mode: process.argv[1] }).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(99);
    },
  );
}
