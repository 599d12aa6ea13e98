/**
 * Brings queued messages to their targets: each target in order and by itself, so that one that is broken holds up no other. What
 * arrived is struck off at once. What fails is tried again, later each time, for as long as it matters; what is refused is
 * dropped, and that is logged.
 *
 * An attempt counts as failed from its beginning until it is known to have arrived: whoever goes on after a power cut then
 * knows that somebody may have been there before.
 */
import { type Clock, errorChain, hasCode, isUpdaterError } from '@remendo/core';
import { withQueue } from './advance-record.js';
import { type BackupMessage, type BackupQueue, changeRecords, type RecordPorts, readRecords, tryLock } from './records.js';
import type { MessageSender } from './senders/message-sender.js';

export interface DeliverPorts extends RecordPorts {
  readonly clock: Clock;
  readonly senders: readonly MessageSender[];
  readonly signal: AbortSignal;
  readonly log: (event: string, fields: object) => void;
}

export interface Undelivered {
  readonly target: string;
  readonly count: number;
  /** What the last attempt failed with; null: none was made now. */
  readonly error: unknown;
  readonly nextMs: number;
}

const backoffMsMax = 3_600_000;
/**
 * What nobody could be told for so long is in the log, and in the state of the job. Only after many attempts: a clock that was put
 * right makes what happened a minute ago look years old.
 */
const messageAgeMsMax = 30 * 24 * 3_600_000;
const attemptsMin = 100;
const batchesMax = 50;
const attemptMsMaxDefault = 60_000;

/**
 * One attempt for each target that is due, or for all of them with `now`.
 * @returns what is still waiting. @throws the signal's reason, UpdaterError STORAGE_….
 */
export async function deliverMessages(ports: DeliverPorts, when: 'due' | 'now' = 'due'): Promise<readonly Undelivered[]> {
  const isWaiting = ({ messages }: BackupQueue): boolean => messages.length > 0;
  if (!(await readRecords(ports.home)).queues.some(isWaiting)) return [];
  const lock = await tryLock(ports, 'delivery');
  // Another program is at it.
  if (lock === null) return [];
  try {
    const { queues } = await readRecords(ports.home);
    const found = queues.map((queue) => ({ queue, sender: ports.senders.find(({ target }) => target === queue.target) }));
    const ends = await Promise.allSettled(
      found.map(async ({ sender, queue }) => {
        const isTried = sender === undefined || queue.failures >= attemptsMin;
        const left = isTried ? await dropOld(ports, queue) : queue;
        // Of a target that is not configured any more: it may come back.
        return sender === undefined ? [] : deliverQueue(ports, sender, { queue: left, when });
      }),
    );
    // None is under way any more when the lock is given back.
    return ends.flatMap((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
  } finally {
    await lock.release();
  }
}

/** A time further away than any back-off was written by a clock that was set back since. */
const isDue = ({ nextMs }: BackupQueue, nowMs: number): boolean => nextMs <= nowMs || nextMs > nowMs + backoffMsMax;

async function deliverQueue(
  ports: DeliverPorts,
  sender: MessageSender,
  { queue, when }: { readonly queue: BackupQueue; readonly when: 'due' | 'now' },
): Promise<readonly Undelivered[]> {
  let left = queue;
  if (when === 'due' && !isDue(left, ports.clock.now())) return undelivered(left, null);
  for (let batch = 0; batch < batchesMax && left.messages.length > 0; batch += 1) {
    const messages = left.messages.slice(0, left.failures > 0 && sender.wants === 'changes' ? 1 : sender.batchMax);
    try {
      const { failures: number } = await begin(ports, left.target);
      await attempt(ports, sender, { messages, number });
      left = await settle(ports, left.target, messages);
    } catch (error) {
      ports.signal.throwIfAborted();
      if (hasCode(error, 'NOTIFICATION_REFUSED')) {
        left = await dropRefused(ports, sender, messages, error);
        continue;
      }
      return undelivered(await putOff(ports, left, error), error);
    }
  }
  return undelivered(left, null);
}

const undelivered = ({ target, messages, nextMs }: BackupQueue, error: unknown): readonly Undelivered[] =>
  messages.length === 0 ? [] : [{ target, count: messages.length, error, nextMs }];

const begin = (ports: RecordPorts, target: string): Promise<BackupQueue> =>
  changeQueue(ports, target, (queue) => ({ ...queue, failures: queue.failures + 1 }));

interface Attempt {
  readonly messages: readonly BackupMessage[];
  readonly number: number;
}

async function attempt(ports: DeliverPorts, sender: MessageSender, { messages, number }: Attempt): Promise<void> {
  const limit = AbortSignal.timeout(sender.attemptMsMax ?? attemptMsMaxDefault);
  await sender.send(messages, number, AbortSignal.any([ports.signal, limit]));
}

/** They are there: no more of them. */
const settle = (ports: RecordPorts, target: string, messages: readonly BackupMessage[]): Promise<BackupQueue> =>
  changeQueue(ports, target, (queue) => ({ ...without(queue, messages), failures: 0, nextMs: 0 }));

const without = (queue: BackupQueue, messages: readonly BackupMessage[]): BackupQueue => {
  const gone = new Set(messages.map(({ id }) => id));
  return { ...queue, messages: queue.messages.filter(({ id }) => !gone.has(id)) };
};

/** Of several the one that is refused is not known: they are sent one by one then. */
async function dropRefused(
  ports: DeliverPorts,
  sender: MessageSender,
  messages: readonly BackupMessage[],
  cause: unknown,
): Promise<BackupQueue> {
  const gone: BackupMessage[] = [];
  let failure: unknown = null;
  for (const message of messages) {
    try {
      if (messages.length > 1) await attempt(ports, sender, { messages: [message], number: 2 });
      else throw cause;
      gone.push(message);
    } catch (error) {
      ports.signal.throwIfAborted();
      if (!hasCode(error, 'NOTIFICATION_REFUSED')) {
        failure = error;
        break;
      }
      ports.log('backup_message_dropped', { target: sender.target, job: message.job, id: message.id, ...told(error) });
      gone.push(message);
    }
  }
  const left = await changeQueue(ports, sender.target, (queue) => ({
    ...without(queue, gone),
    failures: failure === null ? 0 : 1,
  }));
  return failure === null ? left : putOff(ports, left, failure);
}

async function putOff(ports: DeliverPorts, { target }: BackupQueue, error: unknown): Promise<BackupQueue> {
  const asked = isUpdaterError(error) ? Number(error.details.retryAfterMs ?? 0) : 0;
  const nowMs = ports.clock.now();
  const left = await changeQueue(ports, target, (queue) => ({
    ...queue,
    nextMs: nowMs + Math.min(backoffMsMax, Math.max(asked, 10_000 * 4 ** Math.min(queue.failures - 1, 6))),
  }));
  ports.log('backup_message_delayed', { target, messages: left.messages.length, failures: left.failures, ...told(error) });
  return left;
}

async function dropOld(ports: DeliverPorts, queue: BackupQueue): Promise<BackupQueue> {
  const oldestMs = ports.clock.now() - messageAgeMsMax;
  const old = queue.messages.filter(({ result }) => result.atMs < oldestMs);
  if (old.length === 0) return queue;
  ports.log('backup_message_dropped', { target: queue.target, messages: old.length, message: 'nobody took them for 30 days' });
  return changeQueue(ports, queue.target, (now) => without(now, old));
}

/** With what the other side said. */
const told = (error: unknown) => ({
  code: isUpdaterError(error) ? error.code : null,
  message: errorChain(error).join(': '),
});

/** As it is now: messages may have been added since it was read. */
const changeQueue = (ports: RecordPorts, target: string, change: (queue: BackupQueue) => BackupQueue): Promise<BackupQueue> =>
  changeRecords(ports, (records) => {
    const queue = records.queues.find((one) => one.target === target);
    const changed = change(queue ?? { target, messages: [], failures: 0, nextMs: 0 });
    return { records: withQueue(records, changed), value: changed };
  });
