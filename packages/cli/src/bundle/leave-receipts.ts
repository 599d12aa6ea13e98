/** What a terminal leaves on the stick that it was updated from. */
import { type InstallState, isUpdaterError } from '@remendo/core';
import type { UpdateEvent } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import type { TerminalSecret } from '../credentials.js';
import type { EventQueue } from '../history/event-queue.js';
import { toldError } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { bundleMessages } from './messages.js';
import { writeReceipts } from './receipt-files.js';

export interface LeavingReceipts {
  /** Of the bundle. */
  readonly folder: string;
  readonly queue: EventQueue;
  /** Null: it is not enrolled. */
  readonly terminal: TerminalSecret | null;
  /** Null: nothing was ever installed. */
  readonly state: InstallState | null;
}

/** Of all receipts of a stick: a terminal that never meets its server tells of its newest updates, not of its first for ever. */
const eventsMax = 500;

/** Never fails: the events stay queued, for the server or the next stick. */
export async function leaveReceipts({ output, language }: CommandContext, leaving: LeavingReceipts): Promise<void> {
  const { folder, queue, terminal, state } = leaving;
  const say = bundleMessages(language);
  const events = newestUpdates(queue.peek(queue.count()).map(({ event }) => event));
  if (events.length === 0 || state === null) return;
  if (terminal === null) return output.note(say.noReceipt(say.notEnrolled));
  try {
    const { application, platform } = state;
    const paths = await writeReceipts(folder, { application, platform, terminal, events, nowMs: Date.now() });
    for (const path of paths) output.note(say.receiptWritten(printable(path)));
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    output.note(say.noReceipt(printable(toldError(error, language))));
  }
}

/** As many as there may be, in order, of whole updates: half of one would take the place of all of it. */
function newestUpdates(events: readonly UpdateEvent[]): readonly UpdateEvent[] {
  const counts = new Map<string | null, number>();
  for (const { update_id: id = null } of events) counts.set(id, (counts.get(id) ?? 0) + 1);
  const told = new Set<string | null>();
  let sum = 0;
  for (const [id, count] of [...counts].reverse()) {
    sum += count;
    if (told.size > 0 && sum > eventsMax) break;
    told.add(id);
  }
  return events.filter(({ update_id: id = null }) => told.has(id));
}
