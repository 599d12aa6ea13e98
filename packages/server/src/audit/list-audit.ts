import type { AuditEvent } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';

export interface AuditFilter {
  readonly subject_kind?: string | undefined;
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  /** From this moment on, and before that one. */
  readonly since: Date | null;
  readonly until: Date | null;
}

/** Newest first. */
export async function listAudit(db: Db, filter: AuditFilter, page: { readonly limit: number; readonly after: number | null }) {
  const { since, until, ...equals } = filter;
  let query = db.selectFrom('audit_event').selectAll();
  for (const column of ['subject_kind', 'subject', 'actor', 'action'] as const) {
    const value = equals[column];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  if (since !== null) query = query.where('at', '>=', since);
  if (until !== null) query = query.where('at', '<', until);
  if (page.after !== null) query = query.where('id', '<', sql<number>`${page.after}::bigint`);
  return query
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
}

type AuditRow = Awaited<ReturnType<typeof listAudit>>[number];

export const auditAnswer = (row: AuditRow): AuditEvent => ({ ...row, at: row.at.toISOString() });
