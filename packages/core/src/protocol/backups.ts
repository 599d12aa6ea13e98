/** What branches tell of their backups. */
import { type Static, Type } from 'typebox';
import { bytes, literals, moment, nullable } from './shapes.js';

export const backupStates = [
  'ok',
  'missing',
  'empty',
  'stale',
  'too_small',
  'shrunk',
  'too_few',
  'corrupt',
  'unreadable',
  'disk_low',
] as const;

const yearSeconds = 31_536_000;
const name = Type.String({ minLength: 1, maxLength: 128 });

export const BackupReport = Type.Object(
  {
    /** Unique for the job: who is not sure that it arrived sends it again with the same id. */
    report_id: Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$', description: 'Printable ASCII without spaces' }),
    job: name,
    state: literals(backupStates),
    /** An enrolled terminal's own branch goes before this. */
    branch: Type.Optional(Type.String({ maxLength: 128 })),
    /** How often the job reports, and how much later a report may come before somebody is told that it stopped. */
    interval_seconds: Type.Integer({ minimum: 60, maximum: yearSeconds }),
    grace_seconds: Type.Integer({ minimum: 0, maximum: yearSeconds }),
    files: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
    total_bytes: Type.Optional(bytes),
    newest_at: Type.Optional(moment),
    detail: Type.Optional(Type.String({ maxLength: 4_000 })),
    /** When it was checked, by the terminal's clock. */
    at: moment,
  },
  { additionalProperties: false },
);
export type BackupReport = Static<typeof BackupReport>;

/** POST /api/v1/backups/reports */
export const BackupReports = Type.Object(
  { reports: Type.Array(BackupReport, { minItems: 1, maxItems: 200 }) },
  { additionalProperties: false },
);
export type BackupReports = Static<typeof BackupReports>;

export const BackupReportsAnswer = Type.Object({
  accepted: bytes,
  /** Known by their ids already. */
  duplicates: bytes,
});
export type BackupReportsAnswer = Static<typeof BackupReportsAnswer>;

export const BackupMonitor = Type.Object({
  id: bytes,
  customer: Type.String(),
  terminal: Type.String(),
  branch: Type.String(),
  job: Type.String(),
  interval_seconds: bytes,
  grace_seconds: bytes,
  /** Of the newest check. */
  state: literals(backupStates),
  /** It should have reported, and did not. */
  is_silent: Type.Boolean(),
  /** When the newest check was made, and when a report last arrived. */
  checked_at: moment,
  reported_at: moment,
});
export type BackupMonitor = Static<typeof BackupMonitor>;

/** GET /api/v1/backups */
export const BackupMonitorList = Type.Object({ backups: Type.Array(BackupMonitor), next: nullable(Type.String()) });
export type BackupMonitorList = Static<typeof BackupMonitorList>;

export const BackupCheck = Type.Object({
  id: bytes,
  report_id: Type.String(),
  state: literals(backupStates),
  files: nullable(bytes),
  total_bytes: nullable(bytes),
  newest_at: nullable(moment),
  detail: Type.String(),
  at: moment,
  received_at: moment,
});
export type BackupCheck = Static<typeof BackupCheck>;

/** GET /api/v1/backups/{id}/checks: what arrived last comes first. */
export const BackupCheckList = Type.Object({ checks: Type.Array(BackupCheck), next: nullable(Type.String()) });
export type BackupCheckList = Static<typeof BackupCheckList>;
