/** What a terminal leaves on the stick that it was updated from. */
import { type InstallState, isUpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { TerminalSecret } from '../credentials.js';
import type { EventQueue } from '../history/event-queue.js';
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

/** As many as one receipt takes. */
const eventsMax = 500;

/** Never fails: the events stay queued, for the server or the next stick. */
export async function leaveReceipts({ output, language }: CommandContext, leaving: LeavingReceipts): Promise<void> {
  const { folder, queue, terminal, state } = leaving;
  const say = bundleMessages(language);
  const events = queue.peek(eventsMax).map(({ event }) => event);
  if (events.length === 0 || state === null) return;
  if (terminal === null) return output.note(say.noReceipt(say.notEnrolled));
  try {
    const { application, platform } = state;
    const paths = await writeReceipts(folder, { application, platform, terminal, events, nowMs: Date.now() });
    for (const path of paths) output.note(say.receiptWritten(printable(path)));
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    output.note(say.noReceipt(printable(error.message)));
  }
}
