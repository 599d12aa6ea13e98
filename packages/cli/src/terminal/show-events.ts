/** Makes steps, bars, JSON lines and log lines of what the library tells. */
import type { UpdateEvent } from '@remendo/core';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import type { UpdateLog, UpdateLogState } from './update-log.js';

export interface ShownEvents {
  readonly onEvent: (event: UpdateEvent) => void;
  /** What recovery did at the start; null when there was nothing to do. */
  readonly recovery: () => string | null;
}

/** @param showPlan false where the plan was shown before. */
export function showEvents(output: Output, log: UpdateLog, showPlan: () => boolean = () => true): ShownEvents {
  let recovery: string | null = null;
  let state: UpdateLogState | null = null;
  let percent = -1;
  const enter = (next: UpdateLogState): void => {
    if (state === next) return;
    state = next;
    log.write('state_entered', { state });
  };
  return {
    recovery: () => recovery,
    onEvent(event) {
      if (event.kind === 'recovered') {
        // What the command found first counts; every later step that opens the install finds what that left.
        if (recovery !== null) return;
        recovery = event.outcome;
      }
      const next = stateAfter(event);
      if (next !== null) enter(next);
      if (event.kind === 'download-progressed') {
        const now = event.bytesTotal === 0 ? 100 : Math.floor((event.bytesDone / event.bytesTotal) * 100);
        if (now !== percent) output.event('download_progressed', { ...fieldsOf(event), percent: now });
        percent = now;
      } else if (isTold(event)) {
        output.event(eventName(event), fieldsOf(event));
        if (event.kind !== 'content-made') log.write(eventName(event), fieldsOf(event));
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
  const { progress } = output;
  const remark = remarkOn(event);
  if (remark !== null) output[remark.level](remark.text);
  switch (event.kind) {
    case 'plan-chosen':
      if (showPlan()) for (const line of planLines([{ label: event.label, ...event.cost }], event.losers)) output.line(line);
      break;
    case 'download-progressed':
      progress.step('Downloading');
      progress.at(event.bytesDone, event.bytesTotal, 'bytes');
      break;
    case 'content-made':
      progress.step('Building files');
      progress.at(event.contentsDone, event.contentsTotal, 'files');
      break;
    case 'staged':
      progress.step('Verifying');
      break;
    case 'transaction-state-entered':
      if (event.state === 'committing') progress.step('Swapping');
      if (event.state === 'rolling_back') progress.step('Rolling back');
      break;
    default:
  }
}

/** What a person should read, in a sentence. */
function remarkOn(event: UpdateEvent): { readonly level: 'note' | 'warn'; readonly text: string } | null {
  switch (event.kind) {
    case 'recovered':
      return { level: 'note', text: `recovered: ${recoveryTexts[event.outcome] ?? event.outcome}` };
    case 'root-taken': {
      const text = `no root of trust was shipped with this machine: the server's was taken, and is the only one from now on (keys ${event.keyIds.map((id) => id.slice(0, 16)).join(', ')})`;
      return { level: 'warn', text };
    }
    case 'base-identified': {
      const text = `the install was recognised as ${printable(event.version)} by ${event.matched} of ${countText(event.files, 'file')}`;
      return { level: 'note', text };
    }
    case 'signature-verified': {
      const { userIds, fingerprint, signedAtMs } = event;
      const who = userIds[0] === undefined ? 'a key without a name' : printable(userIds[0]);
      const when = new Date(signedAtMs).toISOString().slice(0, 10);
      const text = `signed by ${who} (${fingerprint}) on ${when}; that covers the full zip only, so no deltas were used`;
      return { level: 'note', text };
    }
    case 'content-healed': {
      const text = `${printable(event.path)} was fetched whole (${bytesText(event.fetchedBytes)}): ${printable(event.reason)}`;
      return { level: 'warn', text };
    }
    case 'plan-failed': {
      const text = `the plan "${printable(event.label)}" did not work out (${printable(event.reason)}); going on with "${printable(event.next)}"`;
      return { level: 'warn', text };
    }
    default:
      return null;
  }
}

const recoveryTexts: Readonly<Record<string, string>> = {
  discarded: 'an update that had not been put in place was given up',
  staged: 'an update is ready to be put in place',
  'rolled-forward': 'an update that was cut short has been finished',
  'rolled-back': 'an update that was cut short has been undone',
  committed: 'an update is in place and still has to prove itself',
};

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
function lossText({ costBytes, reason }: ShownLoser, chosen: ShownOffer | undefined): string {
  if (chosen === undefined || costBytes === null || costBytes < chosen.costBytes) return printable(reason);
  return dearerText(costBytes - chosen.costBytes);
}

const dearerText = (bytes: number): string => (bytes === 0 ? 'the same cost' : `${bytesText(bytes)} dearer`);

/** The chosen plan first, then what else is offered, then what lost. */
export function planLines(offers: readonly ShownOffer[], losers: readonly ShownLoser[]): readonly string[] {
  const [chosen] = offers;
  const rows = [
    ...offers.map((offer) => [
      printable(offer.label),
      bytesText(offer.fetchBytes),
      bytesText(offer.costBytes),
      offer === chosen ? `chosen, ${countText(offer.requests, 'request')}` : dearerText(offer.costBytes - (chosen?.costBytes ?? 0)),
    ]),
    ...losers
      .slice(0, losersShownMax)
      .map((loser) => [
        printable(loser.label),
        '',
        loser.costBytes === null ? '—' : bytesText(loser.costBytes),
        lossText(loser, chosen),
      ]),
  ];
  const rest = losers.length - losersShownMax;
  return [
    ...tableLines(
      [{ title: 'plan' }, { title: 'to fetch', align: 'right' }, { title: 'cost', align: 'right' }, { title: '' }],
      rows,
    ),
    ...(rest > 0 ? [`… and ${countText(rest, 'more plan')} that lost`] : []),
  ];
}
