/** The history of one install, for a command that works on it: what it records, and how the server is told. */
import { createHttpClient, type HttpClientOptions, type InstallState, nodeHost } from '@remendo/core';
import { openProgressFile, type ProgressFile } from '../agent/progress-file.js';
import { type Delivery, deliverEvents } from './deliver-events.js';
import { type EventQueue, openEventQueue, type QueuedEvent } from './event-queue.js';
import { openUpdateRecorder, type UpdateRecorder } from './update-recorder.js';

export interface History {
  readonly recorder: UpdateRecorder;
  readonly progress: ProgressFile;
  readonly queue: EventQueue;
  /** Nothing is recorded or told any more: where others can write, nobody knows whose events these are. */
  close(): void;
  /** Tells the server what is queued. Null: there is no server, or nothing to tell. @throws the signal's reason. */
  deliver(signal: AbortSignal): Promise<Delivery | null>;
}

export interface HistoryOptions {
  /** The updater's folder. */
  readonly home: string;
  readonly command: string;
  /** Of all answers until now. */
  readonly fetchedBytes: () => number;
  /** Null: there is none. */
  readonly server: Pick<HttpClientOptions, 'serverUrl' | 'credentials' | 'allowInsecure'> | null;
  readonly readState: () => Promise<InstallState | null>;
  /** Told when a download has come a step further. */
  readonly onStep?: (percent: number) => void;
  /** Of events that are damaged, or that the server will never take. */
  readonly onRefused: (eventId: string, reason: string) => void;
}

export function openHistory(options: HistoryOptions): History {
  const { home, command, fetchedBytes, server, readState, onRefused } = options;
  const { clock, random } = nodeHost();
  const now = (): number => clock.now();
  const queue = openEventQueue({ home, now, onDamaged: (name) => onRefused(name, 'the file is damaged') });
  const progress = openProgressFile(home, command, now);
  const steps = options.onStep === undefined ? {} : { onStep: options.onStep };
  const recorder = openUpdateRecorder({ home, queue, progress, now, fetchedBytes, ...steps });
  let isClosed = false;
  return {
    queue,
    progress,
    recorder: {
      onEvent(event) {
        if (!isClosed) recorder.onEvent(event);
      },
      onEntry(entry) {
        if (!isClosed) recorder.onEntry(entry);
      },
      hasQueued: recorder.hasQueued,
    },
    close() {
      isClosed = true;
    },
    async deliver(signal) {
      if (isClosed || server === null || queue.count() === 0) return null;
      // Whoever is told later is told again: nothing is repeated here.
      const http = createHttpClient({ ...server, clock, random, retries: { retriesMax: 0 } });
      const headers = headersOf(await readState());
      const fraction = (): number => random.fraction();
      const onPoison = ({ event }: QueuedEvent, reason: string): void => onRefused(event.event_id, reason);
      return deliverEvents({ queue, http, home, now, fraction, headers, onRefused: onPoison, signal });
    },
  };
}

const headersOf = (state: InstallState | null): Readonly<Record<string, string>> =>
  state === null ? {} : { 'x-terminal-id': state.terminalId, 'x-application': state.application, 'x-platform': state.platform };
