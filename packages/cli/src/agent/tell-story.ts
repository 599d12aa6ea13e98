/**
 * Makes a story of the log's lines: the last check, the last attempt to update and what became of it, what is waited for.
 * Pure. Lines may be of any program's version: whatever a line lacks is null.
 */
import type { UpdateLogEntry } from '../terminal/update-log.js';

export interface CheckStory {
  readonly at: string;
  readonly command: string;
  /** `available`, `up_to_date`, `not_offered`, `blocked`. */
  readonly outcome: string;
  readonly version: string | null;
  readonly reason: string | null;
}

export interface PlanStory {
  readonly label: string;
  readonly fetchBytes: number;
  readonly requests: number;
  readonly costBytes: number;
}

export interface LoserStory {
  readonly label: string;
  readonly costBytes: number | null;
  readonly reason: string;
}

export interface FailureStory {
  readonly at: string;
  readonly code: string | null;
  readonly message: string;
}

export interface StepStory {
  readonly name: string;
  readonly phase: string;
  readonly failure: string | null;
}

export interface AttemptStory {
  readonly at: string;
  readonly command: string;
  readonly base: string | null;
  readonly version: string | null;
  readonly plan: PlanStory;
  readonly zipBytes: number | null;
  readonly losers: readonly LoserStory[];
  /** Plans that did not work out, and why. */
  readonly fallbacks: readonly {
    readonly label: string;
    readonly code: string | null;
    readonly reason: string;
    readonly next: string;
  }[];
  readonly healed: readonly {
    readonly path: string;
    readonly code: string | null;
    readonly reason: string;
    readonly fetchedBytes: number;
  }[];
  readonly steps: readonly StepStory[];
  /** `downloading`, `prepared`, `installing`, `interrupted`, `committed`, `completed`, `rolled_back`, `held`, `failed`. */
  readonly state: string;
  readonly endedAt: string | null;
  /** By all rounds of it; null: nobody said. */
  readonly fetchedBytes: number | null;
  /** Of them, before the round that is told last: programs count from their own start. */
  readonly earlierBytes: number;
  /** Why it was rolled back, held, or failed. */
  readonly failure: FailureStory | null;
}

export interface WaitStory {
  readonly since: string;
  readonly reason: string;
  readonly until: string | null;
  /** What it waits for: the programs that run, for example. */
  readonly detail: string | null;
}

/** The last update of the agent's own program. */
export interface AgentUpdateStory {
  readonly at: string;
  readonly base: string | null;
  readonly version: string | null;
  /** `replaced`: has to prove itself · `confirmed` · `rolled_back` · `failed`. */
  readonly state: string;
  readonly failure: FailureStory | null;
}

export interface Story {
  readonly check: CheckStory | null;
  readonly attempt: AttemptStory | null;
  /** Null: nothing was waited for when the log ends. */
  readonly wait: WaitStory | null;
  /** What failed since the last check without there being an attempt: a gate, a requirement, the check itself. */
  readonly refusal: FailureStory | null;
  readonly agentUpdate: AgentUpdateStory | null;
}

const nothing: Story = { check: null, attempt: null, wait: null, refusal: null, agentUpdate: null };

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const list = (value: unknown): readonly Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];

export const tellStory = (entries: readonly UpdateLogEntry[]): Story =>
  entries.reduce((story, entry) => after(story, entry), nothing);

function after(story: Story, entry: UpdateLogEntry): Story {
  switch (entry.event) {
    case 'checked':
      return afterCheck({ ...story, attempt: nextRound(story.attempt) }, entry);
    case 'command_started':
      return { ...story, attempt: nextRound(story.attempt) };
    case 'command_ended':
      return afterCommand(story, entry);
    case 'plan_chosen':
      return { ...story, attempt: beginAttempt(entry, story.attempt), refusal: null, wait: null };
    case 'update_waits':
      return { ...story, wait: waitOf(entry) };
    case 'agent_replaced':
    case 'agent_confirmed':
    case 'agent_rolled_back':
    case 'agent_update_failed':
      return { ...story, agentUpdate: agentUpdateOf(entry, story.agentUpdate) };
    case 'command_failed':
    case 'update_failed':
      return afterFailure(story, entry);
    default:
      return story.attempt === null ? story : { ...story, attempt: afterStep(story.attempt, entry) };
  }
}

const waitOf = (entry: UpdateLogEntry): WaitStory => ({
  since: entry.time,
  reason: text(entry.reason) ?? '',
  until: text(entry.until),
  detail: text(entry.detail),
});

/** A wait for something lasts as long as it is offered. */
const afterCheck = (story: Story, entry: UpdateLogEntry): Story => ({
  ...story,
  check: checkOf(entry),
  refusal: null,
  wait: entry.outcome === 'available' ? story.wait : null,
});

const foundNothing = ['up_to_date', 'not_offered', 'blocked'];

/** `install` tells of its check by its end only. */
function afterCommand(story: Story, entry: UpdateLogEntry): Story {
  if (foundNothing.includes(text(entry.outcome) ?? '') && entry.command !== 'repair')
    return afterCheck(story, { ...entry, version: text(entry.blocked) });
  const { attempt } = story;
  const fetched = number(entry.fetched_bytes);
  const isOfAttempt =
    ['updated', 'rolled_back', 'prepared'].includes(text(entry.outcome) ?? '') && entry.version === attempt?.version;
  if (attempt === null || fetched === null || !isOfAttempt) return story;
  return { ...story, attempt: withFetched(attempt, fetched) };
}

/** Whatever follows is of another program, or of another round. */
const nextRound = (attempt: AttemptStory | null): AttemptStory | null =>
  attempt === null ? null : { ...attempt, earlierBytes: attempt.fetchedBytes ?? 0 };

const withFetched = (attempt: AttemptStory, bytes: number): AttemptStory => ({
  ...attempt,
  fetchedBytes: attempt.earlierBytes + bytes,
});

function agentUpdateOf(entry: UpdateLogEntry, before: AgentUpdateStory | null): AgentUpdateStory {
  const version = text(entry.version);
  const state = entry.event === 'agent_update_failed' ? 'failed' : entry.event.slice('agent_'.length);
  const failure = { at: entry.time, code: text(entry.code), message: text(entry.reason) ?? text(entry.message) ?? '' };
  return {
    at: entry.time,
    base: text(entry.base) ?? (before?.version === version ? before.base : null),
    version,
    state,
    failure: failure.message === '' ? null : failure,
  };
}

const checkOf = (entry: UpdateLogEntry): CheckStory => ({
  at: entry.time,
  command: entry.command,
  outcome: text(entry.outcome)?.replaceAll('-', '_') ?? '',
  version: text(entry.version),
  reason: text(entry.reason),
});

/** What was prepared before it was installed is one attempt: what failed on the way stays in it. */
function beginAttempt(entry: UpdateLogEntry, before: AttemptStory | null): AttemptStory {
  const cost = (entry.cost ?? {}) as Record<string, unknown>;
  const version = text(entry.version);
  const isSame = before !== null && before.version === version && before.endedAt === null;
  const plan = {
    label: text(entry.label) ?? '',
    fetchBytes: number(cost.fetch_bytes) ?? 0,
    requests: number(cost.requests) ?? 0,
    costBytes: number(cost.cost_bytes) ?? 0,
  };
  const losers = list(entry.losers).map((one) => ({
    label: text(one.label) ?? '',
    costBytes: number(one.cost_bytes),
    reason: text(one.reason) ?? '',
  }));
  // A later plan for what is here already costs nothing and says nothing.
  const isFirst = !isSame || plan.fetchBytes >= before.plan.fetchBytes;
  return {
    at: isSame ? before.at : entry.time,
    command: entry.command,
    base: text(entry.base),
    version,
    zipBytes: number(entry.zip_bytes),
    ...(isFirst ? { plan, losers } : { plan: before.plan, losers: before.losers }),
    fallbacks: isSame ? before.fallbacks : [],
    healed: isSame ? before.healed : [],
    steps: [],
    state: 'downloading',
    endedAt: null,
    fetchedBytes: isSame ? before.fetchedBytes : null,
    earlierBytes: isSame ? before.earlierBytes : 0,
    failure: null,
  };
}

function afterStep(attempt: AttemptStory, entry: UpdateLogEntry): AttemptStory {
  const reason = text(entry.reason) ?? '';
  const code = text(entry.code);
  const ending = (state: string): AttemptStory => ({ ...attempt, state, endedAt: entry.time });
  switch (entry.event) {
    case 'plan_failed':
      return {
        ...attempt,
        fallbacks: [...attempt.fallbacks, { label: text(entry.label) ?? '', code, reason, next: text(entry.next) ?? '' }],
      };
    case 'content_healed': {
      const healed = { path: text(entry.path) ?? '', code, reason, fetchedBytes: number(entry.fetched_bytes) ?? 0 };
      return { ...attempt, healed: [...attempt.healed, healed] };
    }
    case 'step_ended': {
      const step = { name: text(entry.name) ?? '', phase: text(entry.phase) ?? '', failure: text(entry.failure) };
      return { ...attempt, steps: [...attempt.steps, step] };
    }
    case 'update_prepared':
      return { ...fetchedBy(attempt, entry), state: 'prepared' };
    case 'staged':
      return { ...fetchedBy(attempt, entry), state: 'installing' };
    case 'committed':
      return { ...attempt, state: 'committed' };
    case 'recovered':
      return afterRecovery(attempt, entry);
    case 'confirmed':
      return entry.version === attempt.version ? ending('completed') : attempt;
    case 'rolled_back':
      if (text(entry.version) !== null && entry.version !== attempt.version) return attempt;
      return { ...ending('rolled_back'), failure: { at: entry.time, code: null, message: reason } };
    case 'update_held':
      return { ...ending('held'), failure: { at: entry.time, code: 'INSTALL_MAINTENANCE', message: reason } };
    default:
      return attempt;
  }
}

function fetchedBy(attempt: AttemptStory, entry: UpdateLogEntry): AttemptStory {
  const bytes = number(entry.fetched_bytes);
  return bytes === null ? attempt : withFetched(attempt, bytes);
}

/** What the next program made of an update that was cut short; one that has ended is not meant. */
function afterRecovery(attempt: AttemptStory, entry: UpdateLogEntry): AttemptStory {
  if (attempt.endedAt !== null) return attempt;
  const failure = { at: entry.time, code: null, message: text(entry.reason) ?? cutShort };
  switch (text(entry.outcome)) {
    case 'rolled-back':
      return { ...attempt, state: 'rolled_back', endedAt: entry.time, failure };
    case 'rolled-forward':
      return { ...attempt, state: 'committed' };
    case 'discarded':
      return { ...attempt, state: 'failed', endedAt: entry.time, failure };
    default:
      return attempt;
  }
}

const cutShort = 'it was cut short';

const updating = ['download', 'install', 'launch', 'agent'];

/** Whether it is what was being done when the entry was written: what is prepared only waits. */
const isWorkedOn = ({ state, endedAt }: AttemptStory, { command }: UpdateLogEntry): boolean =>
  endedAt === null && ['downloading', 'installing'].includes(state) && updating.includes(command);

/** What ended the attempt is told once more by its command, with the code. */
const isTold = ({ state, failure }: AttemptStory, { code, message }: FailureStory): boolean =>
  (state === 'rolled_back' && failure !== null && failure.message === message) ||
  (state === 'held' && code === 'INSTALL_MAINTENANCE');

/** What fails before there is a plan, or after an attempt has ended, is a refusal of its own. */
function afterFailure(story: Story, entry: UpdateLogEntry): Story {
  const code = text(entry.code);
  const failure = { at: entry.time, code, message: text(entry.message) ?? '' };
  const { attempt } = story;
  if (attempt !== null && isTold(attempt, failure)) return { ...story, attempt: { ...attempt, failure } };
  if (attempt === null || !isWorkedOn(attempt, entry)) return { ...story, refusal: failure };
  // Who was told to stop has not failed.
  if (entry.event === 'command_failed' && entry.state !== 'failed')
    return { ...story, attempt: { ...attempt, state: 'interrupted', failure } };
  return { ...story, attempt: { ...attempt, state: 'failed', endedAt: entry.time, failure } };
}
