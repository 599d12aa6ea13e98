/**
 * What the relay may fetch: objects named in plans between releases of its own branch, and nothing else. Terminals name the
 * releases; whether there is such a plan, and what is in it, the relay is told by the server, which answers it as it answers
 * any terminal of the customer. So a name from the network can at most make it ask, and how often that is, is bounded.
 */
import { type Clock, type Digest, hasCode, isUpdaterError, type PlanNames, UpdaterError } from '@remendo/core';

export interface KnownPlansOptions {
  readonly fetchPlan: (names: PlanNames) => Promise<ReadonlyMap<Digest, number>>;
  readonly clock: Clock;
  /** Null: any. */
  readonly applications: readonly string[] | null;
  readonly onLearned?: (names: PlanNames, objects: number) => void;
}

export interface KnownPlans {
  /**
   * How long an object is; null when no plan of the branch names it.
   * @param asked.names where whoever asks says that it is named; null: they say nothing. @param asked.by their address.
   * @throws UpdaterError DOWNLOAD_FAILED when the server can not be asked now, LIMIT_RATE when it was asked too often.
   */
  find(digest: Digest, asked: { readonly names: PlanNames | null; readonly by: string }): Promise<number | null>;
}

interface KnownPlan {
  readonly askedAtMs: number;
  readonly answer: Promise<ReadonlyMap<Digest, number>>;
  /** Empty until the answer is there. */
  objects: ReadonlyMap<Digest, number>;
}

/** The oldest is forgotten, and learned anew when it is needed. */
const plansMax = 256;
/** Deltas are built while a release is young: a plan that lacks an object is asked for again after this. */
const freshMs = 60_000;
const hourMs = 3_600_000;
/** Of questions for plans. A branch has a handful of versions; somebody who makes names up ends here. */
const questionsPerHourMax = 120;
/** And uses up only so much of it. */
const questionsPerAskerMax = 40;

export function openKnownPlans(options: KnownPlansOptions): KnownPlans {
  const { clock, applications } = options;
  const plans = new Map<string, KnownPlan>();
  const questions = hourlyQuestions(clock);
  const findKnown = (digest: Digest): number | null => {
    for (const { objects } of plans.values()) {
      const bytes = objects.get(digest);
      if (bytes !== undefined) return bytes;
    }
    return null;
  };
  const planOf = (names: PlanNames, by: string): KnownPlan => {
    const key = JSON.stringify([names.application, names.platform, names.base, names.target, names.codecs]);
    const known = plans.get(key);
    if (known !== undefined && Math.abs(clock.now() - known.askedAtMs) < freshMs) return known;
    questions.count(by);
    const plan = ask(names, options, () => plans.delete(key));
    plans.delete(key);
    plans.set(key, plan);
    for (const oldest of plans.keys()) {
      if (plans.size <= plansMax) break;
      plans.delete(oldest);
    }
    return plan;
  };
  return {
    async find(digest, { names, by }) {
      const known = findKnown(digest);
      const isServed = names !== null && (applications === null || applications.includes(names.application));
      if (known !== null || !isServed) return known;
      return (await planOf(names, by).answer).get(digest) ?? null;
    },
  };
}

function ask(names: PlanNames, { fetchPlan, clock, onLearned }: KnownPlansOptions, forget: () => void): KnownPlan {
  const answer = fetchPlan(names).then(
    (objects) => {
      plan.objects = objects;
      onLearned?.(names, objects.size);
      return objects;
    },
    (error: unknown) => {
      // A verdict is an answer: there is no such plan. Anything else may be over in a moment.
      if (isVerdict(error)) return plan.objects;
      forget();
      throw error;
    },
  );
  const plan: KnownPlan = { askedAtMs: clock.now(), answer, objects: new Map() };
  return plan;
}

const isVerdict = (error: unknown): boolean =>
  isUpdaterError(error) && !hasCode(error, 'DOWNLOAD_FAILED', 'LIMIT_RATE', 'SERVER_FAILED', 'DOWNLOAD_REDIRECT_REFUSED');

function hourlyQuestions(clock: Clock): { count(by: string): void } {
  let asked: { readonly atMs: number; readonly by: string }[] = [];
  return {
    count(by) {
      const now = clock.now();
      asked = asked.filter(({ atMs }) => Math.abs(now - atMs) < hourMs);
      const ofAsker = asked.filter((question) => question.by === by).length;
      if (asked.length >= questionsPerHourMax || ofAsker >= questionsPerAskerMax)
        throw new UpdaterError('LIMIT_RATE', 'too many plans were asked for', {
          details: { questionsPerHourMax, questionsPerAskerMax },
        });
      asked.push({ atMs: now, by });
    },
  };
}
