/** Which part of the update history somebody asks for, as a condition on `update_log`. */
import { type RawBuilder, sql } from 'kysely';
import type { UpdateState } from '../database/tables.js';
import { allOf, equals, ofCustomer, when } from './conditions.js';
import type { RecordScope } from './record-scope.js';

/** What is left out does not matter. */
export interface UpdateFilter {
  readonly applicationId?: number | undefined;
  readonly platform?: string | undefined;
  /** That the update leads to. */
  readonly version?: string | undefined;
  readonly branch?: string | undefined;
  /** A customer's code. */
  readonly customer?: string | undefined;
  readonly terminal?: string | undefined;
  readonly updateId?: string | undefined;
  readonly state?: UpdateState | undefined;
  readonly since?: Date | undefined;
  /** The first moment that does not count. */
  readonly until?: Date | undefined;
}

export const conditionOf = (scope: RecordScope, filter: UpdateFilter): RawBuilder<boolean> =>
  allOf([
    ...equals('update_log.customer_id', scope.customerId),
    ...equals('update_log.terminal_key', scope.terminalKey),
    ...equals('update_log.application_id', filter.applicationId),
    ...equals('update_log.platform', filter.platform),
    ...equals('update_log.version_to', filter.version),
    ...equals('update_log.branch', filter.branch),
    ...equals('update_log.terminal_key', filter.terminal),
    ...equals('update_log.update_id', filter.updateId),
    ...equals('update_log.state', filter.state),
    ...ofCustomer('update_log.customer_id', filter.customer),
    ...when(filter.since, (since) => sql`update_log.at >= ${since}`),
    ...when(filter.until, (until) => sql`update_log.at < ${until}`),
  ]);
