/**
 * What terminals tell of their updates, as it is to be stored. An event that is known already changes nothing, so a
 * terminal sends again what it is not sure of.
 */
import { parseVersion } from '@remendo/core';
import type { UpdateEvent, UpdateEventsAnswer } from '@remendo/core/protocol';
import type { Principal } from '../accounts/principal.js';
import { addressKey } from '../plugins/address-key.js';
import type { DailyQuota } from '../plugins/daily-quota.js';
import type { CatalogueView } from '../releases/catalogue.js';
import { requireAccess } from '../releases/release-access.js';
import type { ApplicationRecord } from '../releases/release-records.js';
import type { EventRow, EventWriter } from './event-writer.js';
import { parseMoment, parseMomentOrNull } from './moments.js';

/** Who tells, and of what when an event does not say. */
export interface EventSource {
  readonly principal: Principal;
  readonly terminalKey: string;
  readonly application: string | undefined;
  readonly platform: string | undefined;
  readonly address: string;
  readonly userAgent: string | undefined;
}

export interface EventRecorder {
  readonly writer: EventWriter;
  readonly quota: DailyQuota;
}

/** Of what strangers print and explain: enough to know what it was about. */
const strangersTextMax = 200;

/**
 * When this returns, every event is stored and has had its effects, once.
 * @throws UpdaterError AUTH_REQUIRED when nobody signed in and an application is not public; REQUEST_INVALID; LIMIT_RATE when
 * who tells has had as much stored today as they may. Nothing is stored then.
 */
export async function recordEvents(
  { writer, quota }: EventRecorder,
  view: CatalogueView,
  source: EventSource,
  events: readonly UpdateEvent[],
): Promise<UpdateEventsAnswer> {
  const rows = events.flatMap((event) => rowOf(view, source, event) ?? []);
  const { accepted } = await quota.store(quotaKeyOf(source), rows, async () => ({ accepted: await writer.write(rows) }));
  return { accepted, duplicates: rows.length - accepted, unknown: events.length - rows.length };
}

/** Names that who tells chose themselves count together. */
function quotaKeyOf({ principal, address }: EventSource): string {
  if (principal.kind === 'terminal') return principal.terminal.id;
  return principal.kind === 'customer' ? principal.customer.code : addressKey(address);
}

/** Null: of an application that nobody knows here. */
function rowOf(view: CatalogueView, source: EventSource, event: UpdateEvent): EventRow | null {
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
    ...told(principal.kind === 'anonymous' ? shortened(event) : event),
  };
}

const shortened = (event: UpdateEvent): UpdateEvent => ({
  ...event,
  log_output: firstLine(event.log_output),
  error_detail: firstLine(event.error_detail),
});

const firstLine = (text: string | null | undefined): string | null => text?.split('\n', 1)[0]?.slice(0, strangersTextMax) ?? null;

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
