/** What terminals tell of their updates, and what is made of it. */
import { type Static, type TSchema, Type } from 'typebox';
import { bytes, line, literals, moment, nullable, slug, version } from './shapes.js';

export const updateStates = ['started', 'downloading', 'backing_up', 'installing', 'completed', 'failed', 'rolled_back'] as const;

const orNull = <T extends TSchema>(shape: T) => Type.Optional(nullable(shape));
/** Named by who sends it. */
const id = Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$', description: 'Printable ASCII without spaces' });
const path = Type.String({ maxLength: 1_024 });
const errorCode = Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' });
const longText = (maxLength: number) => Type.String({ maxLength });

/** One step of an update. Left out, null and unknown are the same. */
export const UpdateEvent = Type.Object(
  {
    /** Of this event, unique for the terminal: who is not sure that it arrived sends it again with the same id. */
    event_id: id,
    /** The same for all events of one attempt to update. Without it, events with the same versions and `started_at` belong together. */
    update_id: orNull(id),
    /** Left out, that of the request. */
    application: Type.Optional(slug),
    platform: Type.Optional(slug),
    version_from: orNull(version),
    version_to: orNull(version),
    /** Old names of the two. */
    versione_da: orNull(version),
    versione_a: orNull(version),
    state: literals(updateStates),
    percent: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    /** Of the update until now, not since the last event. */
    downloaded_bytes: orNull(bytes),
    /** What the full zip would have cost more. */
    saved_bytes: orNull(bytes),
    log_output: orNull(longText(16_000)),
    error_code: orNull(errorCode),
    error_detail: orNull(longText(4_000)),
    backup_path: orNull(path),
    started_at: orNull(moment),
    finished_at: orNull(moment),
    /** When it happened, by the terminal's clock. */
    at: moment,
  },
  { additionalProperties: false },
);
export type UpdateEvent = Static<typeof UpdateEvent>;

/** POST /api/v1/updates/events */
export const UpdateEvents = Type.Object(
  { events: Type.Array(UpdateEvent, { minItems: 1, maxItems: 500 }) },
  { additionalProperties: false },
);
export type UpdateEvents = Static<typeof UpdateEvents>;

/** Each event of the request is one of the three. */
export const UpdateEventsAnswer = Type.Object({
  accepted: bytes,
  /** Known by their ids already, from this request or an earlier one. */
  duplicates: bytes,
  /** Of applications that this server does not have: ignored. */
  unknown: bytes,
});
export type UpdateEventsAnswer = Static<typeof UpdateEventsAnswer>;

export const UpdateLogEntry = Type.Object({
  id: bytes,
  event_id: Type.String(),
  update_id: nullable(Type.String()),
  /** The enrolled terminal's id; else who it said it was. */
  terminal: Type.String(),
  is_enrolled: Type.Boolean(),
  customer: nullable(Type.String()),
  branch: nullable(Type.String()),
  application: slug,
  platform: slug,
  version_from: nullable(Type.String()),
  version_to: nullable(Type.String()),
  state: literals(updateStates),
  percent: Type.Integer(),
  downloaded_bytes: nullable(bytes),
  saved_bytes: nullable(bytes),
  log_output: Type.String(),
  error_code: nullable(Type.String()),
  error_detail: nullable(Type.String()),
  backup_path: nullable(Type.String()),
  started_at: nullable(moment),
  finished_at: nullable(moment),
  at: moment,
  received_at: moment,
  address: nullable(Type.String()),
  user_agent: nullable(Type.String()),
});
export type UpdateLogEntry = Static<typeof UpdateLogEntry>;

/** GET /api/v1/updates/log: what arrived last comes first. */
export const UpdateLog = Type.Object({ events: Type.Array(UpdateLogEntry), next: nullable(Type.String()) });
export type UpdateLog = Static<typeof UpdateLog>;

const rate = nullable(Type.Number({ minimum: 0, maximum: 1 }));
const seconds = nullable(Type.Number({ minimum: 0 }));
const counts = { updates: bytes, completed: bytes, failed: bytes, rolled_back: bytes };

/** GET /api/v1/metrics/summary */
export const MetricsSummary = Type.Object({
  ...counts,
  /** Of the updates that came to an end; null: none did. */
  success_rate: rate,
  failure_rate: rate,
  /** From the beginning to the end of completed updates; null: there is none. */
  mean_seconds: seconds,
  p50_seconds: seconds,
  p95_seconds: seconds,
  downloaded_bytes: bytes,
  saved_bytes: bytes,
  /** What is installed on terminals that checked within `active_days`; null: they do not know. */
  versions: Type.Array(Type.Object({ version: nullable(Type.String()), terminals: bytes })),
  /** The most frequent of updates that failed or were rolled back. */
  errors: Type.Array(Type.Object({ error_code: line, count: bytes })),
  by_version: Type.Array(Type.Object({ version: nullable(Type.String()), ...counts })),
  by_branch: Type.Array(Type.Object({ branch: nullable(Type.String()), ...counts })),
});
export type MetricsSummary = Static<typeof MetricsSummary>;
