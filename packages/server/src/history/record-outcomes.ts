/**
 * What became of a release on enrolled terminals, one outcome for each: what halts a rollout. Only of terminals that the
 * release is let out to: told by others it is a mistake, or an attempt to stop it. Whether it is follows from what is stored of
 * terminal and rollout, so that handing out a plan has to write nothing.
 *
 * Of all that a terminal tells about a release the gravest counts: rolled back, else completed, else failed. So an attempt
 * that succeeds makes up for one that failed before, an update that was taken back never counts as done, and the order in
 * which events arrive, late or twice, makes no difference.
 */
import { isLetOutTo, type OfferableRelease } from '@remendo/core';
import { sql } from 'kysely';
import type { Topic } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';
import type { UpdateState } from '../database/tables.js';
import type { Notifier } from '../notifications/notifier.js';
import { evaluateHalt } from './evaluate-halt.js';

/** By rising weight. */
const outcomes = ['failed', 'completed', 'rolled_back'] as const;

export interface StoredEvent {
  readonly application_id: number;
  readonly version_to: string | null;
  readonly state: UpdateState;
  readonly at: string;
}

export interface TerminalEvents {
  readonly terminalId: string;
  /** Not counted before. */
  readonly events: readonly StoredEvent[];
}

/** @returns what the caller's transaction changes by this. Versions that are no release count nowhere. */
export async function recordOutcomes(
  tx: Tx,
  notifier: Notifier,
  { terminalId, events }: TerminalEvents,
): Promise<readonly Topic[]> {
  const ends = events.filter(({ state, version_to }) => version_to !== null && (outcomes as readonly string[]).includes(state));
  if (ends.length === 0) return [];
  const topics: Topic[] = [];
  if (await blockRolledBack(tx, terminalId, ends)) topics.push('accounts');
  for (const releaseId of await storeOutcomes(tx, terminalId, await ofOffered(tx, terminalId, ends))) {
    if ((await evaluateHalt(tx, notifier, releaseId)) && !topics.includes('catalogue')) topics.push('catalogue');
  }
  return topics;
}

interface OfferedRow extends Pick<OfferableRelease, 'version' | 'type' | 'state'> {
  readonly application_id: number;
  readonly is_floor: boolean;
  readonly mandatory: boolean;
  readonly rollout: OfferableRelease['rollout'];
  readonly group: string | null;
  readonly ring: string | null;
  readonly pinned_version: string | null;
}

/** Those of the events that are about releases which are let out to the terminal. */
async function ofOffered(tx: Tx, terminalId: string, ends: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
  const { rows } = await sql<OfferedRow>`
    select release.application_id, release.version, release.type, release.state, is_floor, mandatory, to_jsonb(rollout) as rollout,
      terminal."group", terminal.ring, terminal_policy.pinned_version
    from release join rollout on rollout.release_id = release.id join terminal on terminal.id = ${terminalId}
      left join terminal_policy on terminal_policy.terminal_id = terminal.id and terminal_policy.application_id = release.application_id
    where (release.application_id, release.version) in (
      select application_id, version_to from jsonb_to_recordset(${JSON.stringify(ends)}::text::jsonb)
        as given (application_id integer, version_to text))`.execute(tx);
  const offered = new Set(rows.filter((row) => isOffered(row, terminalId)).map((row) => `${row.application_id} ${row.version}`));
  return ends.filter(({ application_id, version_to }) => offered.has(`${application_id} ${version_to}`));
}

function isOffered({ group, ring, pinned_version: pinnedVersion, ...row }: OfferedRow, key: string): boolean {
  const release = { ...row, isFloor: row.is_floor, isMandatory: row.mandatory };
  return isLetOutTo(release, { key, version: null, group, ring, pinnedVersion, allowDowngrade: false, blocked: [] });
}

/** The releases, by id, whose count is another one now. */
async function storeOutcomes(tx: Tx, terminalId: string, ends: readonly StoredEvent[]): Promise<readonly number[]> {
  if (ends.length === 0) return [];
  const weight = (outcome: string) => sql`array_position(${[...outcomes]}::text[], ${sql.ref(outcome)})`;
  const { rows } = await sql<{ release_id: number }>`
    with counted as (
      insert into rollout_outcome (release_id, terminal_id, outcome, at)
      select distinct on (release.id) release.id, ${terminalId}::text, given.state, given.at
      from jsonb_to_recordset(${JSON.stringify(ends)}::text::jsonb) as given (application_id integer, version_to text, state text, at timestamptz)
      join release on release.application_id = given.application_id and release.version = given.version_to
      order by release.id, ${weight('given.state')} desc, given.at
      on conflict (release_id, terminal_id) do update set outcome = excluded.outcome, at = excluded.at
        where ${weight('excluded.outcome')} > ${weight('rollout_outcome.outcome')}
      returning release_id
    )
    select release_id from counted order by release_id`.execute(tx);
  return rows.map(({ release_id }) => release_id);
}

/** A release that was rolled back on a terminal is not offered to it again. @returns whether there was one. */
async function blockRolledBack(tx: Tx, terminalId: string, ends: readonly StoredEvent[]): Promise<boolean> {
  const rolledBack = ends.filter(({ state }) => state === 'rolled_back');
  if (rolledBack.length === 0) return false;
  const { rows } = await sql`
    insert into terminal_policy (terminal_id, application_id, blocked)
    select ${terminalId}::text, release.application_id, jsonb_agg(distinct release.version)
    from jsonb_to_recordset(${JSON.stringify(rolledBack)}::text::jsonb) as given (application_id integer, version_to text)
    join release on release.application_id = given.application_id and release.version = given.version_to
    group by release.application_id
    order by release.application_id
    on conflict (terminal_id, application_id) do update set blocked = (
      select jsonb_agg(distinct version) from jsonb_array_elements(terminal_policy.blocked || excluded.blocked) as version)
    returning application_id`.execute(tx);
  return rows.length > 0;
}
