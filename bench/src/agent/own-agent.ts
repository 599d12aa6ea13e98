/**
 * An agent that updates itself, as a machine has it: a program of its own in a folder of its own, started after its spare as
 * systemd or a task starts it. The program is the whole command behind a few lines of shell that tell the releases apart.
 */
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { installLayout, nodeFileSystem, peekInstall } from '@remendo/core';
import { type CommandOptions, type CommandResult, runProgram } from '../demo/programs.js';
import { cliMain } from '../server/programs.js';
import { type Branch, engine, type Found, logOf, must } from './branch.js';

const program = 'remendo';
const base = '1.0.0';
const target = '1.0.1';
/** Of a target that does not prove itself, before it goes. A good one is killed in one of them, and looked at in another. */
export const startsMax: Readonly<Record<Quality, number>> = { good: 4, bad: 2 };

/** `bad`: its target qualifies, and ends at once whenever it is started to work. */
export type Quality = 'good' | 'bad';

export interface OwnAgents {
  readonly branch: Branch;
  /** Installs of the base to copy from, and the bytes of each release's program. */
  readonly prepared: Readonly<Record<Quality, { readonly root: string; readonly files: Readonly<Record<Found, Uint8Array>> }>>;
  /** For `--require`: kills its process at the n-th change of the disk, and counts them otherwise. */
  readonly preload: string;
}

export interface OwnAgent {
  readonly agents: OwnAgents;
  readonly quality: Quality;
  /** Of the agent itself. */
  readonly root: string;
  /** Of the application that it looks after. */
  readonly applicationRoot: string;
}

/** Bytes behind the last line, so that there is something to be fetched, patched and linked. */
const programOf = (command: string, version: string, { quality, generation }: { quality: Quality; generation: number }): Buffer =>
  Buffer.concat([
    Buffer.from(
      [
        '#!/bin/sh',
        `[ "$1" = --version ] && echo ${version} && exit`,
        ...(quality === 'bad' ? ['case " $* " in *" --qualify "* | *" --guard "*) ;; *) exit 70 ;; esac'] : []),
        `exec '${process.execPath}' '${command}' "$@"`,
        '',
      ].join('\n'),
    ),
    engine(400_000, generation),
  ]);

export async function openOwnAgents(branch: Branch): Promise<OwnAgents> {
  const packed = join(branch.folder, 'packed');
  await cp(dirname(cliMain), packed, { recursive: true });
  await writeFile(join(packed, 'package.json'), '{ "type": "module" }');
  const preload = join(branch.folder, 'kill-at-change.cjs');
  await writeFile(preload, preloadText);
  const command = join(packed, 'remendo.js');
  const [good, bad] = [await prepare(branch, command, 'good'), await prepare(branch, command, 'bad')];
  return { branch, prepared: { good, bad }, preload };
}

const applicationOf = (quality: Quality): string => `agent-${quality}`;

async function prepare(branch: Branch, command: string, quality: Quality): Promise<OwnAgents['prepared'][Quality]> {
  const application = applicationOf(quality);
  const root = join(branch.folder, `${application}-at-base`);
  const files = {
    base: programOf(command, base, { quality: 'good', generation: 1 }),
    target: programOf(command, target, { quality, generation: 2 }),
  };
  const publish = async (version: string, content: Uint8Array): Promise<CommandResult> => {
    const folder = join(branch.folder, `${application}-${version}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, program), content, { mode: 0o755 });
    const release = ['--application', application, '--platform', 'linux-x64', '--release', version];
    return must(branch.server.url, ['publish', folder, ...release, '--wait', '--json']);
  };
  await publish(base, files.base);
  const place = ['--root', root, '--application', application, '--platform', 'linux-x64'];
  await must(branch.server.url, ['install', ...place, '--yes', '--json']);
  await publish(target, files.target);
  return { root, files };
}

/** @param from an agent's install to copy (default: of the base). */
export async function newOwnAgent(
  agents: OwnAgents,
  name: string,
  { quality, from = agents.prepared[quality].root }: { readonly quality: Quality; readonly from?: string },
): Promise<OwnAgent> {
  const folder = join(agents.branch.folder, name);
  await rm(folder, { recursive: true, force: true });
  const [root, applicationRoot] = [join(folder, 'agent'), join(folder, 'erp')];
  await cp(from, root, { recursive: true });
  await cp(agents.branch.atTarget, applicationRoot, { recursive: true });
  const configuration = {
    server: agents.branch.server.url,
    application: 'erp',
    agent: { jitterMinutesMax: 0 },
    selfUpdate: { root, program, application: applicationOf(quality), platform: 'linux-x64', startsMax: startsMax[quality] },
  };
  await writeFile(join(applicationRoot, '.remendo', 'remendo.config.json'), JSON.stringify(configuration));
  return { agents, quality, root, applicationRoot };
}

const liveOf = ({ root }: OwnAgent): string => join(root, program);
const spareOf = ({ root }: OwnAgent): string => join(root, '.remendo', 'spare', program);
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

export type Part = 'spare' | 'program';

/** What a service runs: before the program its spare, as far as there is one. @returns null when there is none. */
export async function startPart(agent: OwnAgent, part: Part, options: CommandOptions = {}): Promise<CommandResult | null> {
  const path = part === 'spare' ? spareOf(agent) : liveOf(agent);
  if (!(await isThere(path))) return null;
  const last = part === 'spare' ? '--guard' : '--once';
  return runProgram([path, 'agent', '--root', agent.applicationRoot, last, '--json'], options);
}

/** One start as a service does it. @returns the exit code; null: there is no program, or it was killed. */
export async function start(agent: OwnAgent): Promise<number | null> {
  await startPart(agent, 'spare');
  return (await startPart(agent, 'program'))?.code ?? null;
}

/** What stands at the program's own name after the spare has looked. @throws Error when it is neither release, or does not start. */
export async function foundProgram(agent: OwnAgent, what: string): Promise<Found> {
  const { files } = agent.agents.prepared[agent.quality];
  const bytes = await readFile(liveOf(agent)).catch(() => Buffer.alloc(0));
  const found = bytes.equals(files.base) ? 'base' : bytes.equals(files.target) ? 'target' : null;
  if (found === null) throw new Error(`the program is neither release ${what}`);
  const { code, stdout } = await runProgram([liveOf(agent), '--version']);
  const version = found === 'base' ? base : target;
  if (code !== 0 || stdout.trim() !== version) throw new Error(`the program does not tell ${version} ${what}: ${code} ${stdout}`);
  return found;
}

/** Far more than the base needs to be back. */
const settlingStartsMax = 10;

/**
 * Starts it until a round ends well and leaves nothing more to do: the good target runs and is confirmed, or the bad one is gone.
 * @throws Error when it does not come to that, or its log does not tell of it.
 */
export async function settle(agent: OwnAgent, what: string): Promise<void> {
  const wanted: Found = agent.quality === 'good' ? 'target' : 'base';
  const codes: (number | null)[] = [];
  for (let isWell = false, starts = 0; !isWell; starts++) {
    if (starts === settlingStartsMax) throw new Error(`${starts} starts ended with ${codes.join(', ')} ${what}`);
    const code = await start(agent);
    codes.push(code);
    const isSettled = !(await isUnderWay(agent)) && (await foundProgram(agent, what)) === wanted;
    isWell = code === 0 && isSettled && (agent.quality === 'good' || (await hasRolledBack(agent)));
  }
  const verified = await runProgram([liveOf(agent), 'verify', '--root', agent.root, '--json']);
  if (verified.code !== 0) throw new Error(`verify ended with ${verified.code} ${what}:\n${verified.stdout}${verified.stderr}`);
  const log = await logOf(agent);
  const told = agent.quality === 'good' ? ['agent_replaced', 'agent_confirmed'] : ['agent_rolling_back'];
  if (!log.some(({ event }) => told.includes(event))) throw new Error(`the log does not tell of ${told[0]} ${what}`);
}

const stateOf = async ({ root }: OwnAgent) => peekInstall(nodeFileSystem(), installLayout(root)).catch(() => null);

const isUnderWay = async (agent: OwnAgent): Promise<boolean> =>
  ['committed', 'committing', 'rolling_back'].includes((await stateOf(agent))?.state ?? '');

const hasRolledBack = async (agent: OwnAgent): Promise<boolean> => (await stateOf(agent))?.state === 'rolled_back';

/** A healthy round of the program before leaves the folder, and nothing in it. */
const isCounted = async (home: string): Promise<boolean> => (await readdir(join(home, 'trials')).catch(() => [])).length > 0;

/** Where an update of the agent stands, by what lies on the disk. */
export async function ownPhaseOf(agent: OwnAgent): Promise<string> {
  const last = await stateOf(agent);
  const home = join(agent.root, '.remendo');
  if (last === null || last.target.version === base) return 'check, download';
  switch (last.state) {
    case 'begun':
      return 'stage';
    case 'staged':
      if (await isThere(join(home, 'trial', program))) return 'qualify';
      return (await isThere(spareOf(agent))) ? 'spare' : 'staged';
    case 'committing':
      return 'swap';
    case 'committed':
      return (await isCounted(home)) ? 'first starts' : 'replaced';
    case 'rolling_back':
      return 'rollback';
    default:
      return last.state.replaceAll('_', ' ');
  }
}

/**
 * Counts the changes of the disk that its process makes: CAMPAIGN_KILL_AT kills it before that one, CAMPAIGN_COUNT_INTO names a
 * file for their number. Processes that it starts know nothing of it.
 */
const preloadText = `
const fs = require('node:fs');
const { isMainThread } = require('node:worker_threads');
const { syncBuiltinESMExports } = require('node:module');
const { CAMPAIGN_KILL_AT: killAt, CAMPAIGN_COUNT_INTO: countInto } = process.env;
for (const name of ['NODE_OPTIONS', 'CAMPAIGN_KILL_AT', 'CAMPAIGN_COUNT_INTO']) delete process.env[name];
if (isMainThread && (killAt !== undefined || countInto !== undefined)) {
  let changes = 0;
  const changed = () => { if (++changes === Number(killAt)) process.kill(process.pid, 'SIGKILL'); };
  const counting = (object, name) => {
    const original = object[name].bind(object);
    object[name] = (...args) => { changed(); return original(...args); };
  };
  for (const name of ['rename', 'link', 'unlink', 'mkdir', 'rmdir', 'rm', 'copyFile', 'writeFile', 'chmod']) {
    counting(fs.promises, name);
    counting(fs, name + 'Sync');
  }
  for (const name of ['appendFileSync', 'writeSync']) counting(fs, name);
  const open = fs.promises.open;
  fs.promises.open = async (path, flags, ...rest) => {
    if (flags !== undefined && flags !== 'r') changed();
    const handle = await open(path, flags, ...rest);
    for (const name of ['write', 'truncate', 'sync']) counting(handle, name);
    return handle;
  };
  syncBuiltinESMExports();
  if (countInto !== undefined) process.on('exit', () => fs.writeFileSync(countInto, String(changes)));
}
`;
