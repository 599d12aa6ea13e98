/** Customers as operators see them, and the customer's own licence. */
import { UpdaterError } from '@remendo/core';
import type { Customer } from '@remendo/core/protocol';
import { type SqlBool, sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { ServiceLevel } from '../database/tables.js';
import { endOfLicence } from './licence.js';

export interface CustomerFilter {
  readonly status?: Customer['status'] | undefined;
  readonly service_level?: ServiceLevel | undefined;
  /** In the code, the e-mail, a name or the company. */
  readonly search?: string | undefined;
}

const customerQuery = (db: Db | Tx) =>
  db
    .selectFrom('customer')
    .selectAll('customer')
    .select((eb) =>
      eb
        .selectFrom('terminal')
        .whereRef('terminal.customer_id', '=', 'customer.id')
        .where('terminal.is_enabled', '=', true)
        .select((of) => of.fn.countAll<number>().as('count'))
        .as('terminals'),
    );

type CustomerRow = Awaited<ReturnType<ReturnType<typeof customerQuery>['executeTakeFirstOrThrow']>>;

/** What makes a status: the days of a licence are days in UTC. */
const conditions: Readonly<Record<Customer['status'], ReturnType<typeof sql<SqlBool>>>> = {
  deleted: sql`customer.deleted_at is not null`,
  suspended: sql`customer.deleted_at is null and suspended_at is not null`,
  expired: sql`customer.deleted_at is null and suspended_at is null and expires_on < (now() at time zone 'utc')::date`,
  active: sql`customer.deleted_at is null and suspended_at is null and expires_on >= (now() at time zone 'utc')::date`,
};

/** In the order in which they came; deleted ones only when they are asked for. */
export async function listCustomers(
  db: Db,
  filter: CustomerFilter,
  page: { readonly limit: number; readonly after: number | null },
) {
  const { status, service_level, search } = filter;
  let query = customerQuery(db);
  query = status === undefined ? query.where('customer.deleted_at', 'is', null) : query.where(conditions[status]);
  if (service_level !== undefined) query = query.where('service_level', '=', service_level);
  if (search !== undefined) {
    const text = `concat_ws(' ', code, email, first_name, last_name, company)`;
    query = query.where(sql<SqlBool>`strpos(lower(${sql.raw(text)}), ${search.toLowerCase()}) > 0`);
  }
  if (page.after !== null) query = query.where('customer.id', '>', sql<number>`${page.after}::bigint`);
  return query
    .orderBy('customer.id')
    .limit(page.limit + 1)
    .execute();
}

/** @throws UpdaterError RECORD_NOT_FOUND, also for one that is deleted. */
export async function requireCustomerRow(db: Db | Tx, code: string): Promise<CustomerRow> {
  const row = await customerQuery(db).where('code', '=', code).where('deleted_at', 'is', null).executeTakeFirst();
  if (row === undefined) throw customerUnknown(code);
  return row;
}

/**
 * Takes the customer's row for this transaction: whoever changes the same customer waits, whoever only refers to it (a
 * check that is recorded) does not. @throws UpdaterError RECORD_NOT_FOUND.
 */
export async function lockCustomer(tx: Tx, code: string) {
  const row = await tx
    .selectFrom('customer')
    .selectAll()
    .where('code', '=', code)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (row === undefined) throw customerUnknown(code);
  return row;
}

const customerUnknown = (code: string): UpdaterError =>
  new UpdaterError('RECORD_NOT_FOUND', `there is no customer ${code}`, { details: { code } });

export function customerAnswer(row: CustomerRow, now = new Date()): Customer {
  return {
    code: row.code,
    email: row.email,
    first_name: row.first_name,
    last_name: row.last_name,
    company: row.company,
    phone: row.phone,
    service_level: row.service_level,
    requested_level: row.requested_level,
    expires_on: row.expires_on,
    limits: row.limits,
    features: row.features,
    allowed_addresses: [...row.allowed_addresses],
    status: statusOf(row, now),
    terminals: row.terminals ?? 0,
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

function statusOf(row: Pick<CustomerRow, 'deleted_at' | 'suspended_at' | 'expires_on'>, now: Date): Customer['status'] {
  if (row.deleted_at !== null) return 'deleted';
  if (row.suspended_at !== null) return 'suspended';
  return now < endOfLicence(row.expires_on) ? 'active' : 'expired';
}
