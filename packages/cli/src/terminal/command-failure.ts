import { UpdaterError } from '@remendo/core';
import { Interrupted } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import type { Terminal } from './open-terminal.js';

/** The result line of a command that did not succeed; the error itself is printed at the edge. */
export function reportFailure(output: Output, terminal: Terminal, error: unknown): void {
  const code = error instanceof UpdaterError ? error.code : null;
  const outcome = error instanceof Interrupted ? 'interrupted' : 'failed';
  const message = error instanceof Error ? error.message : String(error);
  output.result({ outcome, code, message, fetchedBytes: terminal.fetchedBytes(), recovery: terminal.events.recovery() });
}

export function interruptedBy(signal: NodeJS.Signals): never {
  throw new Interrupted(signal === 'SIGINT' || signal === 'SIGHUP' ? signal : 'SIGTERM');
}
