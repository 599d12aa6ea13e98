/**
 * Tells the server what is queued, oldest first, until nothing is left, the server can not be reached, or it asks to wait.
 * Events count once by their ids, so whatever is not sure to have arrived is told again. An event that the server refuses
 * for what it is holds up no other: it is found by halves and set aside.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answerValidator, type HttpClient, hasCode, isUpdaterError } from '@remendo/core';
import { UpdateEventsAnswer } from '@remendo/core/protocol';
import { replaceFile } from '../terminal/replace-file.js';
import { type EventQueue, eventsFolderName, type QueuedEvent } from './event-queue.js';

export interface DeliverOptions {
  readonly queue: EventQueue;
  readonly http: Pick<HttpClient, 'json'>;
  /** Of the updater. */
  readonly home: string;
  readonly now: () => number;
  /** In [0, 1): terminals that were sent away together do not come back together. */
  readonly fraction: () => number;
  /** The terminal's name and what it has: `x-terminal-id`, `x-application`, `x-platform`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly onRefused?: (event: QueuedEvent, reason: string) => void;
  readonly signal?: AbortSignal;
}

export interface Delivery {
  /** Taken by the server, known to it already or about an application that it does not have. */
  readonly delivered: number;
  /** Of them, about an application that this server does not have: it keeps nothing of those. */
  readonly unknown: number;
  readonly refused: number;
  /** Not delivered yet. */
  readonly waiting: number;
  /** Why it ended before all was told; null: nothing is left. */
  readonly failure: string | null;
}

/** Some kilobytes each at most, far below what a server takes at once. */
const batchMax = 100;
const validate = answerValidator(UpdateEventsAnswer);

/** What is wrong is the request itself: the same again would be refused again. */
const isPoison = (error: unknown): boolean => {
  if (!isUpdaterError(error)) return false;
  const { status } = error.details;
  return hasCode(error, 'REQUEST_INVALID', 'LIMIT_EXCEEDED') || status === 400 || status === 413 || status === 422;
};

/** Never throws but the signal's reason. */
export async function deliverEvents(options: DeliverOptions): Promise<Delivery> {
  const { queue, home, now, signal } = options;
  const told = { delivered: 0, unknown: 0, refused: 0 };
  const ending = (failure: string | null): Delivery => ({ ...told, waiting: queue.count(), failure });
  if (waitsUntilMs(home, now()) !== null) return ending('the server asked to wait');
  try {
    for (let batch = queue.peek(batchMax); batch.length > 0; batch = queue.peek(batchMax)) {
      const sent = await send(options, batch);
      told.delivered += sent.delivered;
      told.unknown += sent.unknown;
      told.refused += sent.refused;
    }
    forgetWait(home);
    return ending(null);
  } catch (error) {
    signal?.throwIfAborted();
    rememberWait(options, error);
    return ending(error instanceof Error ? error.message : String(error));
  }
}

type Sent = Pick<Delivery, 'delivered' | 'unknown' | 'refused'>;

async function send(options: DeliverOptions, batch: readonly QueuedEvent[]): Promise<Sent> {
  const { queue, http, headers, signal, onRefused } = options;
  try {
    const { unknown } = await http.json('api/v1/updates/events', {
      method: 'POST',
      idempotent: true,
      headers,
      body: { events: batch.map(({ event }) => event) },
      validate,
      signal,
    });
    queue.remove(batch);
    return { delivered: batch.length, unknown, refused: 0 };
  } catch (error) {
    const [first] = batch;
    if (!isPoison(error) || first === undefined) throw error;
    if (batch.length === 1) {
      queue.setAside(first);
      onRefused?.(first, (error as Error).message);
      return { delivered: 0, unknown: 0, refused: 1 };
    }
    const middle = batch.length >> 1;
    const [left, right] = [await send(options, batch.slice(0, middle)), await send(options, batch.slice(middle))];
    return {
      delivered: left.delivered + right.delivered,
      unknown: left.unknown + right.unknown,
      refused: left.refused + right.refused,
    };
  }
}

const waitPath = (home: string): string => join(home, eventsFolderName, 'wait.json');
/** Longer than a server asks for; what says more is damaged, or the clock was set. */
const waitMsMax = 24 * 3_600_000;

/** Until when the server does not want to be told, whichever program asks; null: it may be told. */
export function waitsUntilMs(home: string, nowMs: number): number | null {
  try {
    const { untilMs } = JSON.parse(readFileSync(waitPath(home), 'utf8')) as { untilMs?: unknown };
    return typeof untilMs === 'number' && untilMs > nowMs && untilMs - nowMs <= waitMsMax ? untilMs : null;
  } catch {
    return null;
  }
}

/** Only what the server asks for itself: a link that is down may be up a second later. */
function rememberWait({ home, now, fraction }: DeliverOptions, error: unknown): void {
  const retryAfterMs = isUpdaterError(error) ? error.details.retryAfterMs : undefined;
  if (typeof retryAfterMs !== 'number') return;
  const untilMs = now() + Math.min(waitMsMax, Math.round(retryAfterMs * (1 + fraction() / 10)));
  try {
    replaceFile(waitPath(home), JSON.stringify({ untilMs }));
  } catch {
    // It will say so again.
  }
}

const forgetWait = (home: string): void => rmSync(waitPath(home), { force: true });
