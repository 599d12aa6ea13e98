import { UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { App, AppPorts } from './app-ports.js';

const Status = Type.Object({ status: Type.String() });

/** A database that takes longer than this is not ready. */
const readyMsMax = 5_000;

export function healthRoutes(app: App, ports: AppPorts): void {
  const options = { schema: { response: { 200: Status } }, logLevel: 'warn' as const };
  app.get('/healthz', options, async () => ({ status: 'ok' }));
  app.get('/readyz', options, async () => {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new UpdaterError('SERVER_FAILED', 'the database does not answer')), readyMsMax);
    });
    try {
      await Promise.race([sql`select 1`.execute(ports.database.db), tooLate]);
    } finally {
      clearTimeout(timer);
    }
    return { status: 'ready' };
  });
}
