/**
 * The queue of jobs, in the database (pg-boss): one for the embedded server, shared by all servers on PostgreSQL. A job only
 * says that somebody should look: what there is to do stands in rows of its own (a delta, a delivery), so a job that runs
 * twice, late or after a restart does no harm. Jobs are enqueued in the transaction that calls for them.
 */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import PgBoss from 'pg-boss';
import { type Database, executorOf, type Tx } from '../database/open-database.js';

export interface JobKind<Data extends object> {
  readonly name: string;
  /** A second job with the same key is dropped while one waits. */
  readonly isKeyed: boolean;
  /** A job that fails is tried again so often, after 2, 4, 8, … seconds. */
  readonly retriesMax: number;
  /** A job that takes longer is given to somebody else; longer than its work can take. */
  readonly secondsMax: number;
  /** When it comes by itself (five fields of cron, in UTC); once for all servers together. */
  readonly cron?: string;
  /** Only for the type. */
  readonly data?: Data;
}

export interface EnqueueOptions {
  readonly key?: string;
  /** Seconds from now before which nobody looks. */
  readonly afterSeconds?: number;
}

/** Dead servers' jobs are looked for so often. */
const maintenanceSeconds = 15;
const pollSeconds = 2;

export class JobQueue {
  readonly #boss: PgBoss;
  readonly #workers = new Map<string, string[]>();

  private constructor(database: Database, log: FastifyBaseLogger) {
    this.#boss = new PgBoss({
      db: database.executor,
      schema: 'jobs',
      maintenanceIntervalSeconds: maintenanceSeconds,
      cronMonitorIntervalSeconds: 30,
      cronWorkerIntervalSeconds: 15,
    });
    this.#boss.on('error', (error) => log.error({ event: 'queue_failed', errors: errorChain(error) }, 'the job queue failed'));
  }

  /** Opens the queue's tables and makes the kinds known. */
  static async open(database: Database, log: FastifyBaseLogger, kinds: readonly JobKind<object>[]): Promise<JobQueue> {
    const queue = new JobQueue(database, log);
    try {
      await oneAfterTheOther(database, () => queue.#open(kinds));
    } catch (error) {
      await queue.#boss.stop({ graceful: false }).catch(() => {});
      throw error;
    }
    return queue;
  }

  async #open(kinds: readonly JobKind<object>[]): Promise<void> {
    await this.#boss.start();
    for (const { name, isKeyed, retriesMax, secondsMax, cron } of kinds) {
      const settings = { name, policy: isKeyed ? ('short' as const) : ('standard' as const), retryLimit: retriesMax };
      const full = { ...settings, retryDelay: 2, retryBackoff: true, expireInSeconds: secondsMax };
      await this.#boss.createQueue(name, full);
      await this.#boss.updateQueue(name, full);
      if (cron !== undefined) await this.#boss.schedule(name, cron, {}, { tz: 'UTC' });
    }
  }

  /** The job exists exactly when the transaction commits. */
  async enqueue<Data extends object>(tx: Tx, kind: JobKind<Data>, data: Data, options: EnqueueOptions = {}): Promise<void> {
    const { key, afterSeconds } = options;
    await this.#boss.send(kind.name, data, {
      db: executorOf(tx),
      ...(key === undefined ? {} : { singletonKey: key }),
      ...(afterSeconds === undefined ? {} : { startAfter: afterSeconds }),
    });
  }

  /** Starts to do jobs of the kind, so many at the same time. `work` throws when the job is to be tried again. */
  async work<Data extends object>(kind: JobKind<Data>, workers: number, work: (data: Data) => Promise<void>): Promise<void> {
    for (let worker = 0; worker < workers; worker++) {
      const id = await this.#boss.work<Data>(kind.name, { batchSize: 1, pollingIntervalSeconds: pollSeconds }, async ([job]) => {
        try {
          if (job !== undefined) await work(job.data);
        } finally {
          this.wake(kind);
        }
      });
      this.#workers.set(kind.name, [...(this.#workers.get(kind.name) ?? []), id]);
    }
  }

  /** Looks for jobs now instead of at the next poll. */
  wake(kind: JobKind<object>): void {
    for (const id of this.#workers.get(kind.name) ?? []) this.#boss.notifyWorker(id);
  }

  /** Takes no more jobs and waits for the running ones, which the caller has stopped. */
  async close(): Promise<void> {
    await this.#boss.stop({ graceful: true, wait: true, timeout: 10_000 });
  }
}

/** Any number that nothing else in this database locks. */
const openingLock = 7_346_102;

/** Servers that start at the same time would make the queue's tables at the same time, and wait for each other. */
async function oneAfterTheOther(database: Database, work: () => Promise<void>): Promise<void> {
  // The embedded database has one session, which the work needs, and one server.
  if (!database.isShared) return work();
  await database.db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${openingLock})`.execute(connection);
    try {
      await work();
    } finally {
      await sql`select pg_advisory_unlock(${openingLock})`.execute(connection);
    }
  });
}
