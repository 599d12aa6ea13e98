/**
 * Kills real processes by SIGKILL at random moments: an agent's round, `launch` and `rollback`, with steps around the swap that
 * go on running when their updater is dead. Each time the next command must find exactly one of the two releases, with the
 * database of that release and without maintenance mode, and the update must still go through, with its story in the log.
 * A quarter of the kills meets the agent as it updates itself (kill-self-update.ts).
 *
 *     node bench/dist/agent/kill-agent.js [--kills 300] [--seed N] [--only application|self-update]
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '@remendo/core/testing';
import { runRemendo } from '../demo/programs.js';
import { agreed, type Branch, type Found, logOf, must, newVictim, openBranch, phaseOf, type Victim } from './branch.js';
import { openSelfUpdateKills } from './kill-self-update.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    only: { type: 'string' },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const random = seededRandom(seed);

/** `failing`: a launch whose new version does not come up, so that it goes back by itself. */
const commands = ['agent', 'launch', 'failing', 'rollback'] as const;
type Command = (typeof commands)[number];

const argsOf = (command: Command, { root }: Victim): readonly string[] =>
  ({
    agent: ['agent', '--once', '--root', root, '--json'],
    launch: ['launch', '--force', '--root', root, '--json', '--', process.execPath, 'app.mjs', '600'],
    failing: ['launch', '--force', '--root', root, '--json', '--', process.execPath, '-e', failingText],
    rollback: ['rollback', '--root', root, '--json'],
  })[command];

/** Fails on the new release alone. */
const failingText = `process.exit(require('node:fs').existsSync('new.txt') ? 3 : 0)`;

/** What a rollback goes back from was put in place with steps. */
async function victimOf(branch: Branch, command: Command, name: string): Promise<Victim> {
  const victim = await newVictim(branch, name);
  if (command === 'rollback') await must(branch.server.url, ['install', '--root', victim.root, '--yes', '--json']);
  return victim;
}

async function undisturbedMs(branch: Branch, command: Command): Promise<number> {
  const victim = await victimOf(branch, command, `undisturbed-${command}`);
  const began = performance.now();
  await must(branch.server.url, argsOf(command, victim));
  return performance.now() - began;
}

const wayThere = ['stage', 'staged', 'before steps', 'swap', 'after steps', 'finally, start, proof'];
const phasesOf: Readonly<Record<Command, readonly string[]>> = {
  agent: wayThere,
  launch: wayThere,
  failing: [...wayThere.slice(-2), 'rollback', 'rollback'],
  rollback: ['after steps', 'rollback', 'rollback'],
};

interface Outcome {
  readonly phase: string;
  readonly found: Found;
}

/** The command had ended before it was to be killed. */
interface TooLate {
  readonly tookMs: number;
}

/** When to kill: some time after the start, or after a phase was reached. */
interface Moment {
  readonly phase: string | null;
  readonly afterMs: number;
}

/** @returns once it is so, or never: the command may end before. */
async function reached(victim: Victim, { phase, afterMs }: Moment, isOver: () => boolean): Promise<void> {
  while (phase !== null && !isOver() && (await phaseOf(victim)) !== phase) await sleep(2);
  await sleep(afterMs);
}

async function killOnce(
  branch: Branch,
  command: Command,
  { name, moment }: { name: string; moment: Moment },
): Promise<Outcome | TooLate> {
  const victim = await victimOf(branch, command, name);
  const what = `after ${command} was killed ${moment.afterMs.toFixed(1)} ms after ${moment.phase ?? 'its start'}`;
  const env = { REMENDO_SERVER_URL: branch.server.url };
  let isOver = false;
  const began = performance.now();
  const result = await runRemendo(argsOf(command, victim), {
    env,
    onStart: (child) => void reached(victim, moment, () => isOver).then(() => child.kill('SIGKILL')),
  });
  isOver = true;
  const tookMs = performance.now() - began;
  const phase = await phaseOf(victim);
  const checked = await runRemendo(['verify', '--root', victim.root, '--json'], { env });
  const phased = `${what} (${phase})`;
  if (checked.code !== 0) throw new Error(`verify ended with ${checked.code} ${phased}:\n${checked.stdout}${checked.stderr}`);
  const found = await agreed(branch, victim, phased);
  await must(branch.server.url, ['install', '--root', victim.root, '--yes', '--retry', '--json']);
  await must(branch.server.url, argsOf('launch', victim));
  if ((await agreed(branch, victim, `after the next update, ${phased}`)) !== 'target')
    throw new Error(`the next update did not reach the target ${phased}`);
  const log = await logOf(victim);
  if (!log.some(({ state }) => state === 'completed'))
    throw new Error(`the log does not tell of an update that was completed ${phased}`);
  await rm(dirname(victim.root), { recursive: true, force: true });
  await rm(victim.world, { recursive: true, force: true });
  return result.signal === 'SIGKILL' ? { phase: `${command}: ${phase}`, found } : { tookMs };
}

interface Kills {
  /** @returns null when what was to be killed had ended before. */
  killOnce(name: string): Promise<Outcome | null>;
}

async function openApplicationKills(branch: Branch): Promise<Kills> {
  const takesMs = new Map<Command, number>();
  for (const command of commands) takesMs.set(command, await undisturbedMs(branch, command));
  const momentFor = (command: Command): Moment => {
    const phases = phasesOf[command];
    const phase = random() < 0.3 ? null : (phases[Math.floor(random() * phases.length)] ?? null);
    return { phase, afterMs: random() * (phase === null ? (takesMs.get(command) ?? 1_000) : 120) };
  };
  const chosen = (): Command =>
    (['agent', 'agent', 'agent', 'launch', 'failing', 'rollback'] as const)[Math.floor(random() * 6)] ?? 'agent';
  return {
    async killOnce(name) {
      const command = chosen();
      const outcome = await killOnce(branch, command, { name, moment: momentFor(command) });
      if ('found' in outcome) return outcome;
      // Measured when the machine was busy with something else, it would have most of the kills come too late.
      takesMs.set(command, Math.min(takesMs.get(command) ?? outcome.tookMs, outcome.tookMs));
      return null;
    },
  };
}

/** In turns, three and one, as far as they were asked for. */
async function openKills(branch: Branch): Promise<readonly Kills[]> {
  const application = values.only === 'self-update' ? [] : [await openApplicationKills(branch)];
  const self = values.only === 'application' ? [] : [await openSelfUpdateKills(branch, random)];
  return self.length === 0 ? application : [...application, ...application, ...application, ...self];
}

const branch = await openBranch('kill-agent');
const table = new Map<string, Record<Found, number>>();
let [done, tooLate, turn] = [0, 0, 0];
try {
  const all = await openKills(branch);
  const play = async (player: number): Promise<void> => {
    for (let round = 0; done < kills; round++) {
      const outcome = await all[turn++ % all.length]?.killOnce(`victim-${player}-${round}`);
      if (outcome === null || outcome === undefined) {
        tooLate++;
        continue;
      }
      done++;
      const row = table.get(outcome.phase) ?? { base: 0, target: 0 };
      row[outcome.found]++;
      table.set(outcome.phase, row);
      if (done % 20 === 0) process.stderr.write(`${done} kills\n`);
    }
  };
  await Promise.all([play(0), play(1)]);
} finally {
  await branch.close();
}
process.stdout.write('| killed in | found the base | found the target | anything else |\n|---|---|---|---|\n');
for (const [phase, { base, target }] of [...table].sort()) process.stdout.write(`| ${phase} | ${base} | ${target} | 0 |\n`);
process.stdout.write(`${JSON.stringify({ event: 'kill_agent', seed, kills: done, too_late: tooLate, neither: 0 })}\n`);
