import { failed } from './sender.js';

/**
 * Runs what ends when its signal is aborted: by the caller's signal, or after `msMax`.
 * @throws the caller's reason, NOTIFICATION_FAILED when the time was up, else what `run` threw.
 */
export async function withinTime(msMax: number, signal: AbortSignal, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  const timer = setTimeout(() => controller.abort(failed(`there was no answer within ${msMax} ms`)), msMax);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await run(controller.signal);
  } catch (error) {
    // What was broken off fails in ways of its own; why it was broken off is what counts.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits for what knows no signals, no longer than until this one is aborted; what comes of it afterwards is dropped. */
export function abortable<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
