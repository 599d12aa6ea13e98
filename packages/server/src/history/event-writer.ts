/**
 * Writes events. A fleet tells of its updates in many small batches at once, often in the minute after a release; while one
 * transaction is under way the batches that arrive are gathered, and the next one takes them all by one statement. What they
 * say about releases counts in the same transaction: either all of a batch is known or nothing.
 */
import { sql } from 'kysely';
import type { Changes, Topic } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';
import type { UpdateState } from '../database/tables.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Notifier } from '../notifications/notifier.js';
import { recordOutcomes, type StoredEvent } from './record-outcomes.js';

export interface EventRow {
  readonly terminal_key: string;
  readonly event_id: string;
  readonly update_id: string | null;
  /** Null: it is not enrolled. */
  readonly terminal_id: string | null;
  readonly customer_id: number | null;
  readonly branch: string | null;
  readonly application_id: number;
  readonly platform: string;
  readonly version_from: string | null;
  readonly version_to: string | null;
  readonly state: UpdateState;
  readonly percent: number;
  readonly downloaded_bytes: number | null;
  readonly saved_bytes: number | null;
  readonly log_output: string;
  readonly error_code: string | null;
  readonly error_detail: string | null;
  readonly backup_path: string | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly at: Date;
  readonly address: string;
  readonly user_agent: string | null;
}

export interface EventPorts {
  readonly changes: Changes;
  readonly notifier: Notifier;
  readonly metrics: Metrics;
}

interface Waiting {
  readonly rows: readonly EventRow[];
  readonly resolve: (stored: number) => void;
  readonly reject: (error: unknown) => void;
}

/** In one statement. */
const rowsMax = 2_000;

export class EventWriter {
  readonly #ports: EventPorts;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(ports: EventPorts) {
    this.#ports = ports;
  }

  /**
   * When this returns, every row is stored and has had its effects, once.
   * @returns how many of the rows were not known before.
   */
  async write(rows: readonly EventRow[]): Promise<number> {
    if (rows.length === 0) return 0;
    const written = new Promise<number>((resolve, reject) => this.#waiting.push({ rows, resolve, reject }));
    if (!this.#isWriting) void this.#writeAll();
    return written;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) await this.#writeTogether(this.#take());
    this.#isWriting = false;
  }

  #take(): readonly Waiting[] {
    let rows = 0;
    const beyond = this.#waiting.findIndex((batch, index) => {
      rows += batch.rows.length;
      return index > 0 && rows > rowsMax;
    });
    return this.#waiting.splice(0, beyond === -1 ? this.#waiting.length : beyond);
  }

  async #writeTogether(batches: readonly Waiting[]): Promise<void> {
    try {
      const stored = countByEvent(await this.#transact(batches.flatMap(({ rows }) => rows)));
      for (const { rows, resolve } of batches) resolve(rows.filter((row) => stored.delete(keyOf(row))).length);
    } catch (error) {
      // What is wrong with one of them is not the others' fault.
      if (batches.length === 1) return batches[0]?.reject(error);
      for (const batch of batches) await this.#writeTogether([batch]);
    }
  }

  async #transact(rows: readonly EventRow[]): Promise<readonly StoredRow[]> {
    // Grows while the transaction finds out what it changes; `change` reads it at the end.
    const topics: Topic[] = [];
    const stored = await this.#ports.changes.change(topics, async (tx) => {
      const isNew = await storeRows(tx, rows);
      for (const [terminalId, events] of byTerminal(isNew)) {
        for (const topic of await recordOutcomes(tx, this.#ports.notifier, { terminalId, events })) {
          if (!topics.includes(topic)) topics.push(topic);
        }
      }
      return isNew;
    });
    for (const { state } of stored) this.#ports.metrics.eventStored(state);
    return stored;
  }
}

interface StoredRow extends StoredEvent {
  readonly terminal_key: string;
  readonly event_id: string;
  readonly terminal_id: string | null;
}

const keyOf = ({ terminal_key, event_id }: { readonly terminal_key: string; readonly event_id: string }): string =>
  JSON.stringify([terminal_key, event_id]);

const countByEvent = (rows: readonly StoredRow[]): Set<string> => new Set(rows.map(keyOf));

/** In one order, so that two servers that count for the same terminals do not wait for each other. */
function byTerminal(rows: readonly StoredRow[]): readonly (readonly [string, readonly StoredRow[]])[] {
  const found = new Map<string, StoredRow[]>();
  for (const row of rows) {
    if (row.terminal_id !== null) found.set(row.terminal_id, [...(found.get(row.terminal_id) ?? []), row]);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * @returns those that were not known, in the order in which they happened. Stored in an order that depends on the events
 * alone, so that a repetition that comes at the same time waits, instead of both waiting for each other.
 */
async function storeRows(tx: Tx, rows: readonly EventRow[]): Promise<readonly StoredRow[]> {
  const { rows: stored } = await sql<StoredRow>`
    with stored as (
      insert into update_log (terminal_key, event_id, update_id, terminal_id, customer_id, branch, application_id, platform,
        version_from, version_to, state, percent, downloaded_bytes, saved_bytes, log_output, error_code, error_detail, backup_path,
        started_at, finished_at, at, address, user_agent)
      select given.* from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as given (terminal_key text, event_id text,
        update_id text, terminal_id text, customer_id integer, branch text, application_id integer, platform text,
        version_from text, version_to text, state text, percent smallint, downloaded_bytes bigint, saved_bytes bigint,
        log_output text, error_code text, error_detail text, backup_path text,
        started_at timestamptz, finished_at timestamptz, at timestamptz, address text, user_agent text)
      order by given.at, given.terminal_key, given.event_id
      on conflict (terminal_key, event_id) do nothing
      returning application_id, version_to, state, at, id, terminal_key, event_id, terminal_id
    )
    select application_id, version_to, state, to_json(at) #>> '{}' as at, terminal_key, event_id, terminal_id from stored order by id`.execute(
    tx,
  );
  return stored;
}
