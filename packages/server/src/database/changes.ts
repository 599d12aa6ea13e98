/**
 * How one process learns that another changed something it keeps in memory. Every transaction that changes accounts or
 * the catalogue counts its topic up; every process looks at the counters once a second and forgets what is out of date.
 * The process that made the change forgets it before it answers.
 */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Database, Tx } from './open-database.js';

/**
 * accounts: customers, keys, operators, terminals, their policies. catalogue: applications, releases, rollouts, deltas.
 * metadata: what is signed.
 */
export type Topic = 'accounts' | 'catalogue' | 'metadata';

const lookMs = 1_000;

export class Changes {
  readonly #database: Database;
  readonly #log: FastifyBaseLogger;
  readonly #listeners: Record<Topic, (() => void)[]> = { accounts: [], catalogue: [], metadata: [] };
  readonly #seen = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;

  constructor(database: Database, log: FastifyBaseLogger) {
    this.#database = database;
    this.#log = log;
  }

  /** `listener` is called, without arguments and at any time, when what it keeps of the topic is out of date. */
  on(topic: Topic, listener: () => void): void {
    this.#listeners[topic].push(listener);
  }

  /** Runs a transaction that changes the topic; when this returns, this process knows of it. */
  async change<Result>(topics: readonly Topic[], work: (tx: Tx) => Promise<Result>): Promise<Result> {
    const result = await this.#database.db.transaction().execute(async (tx) => {
      const done = await work(tx);
      await countUp(tx, topics);
      return done;
    });
    for (const topic of topics) this.#tell(topic);
    return result;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.look()
        .catch((error) => this.#log.warn({ event: 'changes_failed', errors: errorChain(error) }, 'changes can not be read'))
        .finally(() => {
          this.#looking = null;
        });
    }, lookMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks at the counters now. */
  async look(): Promise<void> {
    const rows = await this.#database.db.selectFrom('change').select(['topic', 'revision']).execute();
    for (const { topic, revision } of rows) {
      const before = this.#seen.get(topic);
      this.#seen.set(topic, revision);
      // Also at the first look: what was kept until then may be older than what others changed.
      if (before !== revision) this.#tell(topic);
    }
  }

  #tell(topic: Topic): void {
    for (const listener of this.#listeners[topic]) listener();
  }
}

/** Counters are taken in one order by everybody, so that two transactions never wait for each other. */
async function countUp(tx: Tx, topics: readonly Topic[]): Promise<void> {
  for (const topic of [...topics].sort()) {
    await tx.updateTable('change').set({ revision: sql`revision + 1` }).where('topic', '=', topic).execute();
  }
}
