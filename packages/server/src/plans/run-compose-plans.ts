import { Worker } from 'node:worker_threads';
import { type ErrorCode, UpdaterError } from '@remendo/core';
import type { ComposedPlans, ComposeInput } from './compose-plans.js';

export type ComposeMessage =
  | { readonly kind: 'composed'; readonly plans: ComposedPlans }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** The built file: the same from here and from dist, where this file lies when it is built. */
const threadFile = new URL('../../dist/plans/compose-plans-thread.js', import.meta.url);

/** Heap of one thread; a release that needs more fails, and the server goes on. */
const heapMegabytesMax = 1_024;

/** A plan that takes longer is given up with its thread: nobody waits for ever. */
const composeMsMax = 120_000;

/** Threads at the same time; more questions wait in line. They stay for the next question, and keep no process alive. */
const threadsMax = 2;
const idle: Worker[] = [];
const waiting: (() => void)[] = [];
let busy = 0;

/** `composePlans` in a thread, so that terminals are answered meanwhile. @throws UpdaterError what it failed with. */
export async function runComposePlans(input: ComposeInput): Promise<ComposedPlans> {
  if (busy >= threadsMax) await new Promise<void>((resolve) => waiting.push(resolve));
  else busy += 1;
  try {
    return await inThread(idle.pop() ?? startThread(), input);
  } finally {
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  }
}

const startThread = (): Worker => new Worker(threadFile, { resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax } });

function inThread(thread: Worker, input: ComposeInput): Promise<ComposedPlans> {
  return new Promise((resolve, reject) => {
    const overdue = setTimeout(() => void thread.terminate(), composeMsMax);
    const onMessage = (message: ComposeMessage): void => {
      clearTimeout(overdue);
      thread.off('message', onMessage).off('error', onError).off('exit', onExit).unref();
      idle.push(thread);
      if (message.kind === 'composed') resolve(message.plans);
      else reject(new UpdaterError(message.code, message.message));
    };
    const onError = (cause: Error): void => reject(new UpdaterError('SERVER_FAILED', 'the plan could not be composed', { cause }));
    const onExit = (): void => {
      clearTimeout(overdue);
      reject(new UpdaterError('SERVER_FAILED', 'the planning thread ended without an answer'));
    };
    thread.on('message', onMessage).on('error', onError).on('exit', onExit).ref();
    thread.postMessage(input);
  });
}
