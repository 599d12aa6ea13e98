/**
 * Kills real processes: `remendo install` and `remendo rollback` on a real install, each ended by SIGKILL at a random
 * moment; then the next command must find exactly the one release or exactly the other, and the update must still go
 * through.
 *
 *     node bench/dist/kill-campaign.js [--kills 200] [--seed N]
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeFileSystem } from '@remendo/core';
import { scanFolder } from '@remendo/core/publish';
import { seededRandom } from '@remendo/core/testing';
import { assembleRelease, type DemoRelease } from './demo/assemble-releases.js';
import { type RunningServer, runRemendo, startServer } from './demo/programs.js';

const token = 'kill-campaign-token-for-loopback';
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
});
const kills = Number(values.kills);
const seed = Number(values.seed);

async function filesOf(folder: string): Promise<string> {
  const { manifest } = await scanFolder(nodeFileSystem(), folder, { application: 'erp', platform: 'any', version: '0.0.0' });
  return JSON.stringify(manifest.files);
}

async function must(server: RunningServer, args: readonly string[]): Promise<void> {
  const result = await runRemendo(args, { env: { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: token } });
  if (result.code !== 0) throw new Error(`remendo ${args.join(' ')} ended with ${result.code}:\n${result.stderr}`);
}

interface Prepared {
  readonly server: RunningServer;
  readonly folder: string;
  /** Installs to copy from: before and after the update. */
  readonly atBase: string;
  readonly atTarget: string;
  readonly baseFiles: string;
  readonly targetFiles: string;
}

async function prepare(): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-kills-'));
  // One machine plays hundreds of terminals.
  const open = ['--new-application-access', 'public', '--requests-per-minute', '1000000', '--checks-per-minute', '1000000'];
  const server = await startServer(join(folder, 'server'), token, open);
  const releases: DemoRelease[] = [];
  for (const [version, generation] of [
    ['1.0.0', 1],
    ['1.0.1', 3],
  ] as const) {
    const release = await assembleRelease(join(folder, 'releases'), version, generation);
    await must(server, ['publish', release.folder, '--application', 'erp', '--release', version, '--wait', '--json']);
    releases.push(release);
  }
  const [base, target] = releases as [DemoRelease, DemoRelease];
  const atBase = join(folder, 'at-base');
  await must(server, ['install', '1.0.0', '--root', atBase, '--yes', '--json']);
  const atTarget = join(folder, 'at-target');
  await cp(atBase, atTarget, { recursive: true });
  await must(server, ['install', '--root', atTarget, '--yes', '--json']);
  return { server, folder, atBase, atTarget, baseFiles: await filesOf(base.folder), targetFiles: await filesOf(target.folder) };
}

const argsOf = (command: 'install' | 'rollback', root: string): readonly string[] => [
  command,
  '--root',
  root,
  '--json',
  ...(command === 'install' ? ['--yes'] : []),
];

/** How long the command takes when nobody kills it. */
async function undisturbedMs(prepared: Prepared, command: 'install' | 'rollback'): Promise<number> {
  const root = await copyInstall(prepared, command);
  const began = performance.now();
  await must(prepared.server, argsOf(command, root));
  const ms = performance.now() - began;
  await rm(root, { recursive: true, force: true });
  return ms;
}

async function copyInstall(prepared: Prepared, command: 'install' | 'rollback'): Promise<string> {
  const root = join(prepared.folder, 'victim');
  await cp(command === 'install' ? prepared.atBase : prepared.atTarget, root, { recursive: true });
  return root;
}

type Found = 'base' | 'target';

interface Outcome {
  readonly isKilled: boolean;
  /** How long the command took, to its end or to the kill. */
  readonly tookMs: number;
  readonly found: Found;
}

/** @throws Error when what is found after the kill is neither release, or the next update does not work. */
async function killOnce(prepared: Prepared, command: 'install' | 'rollback', afterMs: number): Promise<Outcome> {
  const { server, baseFiles, targetFiles } = prepared;
  const root = await copyInstall(prepared, command);
  const env = { REMENDO_SERVER_URL: server.url };
  const began = performance.now();
  const result = await runRemendo(argsOf(command, root), {
    env,
    onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), afterMs),
  });
  const tookMs = performance.now() - began;
  const check = await runRemendo(['verify', '--root', root, '--json'], { env });
  const files = await filesOf(root);
  if (files !== baseFiles && files !== targetFiles)
    throw new Error(`neither release after ${command} was killed at ${afterMs.toFixed(1)} ms:\n${check.stderr}`);
  if (check.code !== 0)
    throw new Error(`verify ended with ${check.code} after ${command} was killed at ${afterMs.toFixed(1)} ms:\n${check.stderr}`);
  await must(server, ['install', '--root', root, '--yes', '--retry', '--json']);
  if ((await filesOf(root)) !== targetFiles)
    throw new Error(`the next update did not reach the target after ${command} was killed at ${afterMs.toFixed(1)} ms`);
  await rm(root, { recursive: true, force: true });
  return { isKilled: result.signal === 'SIGKILL', tookMs, found: files === baseFiles ? 'base' : 'target' };
}

const random = seededRandom(seed);
const prepared = await prepare();
const counts = { kills: 0, too_late: 0, base: 0, target: 0 };
try {
  const takesMs = { install: await undisturbedMs(prepared, 'install'), rollback: await undisturbedMs(prepared, 'rollback') };
  while (counts.kills < kills) {
    const command = random() < 0.75 ? 'install' : 'rollback';
    const { isKilled, tookMs, found } = await killOnce(prepared, command, random() * takesMs[command]);
    // Measured when the machine was busy with something else, it would have most of the kills come too late.
    if (!isKilled) takesMs[command] = Math.min(takesMs[command], tookMs);
    counts[isKilled ? 'kills' : 'too_late'] += 1;
    counts[found] += 1;
    if (counts.kills % 20 === 0 && isKilled)
      process.stderr.write(`${counts.kills} kills: ${counts.base} found the base, ${counts.target} the target\n`);
  }
} finally {
  await prepared.server.stop();
  await rm(prepared.folder, { recursive: true, force: true });
}
process.stdout.write(`${JSON.stringify({ event: 'kill_campaign', seed, ...counts, neither: 0 })}\n`);
