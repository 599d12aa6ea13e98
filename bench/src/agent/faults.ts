/**
 * Everything but death that can happen to an update, as real processes: disks that fill up, links that are cut, slow or lie, servers
 * that restart, clocks that are set, agents that meet each other, applications that run. Prints a table of faults and outcomes.
 *
 *     node bench/dist/agent/faults.js [--only NAME]
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { type CommandResult, runRemendo, startServer } from '../demo/programs.js';
import { type Disturbance, openBadLink } from './bad-link.js';
import {
  agreed,
  type Branch,
  configurationOf,
  type Found,
  logOf,
  must,
  newVictim,
  openBranch,
  openDoors,
  token,
  type Victim,
  writeConfiguration,
} from './branch.js';

const run = promisify(execFile);
const { values } = parseArgs({ options: { only: { type: 'string' } } });

interface Row {
  readonly fault: string;
  readonly found: Found;
  /** How the disturbed command ended. */
  readonly outcome: string;
  readonly told: string;
  readonly afterwards: string;
}

const rows: Row[] = [];

interface Disturbed {
  readonly fault: string;
  readonly victim: Victim;
  readonly result: CommandResult;
}

const agentOnce = (victim: Victim, env: Readonly<Record<string, string>> = {}): Promise<CommandResult> =>
  runRemendo(['agent', '--once', '--root', victim.root, '--json'], { env });

const launchArgs = ({ root }: Victim): readonly string[] => [
  'launch',
  '--force',
  '--root',
  root,
  '--json',
  '--',
  process.execPath,
  'app.mjs',
  '400',
];

/** After the disturbance: what is there, what the log tells, and that the next round gets to the target. */
async function record(branch: Branch, { fault, victim, result }: Disturbed): Promise<void> {
  const what = `after ${fault}`;
  await must(branch.server.url, ['verify', '--root', victim.root, '--json']);
  const found = await agreed(branch, victim, what);
  const told = await lastStory(victim);
  await must(branch.server.url, launchArgs(victim), { env: {} });
  await must(branch.server.url, ['install', '--root', victim.root, '--yes', '--retry', '--json']);
  const after = await agreed(branch, victim, `after the next update, ${what}`);
  if (after !== 'target') throw new Error(`the next update did not reach the target ${what}`);
  rows.push({ fault, found, outcome: outcomeOf(result), told, afterwards: 'starts, updates' });
  process.stderr.write(`${fault}: ${found}, ${outcomeOf(result)}, ${told}\n`);
}

function outcomeOf({ code, events }: CommandResult): string {
  const last = events.at(-1);
  const text = last?.outcome ?? last?.code ?? '';
  return `exit ${code}${text === '' ? '' : `, ${String(text)}`}`;
}

/** The last thing in the log that says how an attempt went. */
async function lastStory(victim: Victim): Promise<string> {
  const telling = (await logOf(victim)).filter(
    ({ event, state }) =>
      ['failed', 'completed', 'rolled_back'].includes(String(state)) || ['update_waits', 'update_failed'].includes(event),
  );
  const last = telling.at(-1);
  if (last === undefined) return 'nothing failed';
  const code = last.code ?? last.reason ?? last.state ?? '';
  return `${last.event}${code === '' || code === null ? '' : ` ${String(code)}`}`;
}

async function onLink(branch: Branch, fault: string, disturbance: Disturbance): Promise<void> {
  const victim = await newVictim(branch, 'linked');
  const link = await openBadLink(branch.server.url);
  link.disturbance = disturbance;
  await writeConfiguration(branch, victim, { server: link.url });
  const result = await agentOnce(victim);
  await writeConfiguration(branch, victim);
  await link.close();
  await record(branch, { fault, victim, result });
}

async function serverRestart(branch: Branch): Promise<void> {
  const victim = await newVictim(branch, 'restarted');
  const folder = join(branch.folder, 'second-server');
  let server = await startServer(folder, token, openDoors);
  const publish = (at: string, version: string) =>
    must(server.url, ['publish', join(branch.folder, at), '--application', 'erp', '--release', version, '--wait', '--json']);
  await publish('one', '1.0.0');
  await publish('two', '1.0.1');
  await rm(join(victim.root, '.remendo', 'trust'), { recursive: true, force: true });
  const link = await openBadLink(server.url);
  link.disturbance = { kind: 'cut', afterBytes: 200 };
  await writeConfiguration(branch, victim, { server: link.url });
  const running = agentOnce(victim);
  while (link.passed.objectBytes === 0) await sleep(20);
  await server.stop();
  server = await startServer(folder, token, openDoors);
  link.upstream = server.url;
  link.disturbance = { kind: 'none' };
  const result = await running;
  await record({ ...branch, server }, { fault: 'the server restarts during the download', victim, result });
  await link.close();
  await server.stop();
}

/** A file system of its own, as small as wanted. Needs the rights to mount. */
async function onFullDisks(branch: Branch): Promise<void> {
  const mount = join(branch.folder, 'small-disk');
  await mkdir(mount, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', mount]);
  } catch {
    process.stderr.write('disk full: skipped, this user may not mount\n');
    return;
  }
  try {
    for (const freeKiB of [0, 8, 64, 300, 1_200, 4_000, 12_000]) {
      await run('mount', ['-o', 'remount,size=64m', mount]);
      const victim = await newVictim(branch, 'full', 'base', mount);
      const { stdout } = await run('df', ['--output=used', '-k', mount]);
      const usedKiB = Number(stdout.trim().split('\n').at(-1));
      await run('mount', ['-o', `remount,size=${usedKiB + freeKiB}k`, mount]);
      const result = await agentOnce(victim);
      if (![0, 25].includes(result.code ?? -1)) throw new Error(`a disk with ${freeKiB} KiB is told as ${outcomeOf(result)}`);
      const launched = await runRemendo(launchArgs(victim), { env: {} });
      if (launched.code !== 0) throw new Error(`on a full disk the application does not start: ${launched.stderr}`);
      await must(branch.server.url, ['verify', '--root', victim.root, '--json']);
      await agreed(branch, victim, `on a disk with ${freeKiB} KiB`);
      await run('mount', ['-o', 'remount,size=64m', mount]);
      await record(branch, { fault: `the disk has ${freeKiB} KiB free`, victim, result });
    }
    for (const phase of ['before', 'after'] as const) await whenItFills(branch, mount, phase);
  } finally {
    await run('umount', [mount]).catch(() => undefined);
  }
}

/** Somebody else fills the disk while the update is under way, on either side of its swap. */
async function whenItFills(branch: Branch, mount: string, phase: 'before' | 'after'): Promise<void> {
  const victim = await newVictim(branch, 'filling', 'base', mount);
  const filler = join(mount, 'filler');
  const fill = `const fs = require('node:fs'); const file = fs.openSync(process.argv[1], 'w');
    for (let bytes = 1 << 20; bytes >= 512; ) try { fs.writeSync(file, Buffer.alloc(bytes)); } catch { bytes >>= 1; }`;
  const { steps } = configurationOf(branch, victim) as { readonly steps: Readonly<Record<string, readonly object[]>> };
  const filling = { name: 'Something fills the disk', command: process.execPath, args: ['-e', fill, filler] };
  await writeConfiguration(branch, victim, { steps: { ...steps, [phase]: [...(steps[phase] ?? []), filling] } });
  const result = await agentOnce(victim);
  const launched = await runRemendo(launchArgs(victim), { env: {} });
  if (launched.code !== 0) throw new Error(`on a disk that was filled the application does not start: ${launched.stderr}`);
  await rm(filler, { force: true });
  await writeConfiguration(branch, victim);
  await record(branch, { fault: `the disk fills up ${phase} the swap`, victim, result });
}

/** Shifts the clock of a program before it begins. */
const shiftText = `
const shift = Number(process.env.CAMPAIGN_CLOCK_SHIFT_MS);
const now = Date.now.bind(Date);
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { if (given.length === 0) super(now() + shift); else super(...given); }
  static now() { return now() + shift; }
};
`;

async function onClocks(branch: Branch): Promise<void> {
  const preload = join(branch.folder, 'shift-clock.cjs');
  await writeFile(preload, shiftText);
  const dayMs = 86_400_000;
  for (const [words, shiftMs] of [
    ['an hour back', -3_600_000],
    ['two days back', -2 * dayMs],
    ['to the year 2001', Date.parse('2001-01-01') - Date.now()],
    ['ten years on', 3_650 * dayMs],
  ] as const) {
    const victim = await newVictim(branch, 'clocked');
    // It has seen the server with a right clock before.
    await must(branch.server.url, ['check', '--root', victim.root, '--json']);
    const env = { NODE_OPTIONS: `--require ${preload}`, CAMPAIGN_CLOCK_SHIFT_MS: String(shiftMs) };
    const result = await agentOnce(victim, env);
    const launched = await runRemendo(launchArgs(victim), { env });
    if (launched.code !== 0) throw new Error(`with the clock set ${words} the application does not start: ${launched.stderr}`);
    await record(branch, { fault: `the clock is set ${words}`, victim, result });
  }
}

async function atOnce(branch: Branch): Promise<void> {
  const victim = await newVictim(branch, 'crowded');
  const all = await Promise.all([agentOnce(victim), agentOnce(victim), runRemendo(launchArgs(victim), { env: {} })]);
  const outcomes = all.map(outcomeOf).join(' · ');
  await record(branch, { fault: `two agents and a launch at once (${outcomes})`, victim, result: all[0] });
}

async function whileItRuns(branch: Branch): Promise<void> {
  const victim = await newVictim(branch, 'busy');
  const application = spawn(process.execPath, [join(victim.root, 'app.mjs'), '60000'], { cwd: victim.root });
  const result = await agentOnce(victim);
  if ((await agreed(branch, victim, 'while it runs')) !== 'base') throw new Error('files were swapped under a running application');
  application.kill();
  await record(branch, { fault: 'the application runs', victim, result });
  const held = await newVictim(branch, 'held');
  await writeFile(join(held.world, 'hold'), String(process.pid));
  const waited = await agentOnce(held);
  if ((await agreed(branch, held, 'while it is held')) !== 'base') throw new Error('files were swapped in the middle of a sale');
  await rm(join(held.world, 'hold'));
  await record(branch, { fault: 'the application holds (mid-sale)', victim: held, result: waited });
}

const faults: Readonly<Record<string, (branch: Branch) => Promise<void>>> = {
  cut: (branch) => onLink(branch, 'the link is cut during the download', { kind: 'cut', afterBytes: 300 }),
  away: (branch) => onLink(branch, 'the link is down from the beginning of the download', { kind: 'cut', afterBytes: 0 }),
  slow: (branch) => onLink(branch, 'the link has 64 kbit/s', { kind: 'slow', bytesPerSecond: 8_000 }),
  corrupt: (branch) => onLink(branch, 'every object arrives with a wrong byte', { kind: 'corrupt' }),
  truncate: (branch) => onLink(branch, 'every answer stops half-way', { kind: 'truncate' }),
  restart: serverRestart,
  full: onFullDisks,
  clock: onClocks,
  crowd: atOnce,
  busy: whileItRuns,
};

const branch = await openBranch('faults');
try {
  for (const [name, fault] of Object.entries(faults)) if (values.only === undefined || values.only === name) await fault(branch);
} finally {
  await branch.close();
}
process.stdout.write('| fault | the disturbed command | found | in the log | afterwards |\n|---|---|---|---|---|\n');
for (const { fault, outcome, found, told, afterwards } of rows)
  process.stdout.write(`| ${fault} | ${outcome} | ${found} | ${told} | ${afterwards} |\n`);
process.stdout.write(`${JSON.stringify({ event: 'agent_faults', faults: rows.length, neither: 0 })}\n`);
