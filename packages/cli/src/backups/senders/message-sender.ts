/**
 * What carries results to one target. A message may be sent again when nobody knows whether it arrived, always under the same id:
 * `report_id` at the server, `Message-ID` of a mail, `id` in a webhook's body, last cell of a row.
 */
import { UpdaterError } from '@remendo/core';
import type { BackupMessage } from '../records.js';

export interface MessageSender {
  readonly target: string;
  /** Whether it gets results that change nothing. */
  readonly wants: 'results' | 'changes';
  readonly batchMax: number;
  /** For one attempt; default 60 000. What takes longer is not known to have arrived, and is sent again. */
  readonly attemptMsMax?: number;
  /**
   * Afterwards the target has them all.
   * @param attempt 1 is the first.
   * @throws UpdaterError NOTIFICATION_REFUSED when it will never take them as they are; any other error when it may be later,
   *   with `retryAfterMs` in the details where the target said how much later. No error holds a secret.
   */
  send(messages: readonly BackupMessage[], attempt: number, signal: AbortSignal): Promise<void>;
}

export interface Place {
  /** What people call it. */
  readonly name: string;
  readonly branch: string | null;
  readonly terminal: string;
}

type Options = ConstructorParameters<typeof UpdaterError>[2];

export const refused = (message: string, options: Options = {}): UpdaterError =>
  new UpdaterError('NOTIFICATION_REFUSED', message, options);

export const failed = (message: string, options: Options = {}): UpdaterError =>
  new UpdaterError('NOTIFICATION_FAILED', message, options);

/** Statuses that are about the message; any other may be put right on the other side. */
export const isRefusal = (status: number): boolean => [400, 413, 422].includes(status);

/** Waits for what knows no signals, no longer than until this one is aborted. @throws its reason. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
