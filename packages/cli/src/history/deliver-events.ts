/**
 * Tells the server what is queued, oldest first, until nothing is left, the server can not be reached, or it asks to wait.
 * Events count once by their ids, so whatever is not sure to have arrived is told again. An event that the server refuses
 * for what it is holds up no other: it is found by halves and set aside. What answers in the server's place (a proxy, a
 * portal that wants a password) refuses everything, and is not believed.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answerValidator, type HttpClient, hasCode, isUpdaterError, UpdaterError } from '@remendo/core';
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

/** Why nothing was told, where nothing was asked. */
export const serverAskedToWait = 'the server asked to wait';

const batchMax = 100;
/** Of one request, unless a single event has more: a month's failures with their logs are megabytes, and 64 kbit/s are slow. */
const batchBytesMax = 64 * 1024;
const validate = answerValidator(UpdateEventsAnswer);

/** What is wrong is the request itself: the same again would be refused again. */
const isPoison = (error: unknown): boolean => {
  if (!isUpdaterError(error)) return false;
  const { status } = error.details;
  // Without a status it is about the answer.
  return status === 400 || status === 413 || status === 422 || (status !== undefined && hasCode(error, 'REQUEST_INVALID'));
};

interface Refusal {
  readonly queued: QueuedEvent;
  readonly error: unknown;
}

/** By its code, as the server's own problem documents have it. */
const isTheServers = ({ error }: Refusal): boolean => isUpdaterError(error) && typeof error.details.serverCode === 'string';

/** Never throws but the signal's reason. */
export async function deliverEvents(options: DeliverOptions): Promise<Delivery> {
  const { queue, home, now, signal } = options;
  const told = { delivered: 0, unknown: 0, refused: 0 };
  const ending = (failure: string | null): Delivery => ({ ...told, waiting: queue.count(), failure });
  if (waitsUntilMs(home, now()) !== null) return ending(serverAskedToWait);
  try {
    for (let batch = queue.peek(batchMax); batch.length > 0; batch = queue.peek(batchMax)) {
      const refusals: Refusal[] = [];
      for (const request of requestsOf(batch)) {
        const sent = await send(options, request);
        told.delivered += sent.delivered;
        told.unknown += sent.unknown;
        refusals.push(...sent.refusals);
      }
      told.refused += setAside(options, refusals, told.delivered > 0);
    }
    forgetWait(home);
    return ending(null);
  } catch (error) {
    signal?.throwIfAborted();
    rememberWait(options, error);
    return ending(error instanceof Error ? error.message : String(error));
  }
}

/** Each as many as fit, at least one. */
function requestsOf(batch: readonly QueuedEvent[]): readonly (readonly QueuedEvent[])[] {
  const requests: QueuedEvent[][] = [];
  let freeBytes = 0;
  for (const queued of batch) {
    const bytes = Buffer.byteLength(JSON.stringify(queued.event));
    if (bytes > freeBytes) {
      requests.push([]);
      freeBytes = batchBytesMax;
    }
    requests.at(-1)?.push(queued);
    freeBytes -= bytes;
  }
  return requests;
}

/** What is refused by whom nobody knows is asked again so much later. */
const unbelievedMs = 3_600_000;

/**
 * @param isServer whether something was taken: then it is the server that refuses the rest.
 * @returns how many. @throws UpdaterError with the first refusal that is not believed.
 */
function setAside({ queue, onRefused }: DeliverOptions, refusals: readonly Refusal[], isServer: boolean): number {
  const believed = refusals.filter((refusal) => isServer || isTheServers(refusal));
  for (const { queued, error } of believed) {
    queue.setAside(queued);
    onRefused?.(queued, (error as Error).message);
  }
  const doubted = refusals.find((refusal) => !believed.includes(refusal));
  if (doubted === undefined) return believed.length;
  const { message } = doubted.error as Error;
  throw new UpdaterError('DOWNLOAD_FAILED', message, { details: { retryAfterMs: unbelievedMs }, cause: doubted.error });
}

interface Sent extends Pick<Delivery, 'delivered' | 'unknown'> {
  readonly refusals: readonly Refusal[];
}

async function send(options: DeliverOptions, batch: readonly QueuedEvent[]): Promise<Sent> {
  const { queue, http, headers, signal } = options;
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
    return { delivered: batch.length, unknown, refusals: [] };
  } catch (error) {
    const [first] = batch;
    if (!isPoison(error) || first === undefined) throw error;
    if (batch.length === 1) return { delivered: 0, unknown: 0, refusals: [{ queued: first, error }] };
    const middle = batch.length >> 1;
    const [left, right] = [await send(options, batch.slice(0, middle)), await send(options, batch.slice(middle))];
    return {
      delivered: left.delivered + right.delivered,
      unknown: left.unknown + right.unknown,
      refusals: [...left.refusals, ...right.refusals],
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
