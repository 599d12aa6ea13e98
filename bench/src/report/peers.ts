/** Other tools that make patches between two files, each as its users call it for the smallest patches. */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { childrenCpuSeconds, measured, peakBytesOf, type Usage } from './usage.js';

/** A file of the target that changed, and where its patch and what the patch makes go. */
export interface PeerFile {
  /** Null: nothing to patch from, the file goes whole. */
  readonly base: string | null;
  readonly target: string;
  readonly patch: string;
  readonly made: string;
}

export type PatchPaths = PeerFile & { readonly base: string };

export interface Peer {
  /** Null when it can be used on this machine, else why not. */
  missing(): string | null;
  make(paths: PatchPaths): Promise<Usage>;
  apply(paths: PatchPaths): Promise<Usage>;
}

type CommandLine = readonly [command: string, ...args: string[]];

interface Program {
  /** All that it takes to be installed. */
  readonly commands: readonly string[];
  readonly make: (paths: PatchPaths) => CommandLine;
  readonly apply: (paths: PatchPaths) => CommandLine;
}

/**
 * xdelta3 with the largest window of the target, and the whole base in reach: a power of two, at least its own 64 MiB. -D and
 * -R keep it from unpacking and packing .gz files, which do not come out byte for byte.
 */
const xdelta3From = (base: string): readonly string[] => {
  const reachBytes = 2 ** Math.max(26, Math.ceil(Math.log2(statSync(base).size)));
  return ['-f', '-D', '-R', '-W', String(16 * 1024 ** 2), '-B', String(reachBytes), '-s', base];
};

export const peers = {
  'bsdiff-node': nativePackage(),
  bsdiff: program({
    commands: ['bsdiff', 'bspatch'],
    make: ({ base, target, patch }) => ['bsdiff', base, target, patch],
    apply: ({ base, made, patch }) => ['bspatch', base, made, patch],
  }),
  xdelta3: program({
    commands: ['xdelta3'],
    make: ({ base, target, patch }) => ['xdelta3', '-e', '-9', '-S', 'lzma', ...xdelta3From(base), target, patch],
    apply: ({ base, made, patch }) => ['xdelta3', '-d', ...xdelta3From(base), patch, made],
  }),
  zstd: program({
    commands: ['zstd'],
    make: ({ base, target, patch }) => ['zstd', '-19', '--long=31', `--patch-from=${base}`, '-q', '-f', target, '-o', patch],
    apply: ({ base, made, patch }) => ['zstd', '-d', '--long=31', `--patch-from=${base}`, '-q', '-f', patch, '-o', made],
  }),
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof peers;
export const peerNames = Object.keys(peers) as readonly PeerName[];

/** @throws Error for a name that is no peer's. */
export function parsePeers(text: string): readonly PeerName[] {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !(name in peers));
  if (unknown !== undefined) throw new Error(`there is no peer ${unknown}; there are ${peerNames.join(', ')}`);
  return names as readonly PeerName[];
}

interface BsdiffNode {
  diff(base: string, target: string, patch: string): Promise<void>;
  patch(base: string, target: string, patch: string): Promise<void>;
}

/** In this process. It is an optional dependency of core's. */
function nativePackage(): Peer {
  const load = (): BsdiffNode => createRequire(import.meta.resolve('@remendo/core/publish'))('bsdiff-node') as BsdiffNode;
  return {
    missing() {
      try {
        load();
        return null;
      } catch {
        return 'not compiled';
      }
    },
    make: ({ base, target, patch }) => measured(() => load().diff(base, target, patch)),
    apply: ({ base, made, patch }) => measured(() => load().patch(base, made, patch)),
  };
}

/** Programs on the PATH, a process for each file. */
function program({ commands, make, apply }: Program): Peer {
  return {
    missing: () => (commands.every(isInstalled) ? null : 'not installed'),
    make: (paths) => runProgram(make(paths)),
    apply: (paths) => runProgram(apply(paths)),
  };
}

function isInstalled(command: string): boolean {
  const name = process.platform === 'win32' ? `${command}.exe` : command;
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** How often a program is asked for its peak memory: the last answer before it ends counts. */
const pollMs = 2;

async function runProgram([command, ...args]: CommandLine): Promise<Usage> {
  const [cpuBefore, start] = [childrenCpuSeconds(), performance.now()];
  let peakBytes = 0;
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const poll = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakBytesOf(child.pid ?? 0) ?? 0);
  }, pollMs);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
  clearInterval(poll);
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  const wallSeconds = (performance.now() - start) / 1_000;
  const cpuAfter = childrenCpuSeconds();
  // Where the system does not tell, the time that passed: the programs have one thread.
  return { cpuSeconds: cpuAfter === null || cpuBefore === null ? wallSeconds : cpuAfter - cpuBefore, wallSeconds, peakBytes };
}
