/** The story for people. */

import { dayText, momentText } from '../output/duration.js';
import type { Output } from '../output/output.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { pairLines, tableLines } from '../output/table.js';
import { customerMessages } from '../terminal/customer-messages.js';
import { terminalMessages, wordFor } from '../terminal/messages.js';
import { updateMessages } from '../terminal/update-messages.js';
import type { AgentState } from './agent-state.js';
import type { AgentUpdateStory, AttemptStory, CheckStory, FailureStory, Story, WaitStory } from './tell-story.js';
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
  const { check, attempt, wait, refusal, agentUpdate } = story;
  const at = (time: string): string => (Number.isNaN(Date.parse(time)) ? printable(time) : momentText(language, Date.parse(time)));
  const pairs: Pair[] = [
    [say.installed, printable(facts.installed ?? say.nothing)],
    [
      say.lastCheck,
      check === null ? say.never : `${at(check.at)}, ${say.by(printable(check.command))}: ${checkText(language, check)}`,
    ],
  ];
  if (attempt !== null) pairs.push(...attemptPairs(language, say, attempt, at));
  if (wait !== null) pairs.push([say.waits, waitText(language, wait, at)]);
  if (refusal !== null) pairs.push([say.refused, `${at(refusal.at)}: ${failureText(language, refusal)}`]);
  if (blocked.length > 0) pairs.push([say.blocked, printable(blocked.join(', '))]);
  if (license !== null) {
    const status = printable(wordFor(customerMessages(language), license.status));
    pairs.push([say.licence, say.licenceEnds(status, printable(dayText(language, license.expiresOn)))]);
  }
  if (agentUpdate !== null) pairs.push([say.agentUpdate, `${at(agentUpdate.at)}: ${agentUpdateText(language, agentUpdate)}`]);
  if (events > 0) pairs.push([say.queued, say.events(events)]);
  return [...pairLines(pairs), ...(attempt === null ? [] : attemptLines(language, say, attempt))];
}

function checkText(language: Output['language'], { outcome, version, reason }: CheckStory): string {
  const say = whyMessages(language);
  const shown = printable(version ?? '');
  const texts: Readonly<Record<string, string>> = {
    available: say.available(shown),
    up_to_date: say.up_to_date,
    not_offered: say.not_offered(printable(wordFor(terminalMessages(language), reason ?? ''))),
    blocked: say.checkBlocked(shown),
  };
  return texts[outcome] ?? printable(outcome);
}

function waitText(language: Output['language'], { reason, until, detail }: WaitStory, at: (time: string) => string): string {
  const say = whyMessages(language);
  const reasons: Readonly<Record<string, string>> = {
    download_window: say.download_window,
    install_window: say.install_window,
    on_hold: say.on_hold,
    in_use: say.in_use,
    busy: say.busy,
    server: say.server,
    awaiting_launch: say.awaiting_launch,
  };
  const words = reasons[reason] ?? printable(reason);
  // Who it is that it waits for.
  const shown = detail === null || !['in_use', 'busy'].includes(reason) ? words : printable(told(detail, language));
  return until === null ? shown : say.until(shown, at(until));
}

function failureText(language: Output['language'], { code, message }: FailureStory): string {
  const words = told(message, language, code);
  return printable(code === null ? words : `${code}: ${words}`);
}

function agentUpdateText(language: Output['language'], { base, version, state, failure }: AgentUpdateStory): string {
  const say = whyMessages(language);
  const what = version === null ? '' : `${base === null ? '' : `${printable(base)} → `}${printable(version)}, `;
  const reason = failure === null ? '' : failureText(language, failure);
  const texts: Readonly<Record<string, string>> = {
    replaced: say.agentReplaced,
    confirmed: say.stateCompleted,
    rolled_back: say.stateRolledBack(reason),
    failed: say.stateFailed(reason),
  };
  return `${what}${texts[state] ?? printable(state)}`;
}

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
    [say.lastUpdate, `${at(attempt.at)}, ${say.by(printable(attempt.command))}: ${what}, ${stateText(language, attempt)}`],
    [
      fetchedBytes === null ? say.toFetch : say.fetched,
      zipBytes === null ? bytes(needed) : say.fetchedOf(bytes(needed), bytes(zipBytes)),
    ],
  ];
}

function stateText(language: Output['language'], { state, failure }: AttemptStory): string {
  const say = whyMessages(language);
  const reason = failure === null ? '' : failureText(language, failure);
  const texts: Readonly<Record<string, string>> = {
    downloading: say.stateDownloading,
    prepared: say.statePrepared,
    installing: say.stateInstalling,
    interrupted: say.stateInterrupted(reason),
    committed: say.stateCommitted,
    completed: say.stateCompleted,
    rolled_back: say.stateRolledBack(reason),
    held: say.stateHeld(reason),
    failed: say.stateFailed(reason),
  };
  return texts[state] ?? printable(state);
}

const dearerText = (language: Output['language'], bytes: number): string =>
  bytes === 0 ? updateMessages(language).sameCost : whyMessages(language).dearer(quantities[language].bytes(bytes));

const shownMax = 8;

function attemptLines(
  language: Output['language'],
  say: Say,
  { plan, losers, fallbacks, healed, steps }: AttemptStory,
): readonly string[] {
  const { bytes } = quantities[language];
  const words = (text: string): string => printable(told(text, language));
  const under = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', title, ...lines.slice(0, shownMax).map((line) => `  ${line}`)];
  const rows = [
    [words(plan.label), bytes(plan.fetchBytes), bytes(plan.costBytes), say.cheaper],
    ...losers.map(({ label, costBytes, reason }) => [
      words(label),
      '',
      costBytes === null ? '—' : bytes(costBytes),
      costBytes === null || costBytes < plan.costBytes ? words(reason) : dearerText(language, costBytes - plan.costBytes),
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
      fallbacks.map(
        ({ label, code, reason, next }) => `${words(label)}: ${say.wentOn(printable(told(reason, language, code)), words(next))}`,
      ),
    ),
    ...under(
      say.healed,
      healed.map(
        ({ path, code, reason, fetchedBytes }) =>
          `${printable(path)} (${bytes(fetchedBytes)}): ${printable(told(reason, language, code))}`,
      ),
    ),
    ...under(
      say.steps,
      steps.map(
        ({ name, phase, failure }) =>
          `${printable(wordFor(say, phase))} ${printable(name)}: ${failure === null ? say.ok : words(failure)}`,
      ),
    ),
  ];
}
