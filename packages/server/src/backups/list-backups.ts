/** What is known of backups: a monitor for each job of each terminal, and every check of it. */
import { UpdaterError } from '@remendo/core';
import type { BackupCheck, BackupMonitor, BackupReport } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import { allOf, equals, ofCustomer, when } from '../history/conditions.js';
import { momentOrNull } from '../history/moments.js';
import type { RecordScope } from '../history/record-scope.js';

/** failing: in any state but ok, or silent. */
export const askedStates = ['ok', 'failing', 'silent'] as const;

const stateConditions = {
  ok: sql`(state = 'ok' and not is_silent)`,
  failing: sql`(state <> 'ok' or is_silent)`,
  silent: sql`is_silent`,
};

/** What is left out does not matter. */
export interface BackupFilter {
  readonly id?: number | undefined;
  /** A customer's code. */
  readonly customer?: string | undefined;
  readonly branch?: string | undefined;
  readonly terminal?: string | undefined;
  readonly job?: string | undefined;
  readonly state?: (typeof askedStates)[number] | undefined;
}

export interface BackupPage {
  readonly limit: number;
  /** A record's id; null: from the first one on. */
  readonly after: number | null;
}

const conditionOf = (scope: RecordScope, filter: BackupFilter) =>
  allOf([
    ...equals('backup_monitor.customer_id', scope.customerId),
    ...equals('backup_monitor.terminal_key', scope.terminalKey),
    ...equals('backup_monitor.id', filter.id),
    ...equals('backup_monitor.branch', filter.branch),
    ...equals('backup_monitor.terminal_key', filter.terminal),
    ...equals('backup_monitor.job', filter.job),
    ...ofCustomer('backup_monitor.customer_id', filter.customer),
    ...when(filter.state, (state) => stateConditions[state]),
  ]);

export async function listBackups(
  db: Db | Tx,
  scope: RecordScope,
  { limit, after, ...filter }: BackupFilter & BackupPage,
): Promise<readonly BackupMonitor[]> {
  const rows = await db
    .selectFrom('backup_monitor')
    .innerJoin('customer', 'customer.id', 'backup_monitor.customer_id')
    .where(conditionOf(scope, filter))
    .where('customer.deleted_at', 'is', null)
    .where(sql<boolean>`backup_monitor.id > ${after ?? 0}::bigint`)
    .selectAll('backup_monitor')
    .select('customer.code as customer')
    .orderBy('backup_monitor.id')
    .limit(limit)
    .execute();
  return rows.map(({ customer_id: _customer, terminal_key, ...row }) => ({
    ...row,
    terminal: terminal_key,
    state: row.state as BackupReport['state'],
    checked_at: row.checked_at.toISOString(),
    reported_at: row.reported_at.toISOString(),
  }));
}

/** @throws UpdaterError RECORD_NOT_FOUND when there is none, or none that this request may see. */
export async function requireBackup(db: Db | Tx, scope: RecordScope, id: number): Promise<BackupMonitor> {
  const [monitor] = await listBackups(db, scope, { id, limit: 1, after: null });
  if (monitor === undefined) throw new UpdaterError('RECORD_NOT_FOUND', `there is no backup ${id}`);
  return monitor;
}

/** What arrived last comes first. */
export async function listChecks(db: Db, monitorId: number, { limit, after }: BackupPage): Promise<readonly BackupCheck[]> {
  const query = db
    .selectFrom('backup_check')
    .where('monitor_id', '=', monitorId)
    .select(['id', 'report_id', 'state', 'files', 'total_bytes', 'newest_at', 'detail', 'at', 'received_at'])
    .orderBy('id', 'desc')
    .limit(limit);
  const rows = await (after === null ? query : query.where(sql<boolean>`id < ${after}::bigint`)).execute();
  return rows.map((row) => ({
    ...row,
    state: row.state as BackupReport['state'],
    newest_at: momentOrNull(row.newest_at),
    at: row.at.toISOString(),
    received_at: row.received_at.toISOString(),
  }));
}
