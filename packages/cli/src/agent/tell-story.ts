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
  readonly fallbacks: readonly { readonly label: string; readonly reason: string; readonly next: string }[];
  readonly healed: readonly { readonly path: string; readonly reason: string; readonly fetchedBytes: number }[];
  readonly steps: readonly StepStory[];
  /** `downloading`, `prepared`, `installing`, `committed`, `completed`, `rolled_back`, `held`, `failed`. */
  readonly state: string;
  readonly endedAt: string | null;
  readonly fetchedBytes: number | null;
  /** Why it was rolled back, held, or failed. */
  readonly failure: FailureStory | null;
}

export interface WaitStory {
  readonly since: string;
  readonly reason: string;
  readonly until: string | null;
}

export interface Story {
  readonly check: CheckStory | null;
  readonly attempt: AttemptStory | null;
  /** Null: nothing was waited for when the log ends. */
  readonly wait: WaitStory | null;
  /** What failed since the last check without there being an attempt: a gate, a requirement, the check itself. */
  readonly refusal: FailureStory | null;
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const list = (value: unknown): readonly Record<string, unknown>[] => (Array.isArray(value) ? value : []);

export const tellStory = (entries: readonly UpdateLogEntry[]): Story =>
  entries.reduce(after, { check: null, attempt: null, wait: null, refusal: null } as Story);

function after(story: Story, entry: UpdateLogEntry): Story {
  switch (entry.event) {
    case 'checked':
      return { ...story, check: checkOf(entry), refusal: null, wait: entry.outcome === 'available' ? story.wait : null };
    case 'plan_chosen':
      return { ...story, attempt: beginAttempt(entry, story.attempt), refusal: null, wait: null };
    case 'update_waits':
      return { ...story, wait: { since: entry.time, reason: text(entry.reason) ?? '', until: text(entry.until) } };
    case 'command_failed':
    case 'update_failed':
      return afterFailure(story, entry);
    default:
      return story.attempt === null ? story : { ...story, attempt: afterStep(story.attempt, entry) };
  }
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
    fetchedBytes: null,
    failure: null,
  };
}

function afterStep(attempt: AttemptStory, entry: UpdateLogEntry): AttemptStory {
  const reason = text(entry.reason) ?? '';
  const ending = (state: string): AttemptStory => ({ ...attempt, state, endedAt: entry.time });
  switch (entry.event) {
    case 'plan_failed':
      return {
        ...attempt,
        fallbacks: [...attempt.fallbacks, { label: text(entry.label) ?? '', reason, next: text(entry.next) ?? '' }],
      };
    case 'content_healed': {
      const healed = { path: text(entry.path) ?? '', reason, fetchedBytes: number(entry.fetched_bytes) ?? 0 };
      return { ...attempt, healed: [...attempt.healed, healed] };
    }
    case 'step_ended': {
      const step = { name: text(entry.name) ?? '', phase: text(entry.phase) ?? '', failure: text(entry.failure) };
      return { ...attempt, steps: [...attempt.steps, step] };
    }
    case 'update_prepared':
      return { ...attempt, state: 'prepared' };
    case 'staged':
      return { ...attempt, state: 'installing' };
    case 'committed':
      return { ...attempt, state: 'committed' };
    case 'confirmed':
      return entry.version === attempt.version ? ending('completed') : attempt;
    case 'rolled_back':
      return { ...ending('rolled_back'), failure: { at: entry.time, code: null, message: reason } };
    case 'update_held':
      return { ...ending('held'), failure: { at: entry.time, code: 'INSTALL_MAINTENANCE', message: reason } };
    case 'command_ended':
      return { ...attempt, fetchedBytes: number(entry.fetched_bytes) ?? attempt.fetchedBytes };
    default:
      return attempt;
  }
}

/** What fails before there is a plan, or after an attempt has ended, is a refusal of its own. */
function afterFailure(story: Story, entry: UpdateLogEntry): Story {
  const failure = { at: entry.time, code: text(entry.code), message: text(entry.message) ?? '' };
  const { attempt } = story;
  if (attempt === null || attempt.endedAt !== null || attempt.state === 'committed') return { ...story, refusal: failure };
  return { ...story, attempt: { ...attempt, state: 'failed', endedAt: entry.time, failure } };
}
