/** The story for people. */
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { pairLines, tableLines } from '../output/table.js';
import type { AgentState } from './agent-state.js';
import { momentText } from './end-lines.js';
import type { AttemptStory, CheckStory, FailureStory, Story } from './tell-story.js';
import { whyMessages } from './why-messages.js';

export interface WhyFacts {
  readonly installed: string | null;
  readonly blocked: readonly string[];
  readonly story: Story;
  readonly license: AgentState['license'];
  /** Not told the server yet. */
  readonly events: number;
}

type Say = ReturnType<typeof whyMessages>;
type Pair = readonly [string, string];

export function whyLines({ language }: Pick<Output, 'language'>, facts: WhyFacts): readonly string[] {
  const say = whyMessages(language);
  const { story, blocked, license, events } = facts;
  const { check, attempt, wait, refusal } = story;
  const at = (time: string): string => (Number.isNaN(Date.parse(time)) ? printable(time) : momentText(language, Date.parse(time)));
  const pairs: Pair[] = [
    [say.installed, printable(facts.installed ?? say.nothing)],
    [say.lastCheck, check === null ? say.never : `${at(check.at)}, ${say.by(printable(check.command))}: ${checkText(say, check)}`],
  ];
  if (attempt !== null) pairs.push(...attemptPairs(language, say, attempt, at));
  if (wait !== null) pairs.push([say.waits, waitText(say, wait.reason, wait.until === null ? null : at(wait.until))]);
  if (refusal !== null) pairs.push([say.refused, `${at(refusal.at)}: ${failureText(refusal)}`]);
  if (blocked.length > 0) pairs.push([say.blocked, printable(blocked.join(', '))]);
  if (license !== null) pairs.push([say.licence, say.licenceEnds(printable(license.status), printable(license.expiresOn))]);
  if (events > 0) pairs.push([say.queued, say.events(events)]);
  return [...pairLines(pairs), ...(attempt === null ? [] : attemptLines(language, say, attempt))];
}

function checkText(say: Say, { outcome, version, reason }: CheckStory): string {
  const shown = printable(version ?? '');
  const texts: Readonly<Record<string, string>> = {
    available: say.available(shown),
    up_to_date: say.up_to_date,
    not_offered: say.not_offered(printable(reason ?? '')),
    blocked: say.checkBlocked(shown),
  };
  return texts[outcome] ?? printable(outcome);
}

function waitText(say: Say, reason: string, until: string | null): string {
  const reasons: Readonly<Record<string, string>> = {
    download_window: say.download_window,
    install_window: say.install_window,
    on_hold: say.on_hold,
    in_use: say.in_use,
    busy: say.busy,
    awaiting_launch: say.awaiting_launch,
  };
  const shown = reasons[reason] ?? printable(reason);
  return until === null ? shown : say.until(shown, until);
}

const failureText = ({ code, message }: FailureStory): string => printable(code === null ? message : `${code}: ${message}`);

function attemptPairs(
  language: Output['language'],
  say: Say,
  attempt: AttemptStory,
  at: (time: string) => string,
): readonly Pair[] {
  const { bytes } = quantities[language];
  const { base, version, zipBytes, plan, fetchedBytes } = attempt;
  const what = `${printable(base ?? say.nothing)} → ${printable(version ?? '?')}`;
  const needed = fetchedBytes ?? plan.fetchBytes;
  return [
    [say.lastUpdate, `${at(attempt.at)}, ${say.by(printable(attempt.command))}: ${what}, ${stateText(say, attempt)}`],
    [say.fetched, zipBytes === null ? bytes(needed) : say.fetchedOf(bytes(needed), bytes(zipBytes))],
  ];
}

function stateText(say: Say, { state, failure }: AttemptStory): string {
  const reason = failure === null ? '' : failureText(failure);
  const texts: Readonly<Record<string, string>> = {
    downloading: say.stateDownloading,
    prepared: say.statePrepared,
    installing: say.stateInstalling,
    committed: say.stateCommitted,
    completed: say.stateCompleted,
    rolled_back: say.stateRolledBack(reason),
    held: say.stateHeld(reason),
    failed: say.stateFailed(reason),
  };
  return texts[state] ?? printable(state);
}

const shownMax = 8;

function attemptLines(
  language: Output['language'],
  say: Say,
  { plan, losers, fallbacks, healed, steps }: AttemptStory,
): readonly string[] {
  const { bytes } = quantities[language];
  const under = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', title, ...lines.slice(0, shownMax).map((line) => `  ${line}`)];
  const rows = [
    [printable(plan.label), bytes(plan.fetchBytes), bytes(plan.costBytes), say.cheaper],
    ...losers.map(({ label, costBytes, reason }) => [
      printable(label),
      '',
      costBytes === null ? '—' : bytes(costBytes),
      costBytes === null || costBytes < plan.costBytes ? printable(reason) : say.dearer(bytes(costBytes - plan.costBytes)),
    ]),
  ];
  const columns = [
    { title: say.plan },
    { title: say.toFetch, align: 'right' },
    { title: say.cost, align: 'right' },
    { title: '' },
  ] as const;
  return [
    ...under(say.plans, tableLines(columns, rows)),
    ...under(
      say.fallbacks,
      fallbacks.map(({ label, reason, next }) => `${printable(label)}: ${say.wentOn(printable(reason), printable(next))}`),
    ),
    ...under(
      say.healed,
      healed.map(({ path, reason, fetchedBytes }) => `${printable(path)} (${bytes(fetchedBytes)}): ${printable(reason)}`),
    ),
    ...under(
      say.steps,
      steps.map(
        ({ name, phase, failure }) => `${printable(phase)} ${printable(name)}: ${failure === null ? say.ok : printable(failure)}`,
      ),
    ),
  ];
}
