/**
 * Who checked last, with what installed: recorded for every check, in memory first and written a few seconds later in one
 * statement, so that a check waits for no write. A killed server forgets the last seconds of them; the next check tells
 * again.
 */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Principal } from '../accounts/principal.js';
import type { Db } from '../database/open-database.js';
import { WriteBehind } from '../database/write-behind.js';
import { addressKey } from '../plugins/address-key.js';
import { BoundedCache } from '../releases/bounded-cache.js';

export interface Sighting {
  readonly applicationId: number;
  readonly platform: string;
  readonly version: string | null;
  readonly channel: string;
  readonly principal: Principal;
  /** What the terminal calls itself (`X-Terminal-Id`), when it is not enrolled. */
  readonly terminalName: string | undefined;
  readonly address: string;
}

/** In one statement. */
const rowsMax = 5_000;

/** Names that whoever is not enrolled gives, from one address in a day: more than a branch has machines. */
const strangersMax = 2_000;
const strangerAddressesMax = 2_000;
const dayMs = 86_400_000;

interface Row {
  readonly application_id: number;
  readonly platform: string;
  readonly terminal_key: string;
  readonly terminal_id: string | null;
  readonly customer_id: number | null;
  readonly version: string | null;
  readonly channel: string;
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly checked_at: number;
}

/** By what a machine is told from others: its id, else what its customer's machine calls itself, else its address. */
export function terminalKeyOf(principal: Principal, terminalName: string | undefined, address: string): string {
  if (principal.kind === 'terminal') return principal.terminal.id;
  const name = terminalName ?? address;
  return principal.kind === 'customer' ? `${principal.customer.code}/${name}` : `/${name}`;
}

export class Sightings extends WriteBehind {
  readonly #db: Db;
  readonly #log: FastifyBaseLogger;
  #waiting = new Map<string, Row>();
  #strangers = { since: 0, byAddress: new BoundedCache<Set<string>>(strangerAddressesMax) };

  constructor({ db, log }: { readonly db: Db; readonly log: FastifyBaseLogger }) {
    super();
    this.#db = db;
    this.#log = log;
  }

  /** Of those that are not enrolled no more than a branch has, for each address and day. */
  record(sighting: Sighting): void {
    const { principal, applicationId, platform } = sighting;
    const terminal_key = terminalKeyOf(principal, sighting.terminalName, sighting.address);
    if (principal.kind !== 'terminal' && !this.#isTaken(sighting.address, terminal_key)) return;
    this.#waiting.set(`${applicationId} ${platform} ${terminal_key}`, {
      application_id: applicationId,
      platform,
      terminal_key,
      terminal_id: principal.kind === 'terminal' ? principal.terminal.id : null,
      customer_id: principal.kind === 'terminal' || principal.kind === 'customer' ? principal.customer.id : null,
      version: sighting.version,
      channel: sighting.channel,
      address: sighting.address,
      checked_at: Date.now(),
    });
  }

  #isTaken(address: string, terminalKey: string): boolean {
    const now = Date.now();
    if (now - this.#strangers.since > dayMs) this.#strangers = { since: now, byAddress: new BoundedCache(strangerAddressesMax) };
    const { byAddress } = this.#strangers;
    const key = addressKey(address);
    const known = byAddress.get(key);
    if (known?.has(terminalKey) === true) return true;
    if (known !== undefined && known.size >= strangersMax) return false;
    byAddress.set(key, (known ?? new Set()).add(terminalKey));
    return true;
  }

  protected override async writeWaiting(): Promise<void> {
    const rows = this.#waiting;
    this.#waiting = new Map();
    const list = [...rows.values()];
    try {
      for (let from = 0; from < list.length; from += rowsMax) await writeRows(this.#db, list.slice(from, from + rowsMax));
    } catch (error) {
      this.#log.warn({ event: 'sightings_failed', errors: errorChain(error) }, 'checks could not be recorded yet');
      // What came meanwhile is newer.
      this.#waiting = new Map([...rows, ...this.#waiting]);
    }
  }
}

const written = (row: Row) => ({ ...row, checked_at: new Date(row.checked_at).toISOString() });

/** In one order, so that two servers that write the same rows do not wait for each other; a deleted terminal's rows go nowhere. */
async function writeRows(db: Db, rows: readonly Row[]): Promise<void> {
  const given = sql`select * from jsonb_to_recordset(${JSON.stringify(rows.map(written))}::text::jsonb) as row (application_id integer, platform text,
    terminal_key text, terminal_id text, customer_id integer, version text, channel text, address text, checked_at timestamptz)`;
  await db.transaction().execute(async (tx) => {
    await sql`
      insert into sighting (application_id, platform, terminal_key, terminal_id, customer_id, version, channel, address, checked_at)
      select given.* from (${given}) as given
      where given.terminal_id is null or exists (select 1 from terminal where terminal.id = given.terminal_id)
      order by application_id, platform, terminal_key
      on conflict (application_id, platform, terminal_key) do update set
        terminal_id = excluded.terminal_id, customer_id = excluded.customer_id, version = excluded.version,
        channel = excluded.channel, address = excluded.address, checked_at = excluded.checked_at
      where sighting.checked_at <= excluded.checked_at`.execute(tx);
    await sql`
      with seen as (
        select terminal_id, max(checked_at) as at, (array_agg(address order by checked_at desc))[1] as address
        from (${given}) as given where terminal_id is not null group by terminal_id
      ), locked as (select id from terminal where id in (select terminal_id from seen) order by id for update)
      update terminal set last_check_at = seen.at, last_address = seen.address
      from seen join locked on locked.id = seen.terminal_id
      where terminal.id = seen.terminal_id`.execute(tx);
    await sql`
      update customer set last_seen_at = seen.at
      from (select customer_id, max(checked_at) as at from (${given}) as given where customer_id is not null group by customer_id) as seen
      where customer.id = seen.customer_id and (customer.last_seen_at is null or customer.last_seen_at < seen.at - interval '1 minute')`.execute(
      tx,
    );
  });
}
