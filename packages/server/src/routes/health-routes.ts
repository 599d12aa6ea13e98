import { UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { App, AppPorts } from './app-ports.js';

const Status = Type.Object({ status: Type.String() });

/** A database or a store that takes longer than this is not ready. */
const readyMsMax = 5_000;

export function healthRoutes(app: App, ports: AppPorts): void {
  const options = { logLevel: 'warn' as const, config: { countedAs: 'nothing' as const } };
  const schema = { tags: ['health'], response: { 200: Status } };
  app.get('/healthz', { ...options, schema: { ...schema, summary: 'Whether the process answers' } }, async () => ({
    status: 'ok',
  }));
  const ready = { ...schema, summary: 'Whether database, queue and object store answer' };
  app.get('/readyz', { ...options, schema: ready }, async () => {
    // The queue's tables are the database's.
    const answers = [sql`select 1 from jobs.version`.execute(ports.database.db), ports.objects.ready()];
    try {
      await within(Promise.all(answers), readyMsMax);
    } catch (cause) {
      // What a balancer reads as: not this one now.
      throw Object.assign(new Error('the server is not ready', { cause }), { statusCode: 503 });
    }
    return { status: 'ready' };
  });
}

async function within<Value>(answer: Promise<Value>, ms: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UpdaterError('SERVER_FAILED', 'the database or the object store does not answer')), ms);
  });
  return Promise.race([answer, tooLate]).finally(() => clearTimeout(timer));
}
