/** A server's log in tests: kept for the search for secrets, and shown with `REMENDO_TEST_LOG=info`. */
import type { FastifyBaseLogger } from 'fastify';
import { createServerLog } from '../server-log.js';
import { recordOutput } from './test-record.js';

export interface TestLog {
  readonly log: FastifyBaseLogger;
  /** Every line until now. */
  readonly lines: readonly string[];
}

export function createTestLog(): TestLog {
  const shown = process.env.REMENDO_TEST_LOG;
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
    recordOutput('server', line);
    if (shown !== undefined) process.stderr.write(line);
  };
  return { log: createServerLog({ level: shown ?? 'debug', write }), lines };
}
