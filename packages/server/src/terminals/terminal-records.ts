/** Enrolled terminals as operators and their customers see them, with what is installed and what is set for them. */
import { UpdaterError } from '@remendo/core';
import type { Terminal } from '@remendo/core/protocol';
import { type SqlBool, sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { RecordScope } from '../history/record-scope.js';

export interface TerminalFilter {
  readonly customer?: string | undefined;
  readonly branch?: string | undefined;
  readonly group?: string | undefined;
  readonly ring?: string | undefined;
  readonly isEnabled?: boolean | undefined;
  readonly isSilent?: boolean | undefined;
  /** Which application it checks for, and which version of it is installed. */
  readonly application?: string | undefined;
  readonly version?: string | undefined;
}

const installed = sql<Terminal['applications']>`(
  select coalesce(jsonb_agg(jsonb_build_object('application', slug, 'platform', platform, 'version', version, 'channel', channel,
    'checked_at', checked_at) order by slug, platform), '[]')
  from sighting join application on application.id = sighting.application_id where sighting.terminal_id = terminal.id)`;

const policies = sql<Terminal['policies']>`(
  select coalesce(jsonb_agg(jsonb_build_object('application', slug, 'pinned_version', pinned_version, 'allow_downgrade', allow_downgrade,
    'blocked', blocked) order by slug), '[]')
  from terminal_policy join application on application.id = terminal_policy.application_id
  where terminal_policy.terminal_id = terminal.id)`;

const terminalQuery = (db: Db | Tx, { customerId, terminalKey }: RecordScope) => {
  let query = db
    .selectFrom('terminal')
    .innerJoin('customer', 'customer.id', 'terminal.customer_id')
    .where('customer.deleted_at', 'is', null)
    .selectAll('terminal')
    .select(['customer.code as customer', installed.as('applications'), policies.as('policies')]);
  if (customerId !== null) query = query.where('terminal.customer_id', '=', customerId);
  if (terminalKey !== null) query = query.where('terminal.id', '=', terminalKey);
  return query;
};

type TerminalRow = Awaited<ReturnType<ReturnType<typeof terminalQuery>['executeTakeFirstOrThrow']>>;

export interface ListedTerminals {
  readonly scope: RecordScope;
  readonly filter: TerminalFilter;
  readonly page: { readonly limit: number; readonly after: string | null };
}

/** By their ids, one more than the page takes. */
export async function listTerminals(db: Db, { scope, filter, page }: ListedTerminals): Promise<readonly TerminalRow[]> {
  const { customer, isEnabled, isSilent, application, version } = filter;
  let query = terminalQuery(db, scope);
  for (const column of ['branch', 'group', 'ring'] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(`terminal.${column}`, '=', value);
  }
  if (customer !== undefined) query = query.where('customer.code', '=', customer);
  if (isEnabled !== undefined) query = query.where('terminal.is_enabled', '=', isEnabled);
  if (isSilent !== undefined) query = query.where('terminal.is_silent', '=', isSilent);
  if (application !== undefined || version !== undefined) query = query.where(isInstalled(application, version));
  if (page.after !== null) query = query.where('terminal.id', '>', page.after);
  return query
    .orderBy('terminal.id')
    .limit(page.limit + 1)
    .execute();
}

const isInstalled = (slug: string | undefined, version: string | undefined) =>
  sql<SqlBool>`exists (select 1 from sighting join application on application.id = sighting.application_id
    where sighting.terminal_id = terminal.id and slug = coalesce(${slug ?? null}::text, slug)
    and ${version === undefined ? sql`true` : sql`version = ${version}`})`;

/** @throws UpdaterError RECORD_NOT_FOUND, also for a terminal that who asks may not see. */
export async function requireTerminal(db: Db | Tx, scope: RecordScope, id: string): Promise<Terminal> {
  const row = await terminalQuery(db, scope).where('terminal.id', '=', id).executeTakeFirst();
  if (row === undefined) throw new UpdaterError('RECORD_NOT_FOUND', `there is no terminal ${id}`, { details: { id } });
  return terminalAnswer(row);
}

export const terminalAnswer = (row: TerminalRow): Terminal => ({
  terminal_id: row.id,
  customer: row.customer,
  name: row.name,
  branch: row.branch,
  group: row.group,
  ring: row.ring,
  operating_system: row.operating_system,
  architecture: row.architecture,
  agent_version: row.agent_version,
  is_enabled: row.is_enabled,
  is_silent: row.is_silent,
  last_check_at: row.last_check_at?.toISOString() ?? null,
  last_address: row.last_address,
  link_bytes_per_second: row.link_bytes_per_second,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  applications: row.applications.map((seen) => ({ ...seen, checked_at: new Date(seen.checked_at).toISOString() })),
  policies: row.policies,
});
