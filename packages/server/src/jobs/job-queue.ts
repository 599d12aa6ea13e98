/**
 * The queue of deltas to build. A delta's own row says what it is (wanted, building, ready, rejected); the queue only says
 * when somebody looks at it, so a job that runs twice, late or after a restart does no harm. Jobs are enqueued in the
 * transaction that wants the delta.
 */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import PgBoss from 'pg-boss';
import { type Database, executorOf, type Tx } from '../database/open-database.js';

const queueName = 'build-delta';
/** A build that failed is tried again after 2, 4, 8, … seconds; after this many it is rejected. */
export const attemptsMax = 5;

export interface DeltaQueueOptions {
  readonly database: Database;
  readonly log: FastifyBaseLogger;
  readonly workers: number;
  /** A job that takes longer is given to somebody else; the build itself is stopped before. */
  readonly expireSeconds: number;
}

export class DeltaQueue {
  readonly #boss: PgBoss;
  readonly #options: DeltaQueueOptions;
  readonly #workerIds: string[] = [];

  private constructor(options: DeltaQueueOptions) {
    this.#options = options;
    this.#boss = new PgBoss({ db: options.database.executor, schema: 'jobs', schedule: false });
    this.#boss.on('error', (error) =>
      options.log.error({ event: 'queue_failed', errors: errorChain(error) }, 'the job queue failed'),
    );
  }

  /** Opens the queue's tables, and enqueues again what the last process left unfinished. */
  static async open(options: DeltaQueueOptions): Promise<DeltaQueue> {
    const queue = new DeltaQueue(options);
    await queue.#boss.start();
    await queue.#boss.createQueue(queueName, {
      name: queueName,
      policy: 'short',
      retryLimit: attemptsMax,
      retryDelay: 2,
      retryBackoff: true,
      expireInSeconds: options.expireSeconds,
    });
    await queue.#sweep();
    return queue;
  }

  /** One job to a delta at most: the policy `short` drops a second one that waits. */
  async enqueue(tx: Tx, deltaId: number): Promise<void> {
    await this.#boss.send(queueName, { deltaId }, { singletonKey: String(deltaId), db: executorOf(tx) });
  }

  /** Starts to build. `build` throws when it is to be tried again. */
  async work(build: (deltaId: number) => Promise<void>): Promise<void> {
    for (let worker = 0; worker < this.#options.workers; worker++) {
      const id = await this.#boss.work<{ deltaId: number }>(
        queueName,
        { batchSize: 1, pollingIntervalSeconds: 2 },
        async ([job]) => {
          try {
            if (job !== undefined) await build(job.data.deltaId);
          } finally {
            this.wake();
          }
        },
      );
      this.#workerIds.push(id);
    }
  }

  /** Looks for jobs now instead of at the next poll. */
  wake(): void {
    for (const id of this.#workerIds) this.#boss.notifyWorker(id);
  }

  /** Takes no more jobs and waits for the running ones, which the caller has stopped. */
  async close(): Promise<void> {
    await this.#boss.stop({ graceful: true, wait: true, timeout: 10_000 });
  }

  /** Deltas that were being built when the last process ended are wanted again, unless it keeps ending there. */
  async #sweep(): Promise<void> {
    const { db } = this.#options.database;
    await db.transaction().execute(async (tx) => {
      await tx
        .updateTable('delta')
        .set((eb) => ({
          attempts: eb('attempts', '+', 1),
          state: eb
            .case()
            .when('attempts', '>=', attemptsMax - 1)
            .then('rejected' as const)
            .else('wanted' as const)
            .end(),
          detail: 'the server ended while this delta was built',
          updated_at: new Date(),
        }))
        .where('state', '=', 'building')
        .execute();
      const wanted = await tx.selectFrom('delta').where('state', '=', 'wanted').select('id').orderBy('id').execute();
      for (const { id } of wanted) await this.enqueue(tx, id);
    });
  }
}
