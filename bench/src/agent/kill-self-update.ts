/**
 * The update of the agent itself, killed: from its check to the first starts of what it put in place, and on the way back from
 * a target that ends at every start. Half of the kills come at a moment, half before the n-th change of the disk, which finds
 * what lies between two writes. Each time the next starts have to end with an agent that works.
 */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandResult } from '../demo/programs.js';
import type { Branch, Found } from './branch.js';
import {
  foundProgram,
  newOwnAgent,
  type OwnAgent,
  type OwnAgents,
  openOwnAgents,
  ownPhaseOf,
  type Part,
  type Quality,
  settle,
  start,
  startPart,
  startsMax,
} from './own-agent.js';

interface Scenario {
  readonly name: string;
  readonly quality: Quality;
  /** Whether the target is in place before the start that is killed. */
  readonly isReplaced: boolean;
  /** Starts of it that are counted before: each agent counts its own. */
  readonly startsBefore: number;
  /** What is killed. */
  readonly part: Part;
  /** Phases to wait for; a moment without one is counted from the start. */
  readonly phases: readonly string[];
}

const update: Scenario = {
  name: 'self-update',
  quality: 'good',
  isReplaced: false,
  startsBefore: 0,
  part: 'program',
  phases: ['stage', 'qualify', 'qualify', 'spare', 'swap', 'replaced'],
};
const firstStart: Scenario = { ...update, name: 'first start', isReplaced: true, phases: ['first starts'] };
const rollback: Scenario = {
  name: 'self-rollback',
  quality: 'bad',
  isReplaced: true,
  startsBefore: startsMax.bad,
  part: 'spare',
  phases: ['rollback', 'rolled back'],
};
/** As often as they stand here. */
const scenarios: readonly Scenario[] = [update, update, update, firstStart, { ...firstStart, part: 'spare' }, rollback, rollback];

interface Prepared {
  /** The agent's install before the start that is killed. */
  readonly root: string;
  /** Less when it turns out that a kill came too late. */
  takesMs: number;
  readonly changes: number;
}

interface Outcome {
  readonly phase: string;
  readonly found: Found;
}

/** What was to be killed had ended before. */
interface TooLate {
  readonly tookMs: number;
}

export interface SelfUpdateKills {
  /** @returns null when what was to be killed had ended before. @throws Error for anything but an agent that works. */
  killOnce(name: string): Promise<Outcome | null>;
}

export async function openSelfUpdateKills(branch: Branch, random: () => number): Promise<SelfUpdateKills> {
  const agents = await openOwnAgents(branch);
  const prepared = new Map<string, Prepared>();
  const keyOf = ({ name, part }: Scenario): string => `${name}-${part}`.replace(' ', '-');
  for (const scenario of scenarios)
    if (!prepared.has(keyOf(scenario))) prepared.set(keyOf(scenario), await prepareOnce(agents, scenario, keyOf(scenario)));
  return {
    async killOnce(name) {
      const scenario = scenarios[Math.floor(random() * scenarios.length)] ?? scenarios[0];
      const before = scenario === undefined ? undefined : prepared.get(keyOf(scenario));
      if (scenario === undefined || before === undefined) throw new Error('there is no scenario');
      const agent = await newOwnAgent(agents, name, { quality: scenario.quality, from: before.root });
      const outcome = await killAgent(agent, scenario, momentOf(scenario, before, random));
      if (outcome !== null && 'found' in outcome) return outcome;
      before.takesMs = Math.min(before.takesMs, outcome?.tookMs ?? before.takesMs);
      return null;
    },
  };
}

/** Plays it without a kill, from a copy that is kept. */
async function prepareOnce(agents: OwnAgents, scenario: Scenario, name: string): Promise<Prepared> {
  const { quality, isReplaced, part } = scenario;
  const agent = await newOwnAgent(agents, `prepared-${name}`, { quality });
  if (isReplaced) await start(agent);
  const copy = await newOwnAgent(agents, `undisturbed-${name}`, { quality, from: agent.root });
  await startBefore(copy, scenario);
  const countInto = join(agents.branch.folder, 'changes');
  const began = performance.now();
  const result = await startPart(copy, part, { env: preloaded(agents, { CAMPAIGN_COUNT_INTO: countInto }) });
  const takesMs = performance.now() - began;
  if (result === null || ![0, 36].includes(result.code ?? -1))
    throw new Error(`${name} ended with ${result?.code}: ${result?.stdout}${result?.stderr}`);
  const changes = Number(await readFile(countInto, 'utf8'));
  await settle(copy, `without a kill (${name})`);
  return { root: agent.root, takesMs, changes };
}

const preloaded = ({ preload }: OwnAgents, env: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--require ${preload}`,
  ...env,
});

type Moment =
  | { readonly kind: 'change'; readonly number: number }
  | { readonly kind: 'time'; readonly phase: string | null; readonly afterMs: number };

function momentOf({ phases }: Scenario, { takesMs, changes }: Prepared, random: () => number): Moment {
  if (random() < 0.5) return { kind: 'change', number: 1 + Math.floor(random() * changes) };
  const phase = random() < 0.3 ? null : (phases[Math.floor(random() * phases.length)] ?? null);
  return { kind: 'time', phase, afterMs: random() * (phase === null ? takesMs : phase === 'qualify' ? 400 : 20) };
}

const textOf = (moment: Moment): string =>
  moment.kind === 'change'
    ? `at change ${moment.number} of the disk`
    : `${moment.afterMs.toFixed(1)} ms after ${moment.phase ?? 'its start'}`;

/** Up to the start that is killed. */
async function startBefore(agent: OwnAgent, { startsBefore, part }: Scenario): Promise<void> {
  for (let starts = 0; starts < startsBefore; starts++) await start(agent);
  if (part === 'program') await startPart(agent, 'spare');
}

/** @returns null when there was nothing to start. */
async function killAgent(agent: OwnAgent, scenario: Scenario, moment: Moment): Promise<Outcome | TooLate | null> {
  const { name, part } = scenario;
  await startBefore(agent, scenario);
  const began = performance.now();
  const result = await startAndKill(agent, part, moment);
  const tookMs = performance.now() - began;
  const phase = await ownPhaseOf(agent);
  const what = `after ${part} of ${name} was killed ${textOf(moment)} (${phase})`;
  // What a service does next is to run the spare.
  await startPart(agent, 'spare');
  const found = await foundProgram(agent, what);
  await settle(agent, what);
  await rm(dirname(agent.root), { recursive: true, force: true });
  if (result === null) return null;
  return result.signal === 'SIGKILL' ? { phase: `${name}: ${phase}`, found } : { tookMs };
}

async function startAndKill(agent: OwnAgent, part: Part, moment: Moment): Promise<CommandResult | null> {
  if (moment.kind === 'change')
    return startPart(agent, part, { env: preloaded(agent.agents, { CAMPAIGN_KILL_AT: String(moment.number) }) });
  let isOver = false;
  const reached = async (): Promise<void> => {
    while (moment.phase !== null && !isOver && (await ownPhaseOf(agent)) !== moment.phase) await sleep(1);
    await sleep(moment.afterMs);
  };
  const result = await startPart(agent, part, { onStart: (child) => void reached().then(() => child.kill('SIGKILL')) });
  isOver = true;
  return result;
}
