/** The update history, as it was told: every state that every update went through. */
import type { UpdateLogEntry } from '@remendo/core/protocol';
import type { Db } from '../database/open-database.js';
import { momentOrNull } from './moments.js';
import type { RecordScope } from './record-scope.js';
import { conditionOf, type UpdateFilter } from './update-filter.js';

export interface LogPage {
  readonly limit: number;
  /** An entry's id: those that arrived before it. Null: from the newest on. */
  readonly after: number | null;
}

/** What arrived last comes first. */
export async function listUpdates(db: Db, scope: RecordScope, filter: UpdateFilter & LogPage): Promise<readonly UpdateLogEntry[]> {
  const { limit, after } = filter;
  const query = db
    .selectFrom('update_log')
    .innerJoin('application', 'application.id', 'update_log.application_id')
    .leftJoin('customer', 'customer.id', 'update_log.customer_id')
    .where(conditionOf(scope, filter))
    .selectAll('update_log')
    .select(['application.slug as application', 'customer.code as customer'])
    .orderBy('update_log.id', 'desc')
    .limit(limit);
  const rows = await (after === null ? query : query.where('update_log.id', '<', after)).execute();
  return rows.map(({ application_id: _application, customer_id: _customer, terminal_key, terminal_id, ...row }) => ({
    ...row,
    terminal: terminal_key,
    is_enrolled: terminal_id !== null,
    started_at: momentOrNull(row.started_at),
    finished_at: momentOrNull(row.finished_at),
    at: row.at.toISOString(),
    received_at: row.received_at.toISOString(),
  }));
}
