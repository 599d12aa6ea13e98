import { parentPort } from 'node:worker_threads';
import { isUpdaterError } from '@remendo/core';
import { type ComposeInput, composePlans } from './compose-plans.js';
import type { ComposeMessage } from './run-compose-plans.js';

function answer(input: ComposeInput): ComposeMessage {
  try {
    return { kind: 'composed', plans: composePlans(input) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', code: isUpdaterError(error) ? error.code : 'SERVER_FAILED', message };
  }
}

parentPort?.on('message', (input: ComposeInput) => parentPort?.postMessage(answer(input)));
