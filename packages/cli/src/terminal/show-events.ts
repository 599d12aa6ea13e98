/** Makes steps, bars, JSON lines and log lines of what the library tells. */
import type { UpdateEvent } from '@remendo/core';
import type { Language } from '../language.js';
import { dayText } from '../output/duration.js';
import type { Output } from '../output/output.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { wordFor } from './messages.js';
import type { UpdateLog, UpdateLogState } from './update-log.js';
import { type UpdateMessages, updateMessages } from './update-messages.js';

export interface ShownEvents {
  readonly onEvent: (event: UpdateEvent) => void;
  /** What recovery did at the start; null when there was nothing to do. */
  readonly recovery: () => string | null;
  /** Settles when all that an update needs is here. */
  readonly staged: Promise<void>;
}

export interface ShowEventsOptions {
  /** False where the plan was shown before (default: it was not). */
  readonly showPlan?: () => boolean;
  /** Of all answers until now, for the log. */
  readonly fetchedBytes: () => number;
}

export function showEvents(output: Output, log: UpdateLog, options: ShowEventsOptions): ShownEvents {
  const { showPlan = () => true, fetchedBytes } = options;
  let recovery: string | null = null;
  let tellStaged: () => void = () => {};
  const staged = new Promise<void>((resolve) => {
    tellStaged = resolve;
  });
  let state: UpdateLogState | null = null;
  let percent = -1;
  const enter = (next: UpdateLogState): void => {
    if (state === next) return;
    state = next;
    log.write('state_entered', { state });
  };
  return {
    recovery: () => recovery,
    staged,
    onEvent(event) {
      if (event.kind === 'recovered') {
        // What the command found first counts; every later step that opens the install finds what that left.
        if (recovery !== null) return;
        recovery = event.outcome;
      }
      if (event.kind === 'staged') tellStaged();
      const next = stateAfter(event);
      if (next !== null) enter(next);
      if (event.kind === 'download-progressed') {
        const now = event.bytesTotal === 0 ? 100 : Math.floor((event.bytesDone / event.bytesTotal) * 100);
        if (now !== percent) output.event('download_progressed', { ...fieldsOf(event), percent: now });
        percent = now;
      } else if (isTold(event)) {
        output.event(eventName(event), fieldsOf(event));
        const fetched = event.kind === 'staged' ? { fetchedBytes: fetchedBytes() } : {};
        if (event.kind !== 'content-made') log.write(eventName(event), { ...fieldsOf(event), ...fetched });
      }
      showStep(output, event, showPlan);
    },
  };
}

const eventName = (event: UpdateEvent): string => event.kind.replaceAll('-', '_');

function fieldsOf(event: UpdateEvent): object {
  const { kind: _, ...fields } = event;
  return fields;
}

/** One line per file of a large release would drown the rest. */
const isTold = (event: UpdateEvent): boolean => event.kind !== 'staged-file-verified' && event.kind !== 'file-moved';

function stateAfter(event: UpdateEvent): UpdateLogState | null {
  switch (event.kind) {
    case 'plan-chosen':
      return 'downloading';
    case 'step-began':
      return event.phase === 'before' ? 'backing_up' : 'installing';
    case 'content-made':
    case 'staged':
      return 'installing';
    case 'confirmed':
      return 'completed';
    case 'rolled-back':
      return 'rolled_back';
    default:
      return null;
  }
}

function showStep(output: Output, event: UpdateEvent, showPlan: () => boolean): void {
  const { progress, language } = output;
  const say = updateMessages(language);
  const remark = remarkOn(event, language);
  if (remark !== null) output[remark.level](remark.text);
  switch (event.kind) {
    case 'plan-chosen':
      if (!showPlan()) break;
      for (const line of planLines([{ label: event.label, ...event.cost }], event.losers, language)) output.line(line);
      break;
    case 'download-progressed':
      progress.step(say.downloading);
      progress.at(event.bytesDone, event.bytesTotal, 'bytes');
      break;
    case 'content-made':
      progress.step(say.buildingFiles);
      progress.at(event.contentsDone, event.contentsTotal, 'files');
      break;
    case 'staged':
      progress.step(say.verifying);
      break;
    case 'step-began':
      progress.step(printable(event.name));
      break;
    case 'step-undone':
      progress.step(say.undoing(printable(event.name)));
      break;
    case 'transaction-state-entered':
      if (event.state === 'committing') progress.step(say.swapping);
      if (event.state === 'rolling_back') progress.step(say.rollingBack);
      break;
    default:
  }
}

/** What a person should read, in a sentence. */
function remarkOn(event: UpdateEvent, language: Language): { readonly level: 'note' | 'warn'; readonly text: string } | null {
  const say = updateMessages(language);
  const words = (text: string, code: string | null = null): string => printable(told(text, language, code));
  switch (event.kind) {
    case 'recovered':
      return { level: 'note', text: say.recovered(wordFor(say, event.outcome)) };
    case 'root-taken': {
      const text = say.rootTaken(event.keyIds.map((id) => id.slice(0, 16)).join(', '));
      return { level: 'warn', text };
    }
    case 'base-identified': {
      const text = say.recognised(printable(event.version), event.matched, event.files);
      return { level: 'note', text };
    }
    case 'signature-verified': {
      const { userIds, fingerprint, signedAtMs } = event;
      const who = userIds[0] === undefined ? say.keyWithoutName : printable(userIds[0]);
      const when = dayText(language, new Date(signedAtMs).toISOString().slice(0, 10));
      const text = say.signedBy(who, fingerprint, when);
      return { level: 'note', text };
    }
    case 'content-healed': {
      const text = say.healed(printable(event.path), event.fetchedBytes, words(event.reason, event.code));
      return { level: 'warn', text };
    }
    case 'step-ended':
      return event.failure === null
        ? null
        : { level: 'warn', text: stepFailure(say.stepFailed(printable(event.name)), event, language) };
    case 'step-undone':
      return event.failure === null
        ? { level: 'note', text: say.stepUndone(printable(event.name)) }
        : { level: 'warn', text: stepFailure(say.stepNotUndone(printable(event.name)), event, language) };
    case 'update-held': {
      const text = say.updateHeld(printable(event.version));
      return { level: 'warn', text };
    }
    case 'confirm-failed': {
      const text = say.confirmFailed(printable(event.version), printable(event.reason));
      return { level: 'warn', text };
    }
    case 'plan-failed': {
      const text = say.planFailed(words(event.label), words(event.reason, event.code), words(event.next));
      return { level: 'warn', text };
    }
    default:
      return null;
  }
}

/** With the end of what the program said. */
function stepFailure(
  what: string,
  { failure, output }: { readonly failure: string | null; readonly output: string },
  language: Language,
): string {
  const lines = output
    .split('\n')
    .slice(-stepLinesShownMax)
    .map((line) => `\n    ${printable(line)}`);
  return `${what}: ${printable(told(failure ?? '', language))}${output === '' ? '' : lines.join('')}`;
}

const stepLinesShownMax = 5;

export interface ShownOffer {
  readonly label: string;
  readonly fetchBytes: number;
  readonly requests: number;
  readonly costBytes: number;
}

export interface ShownLoser {
  readonly label: string;
  readonly costBytes: number | null;
  readonly reason: string;
}

const losersShownMax = 8;

/** In the units of the other columns, where it lost by its cost. */
function lossText({ costBytes, reason }: ShownLoser, chosen: ShownOffer | undefined, language: Language): string {
  if (chosen === undefined || costBytes === null || costBytes < chosen.costBytes) return printable(told(reason, language));
  return dearerText(costBytes - chosen.costBytes, updateMessages(language));
}

const dearerText = (bytes: number, say: UpdateMessages): string => (bytes === 0 ? say.sameCost : say.dearer(bytes));

/** The chosen plan first, then what else is offered, then what lost. */
export function planLines(offers: readonly ShownOffer[], losers: readonly ShownLoser[], language: Language): readonly string[] {
  const say = updateMessages(language);
  const { bytes } = quantities[language];
  const [chosen] = offers;
  const rows = [
    ...offers.map((offer) => [
      printable(told(offer.label, language)),
      bytes(offer.fetchBytes),
      bytes(offer.costBytes),
      offer === chosen ? say.chosen(offer.requests) : dearerText(offer.costBytes - (chosen?.costBytes ?? 0), say),
    ]),
    ...losers
      .slice(0, losersShownMax)
      .map((loser) => [
        printable(told(loser.label, language)),
        '',
        loser.costBytes === null ? '—' : bytes(loser.costBytes),
        lossText(loser, chosen, language),
      ]),
  ];
  const rest = losers.length - losersShownMax;
  return [
    ...tableLines(
      [{ title: say.plan }, { title: say.toFetch, align: 'right' }, { title: say.cost, align: 'right' }, { title: '' }],
      rows,
    ),
    ...(rest > 0 ? [say.morePlans(rest)] : []),
  ];
}
