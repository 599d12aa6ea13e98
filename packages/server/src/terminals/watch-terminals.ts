/**
 * Enrolled terminals that stopped to check: marked, and told of once, all of a customer together; and again when they are
 * back. A check itself changes nothing here, so that it costs nothing.
 */
import { digestOf } from '@remendo/core';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';

export interface TerminalWatch {
  readonly db: Db;
  readonly notifier: Notifier;
  /** Without a check for so long; 0: nobody ever is silent. */
  readonly silentHours: number;
}

interface SeenTerminal {
  readonly id: string;
  readonly customer_id: number;
  readonly name: string;
  readonly branch: string;
  readonly seen_at: Date;
}

const hourMs = 3_600_000;
/** In a notification; how many there are it says anyway. */
const namesMax = 50;

/** @returns how many terminals fell silent, and how many are back. */
export async function watchTerminals(
  { db, notifier, silentHours }: TerminalWatch,
  now: Date,
): Promise<{ silent: number; back: number }> {
  // Before the first moment nobody checked: without a limit, whoever is marked is back.
  const oldest = silentHours === 0 ? new Date(0) : new Date(now.getTime() - silentHours * hourMs);
  return db.transaction().execute(async (tx) => {
    const silent = await mark(tx, { isSilent: true, oldest });
    const back = await mark(tx, { isSilent: false, oldest });
    for (const terminals of byCustomer(silent)) await tell(tx, notifier, { kind: 'terminals_silent', terminals });
    for (const terminals of byCustomer(back)) await tell(tx, notifier, { kind: 'terminals_recovered', terminals });
    return { silent: silent.length, back: back.length };
  });
}

/** Those that become silent, or stop to be: a terminal that never checked is seen when it was enrolled. */
async function mark(tx: Tx, { isSilent, oldest }: { readonly isSilent: boolean; readonly oldest: Date }) {
  const seenAt = sql`coalesce(last_check_at, terminal.created_at)`;
  const isOver = isSilent ? sql`${seenAt} < ${oldest}` : sql`${seenAt} >= ${oldest}`;
  const { rows } = await sql<SeenTerminal>`
    update terminal set is_silent = ${isSilent}
    where id in (
      select terminal.id from terminal join customer on customer.id = terminal.customer_id
      where is_enabled and is_silent = ${!isSilent} and customer.deleted_at is null and ${isOver}
      order by terminal.id for update of terminal)
    returning id, customer_id, name, branch, ${seenAt} as seen_at`.execute(tx);
  return rows;
}

function byCustomer(terminals: readonly SeenTerminal[]): readonly (readonly SeenTerminal[])[] {
  const groups = new Map<number, SeenTerminal[]>();
  for (const terminal of terminals) groups.set(terminal.customer_id, [...(groups.get(terminal.customer_id) ?? []), terminal]);
  return [...groups.values()];
}

interface Told {
  readonly kind: 'terminals_silent' | 'terminals_recovered';
  /** Of one customer, at least one. */
  readonly terminals: readonly SeenTerminal[];
}

async function tell(tx: Tx, notifier: Notifier, { kind, terminals }: Told): Promise<void> {
  const sorted = terminals.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const count = sorted.length === 1 ? '1 terminal' : `${sorted.length} terminals`;
  const lines = sorted
    .slice(0, namesMax)
    .map(({ name, branch, id, seen_at }) => `${name} (${branch}, ${id}): ${seen_at.toISOString()}`);
  const more = sorted.length > namesMax ? [`and ${sorted.length - namesMax} more`] : [];
  await notifier.notify(tx, {
    kind,
    customerId: sorted[0]?.customer_id ?? null,
    subject: kind === 'terminals_silent' ? `${count} stopped to check` : `${count} checked again`,
    body: [kind === 'terminals_silent' ? 'Last seen:' : 'Seen again:', ...lines, ...more].join('\n'),
    data: { terminals: sorted.length, first: sorted[0]?.name ?? '', branch: sorted[0]?.branch ?? '' },
    dedupKey: `${kind} ${digestOf(JSON.stringify(sorted.map(({ id, seen_at }) => [id, seen_at])))}`,
  });
}
