/**
 * Keeps what terminals tell of their updates. Whatever the number of events, they are stored by one statement; an event
 * that is known already changes nothing, so a terminal sends again what it is not sure of. What they say about releases
 * counts in the same transaction: either all of it is known or nothing.
 */
import { parseVersion } from '@remendo/core';
import type { UpdateEvent, UpdateEventsAnswer } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Principal } from '../accounts/principal.js';
import type { Changes, Topic } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Notifier } from '../notifications/notifier.js';
import type { CatalogueView } from '../releases/catalogue.js';
import { requireAccess } from '../releases/release-access.js';
import type { ApplicationRecord } from '../releases/release-records.js';
import { parseMoment, parseMomentOrNull } from './moments.js';
import { recordOutcomes, type StoredEvent } from './record-outcomes.js';

export interface EventPorts {
  readonly changes: Changes;
  readonly notifier: Notifier;
  readonly metrics: Metrics;
}

/** Who tells, and of what when an event does not say. */
export interface EventSource {
  readonly principal: Principal;
  readonly terminalKey: string;
  readonly application: string | undefined;
  readonly platform: string | undefined;
  readonly address: string;
  readonly userAgent: string | undefined;
}

/**
 * When this returns, every event is stored and has had its effects, once.
 * @throws UpdaterError AUTH_REQUIRED when nobody signed in and an application is not public; REQUEST_INVALID. Nothing is
 * stored then.
 */
export async function recordEvents(
  ports: EventPorts,
  view: CatalogueView,
  source: EventSource,
  events: readonly UpdateEvent[],
): Promise<UpdateEventsAnswer> {
  const rows = events.flatMap((event) => rowOf(view, source, event) ?? []);
  // Grows while the transaction finds out what it changes; `change` reads it at the end.
  const topics: Topic[] = [];
  const stored = await ports.changes.change(topics, async (tx) => {
    const isNew = await storeRows(tx, rows);
    if (source.principal.kind === 'terminal') {
      topics.push(...(await recordOutcomes(tx, ports.notifier, { terminalId: source.principal.terminal.id, events: isNew })));
    }
    return isNew;
  });
  for (const { state } of stored) ports.metrics.eventStored(state);
  return { accepted: stored.length, duplicates: rows.length - stored.length, unknown: events.length - rows.length };
}

/** Null: of an application that nobody knows here. */
function rowOf(view: CatalogueView, source: EventSource, event: UpdateEvent) {
  const application = findApplication(view, event.application ?? source.application);
  if (application === null) return null;
  const { principal } = source;
  // Whatever the licence says by now: what happened may be told.
  requireAccess(principal, application, 0);
  const owner = principal.kind === 'terminal' || principal.kind === 'customer' ? principal.customer.id : null;
  return {
    terminal_key: source.terminalKey,
    terminal_id: principal.kind === 'terminal' ? principal.terminal.id : null,
    branch: principal.kind === 'terminal' ? principal.terminal.branch : null,
    customer_id: owner,
    application_id: application.id,
    platform: view.platform(application, event.platform ?? source.platform),
    address: source.address,
    user_agent: source.userAgent?.slice(0, 400) ?? null,
    ...told(event),
  };
}

function told(event: UpdateEvent) {
  return {
    event_id: event.event_id,
    update_id: event.update_id ?? null,
    version_from: plainVersion(event.version_from ?? event.versione_da),
    version_to: plainVersion(event.version_to ?? event.versione_a),
    state: event.state,
    percent: event.percent ?? (event.state === 'completed' ? 100 : 0),
    downloaded_bytes: event.downloaded_bytes ?? null,
    saved_bytes: event.saved_bytes ?? null,
    log_output: event.log_output ?? '',
    error_code: event.error_code ?? null,
    error_detail: event.error_detail ?? null,
    backup_path: event.backup_path ?? null,
    started_at: parseMomentOrNull('started_at', event.started_at),
    finished_at: parseMomentOrNull('finished_at', event.finished_at),
    at: parseMoment('at', event.at),
  };
}

type Row = NonNullable<ReturnType<typeof rowOf>>;

function findApplication(view: CatalogueView, slug: string | undefined): ApplicationRecord | null {
  if (slug === undefined) return view.application(undefined);
  return view.applications.find((application) => application.slug === slug) ?? null;
}

/** `v1.0` and `1.0.0` are one version; what is none stays as it was told. */
function plainVersion(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  try {
    return parseVersion(text).version;
  } catch {
    return text;
  }
}

/**
 * @returns those that were not known, in the order in which they happened. Stored in an order that depends on the events
 * alone, so that a repetition that comes at the same time waits, instead of both waiting for each other.
 */
async function storeRows(tx: Tx, rows: readonly Row[]): Promise<readonly StoredEvent[]> {
  if (rows.length === 0) return [];
  const { rows: stored } = await sql<StoredEvent>`
    with stored as (
      insert into update_log (terminal_key, event_id, update_id, terminal_id, customer_id, branch, application_id, platform,
        version_from, version_to, state, percent, downloaded_bytes, saved_bytes, log_output, error_code, error_detail, backup_path,
        started_at, finished_at, at, address, user_agent)
      select given.* from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as given (terminal_key text, event_id text,
        update_id text, terminal_id text, customer_id integer, branch text, application_id integer, platform text,
        version_from text, version_to text, state text, percent smallint, downloaded_bytes bigint, saved_bytes bigint,
        log_output text, error_code text, error_detail text, backup_path text,
        started_at timestamptz, finished_at timestamptz, at timestamptz, address text, user_agent text)
      order by given.at, given.event_id
      on conflict (terminal_key, event_id) do nothing
      returning application_id, version_to, state, at, id
    )
    select application_id, version_to, state, to_json(at) #>> '{}' as at from stored order by id`.execute(tx);
  return stored;
}
