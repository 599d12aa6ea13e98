/** Operators and their tokens. There is always an admin who can sign in: what would leave none is refused. */
import { digestOf, UpdaterError } from '@remendo/core';
import type { NewToken, Operator, OperatorChange, OperatorRequest, TokenRequest } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import { newSecret } from './credentials.js';

interface TokenRow {
  readonly name: string;
  readonly created_at: string;
  readonly expires_at: string | null;
}

const operatorQuery = (db: Db | Tx) =>
  db
    .selectFrom('operator')
    .selectAll('operator')
    .select(
      sql<
        TokenRow[]
      >`(select coalesce(jsonb_agg(jsonb_build_object('name', name, 'created_at', created_at, 'expires_at', expires_at)
        order by id), '[]') from operator_token where operator_token.operator_id = operator.id)`.as('tokens'),
    );

type OperatorRow = Awaited<ReturnType<ReturnType<typeof operatorQuery>['executeTakeFirstOrThrow']>>;

export function listOperators(db: Db, page: { readonly limit: number; readonly after: number | null }) {
  let query = operatorQuery(db);
  if (page.after !== null) query = query.where('operator.id', '>', sql<number>`${page.after}::bigint`);
  return query
    .orderBy('operator.id')
    .limit(page.limit + 1)
    .execute();
}

/** @throws UpdaterError RECORD_NOT_FOUND. */
export async function requireOperatorRow(db: Db | Tx, name: string): Promise<OperatorRow> {
  const row = await operatorQuery(db).where('operator.name', '=', name).executeTakeFirst();
  if (row === undefined) throw new UpdaterError('RECORD_NOT_FOUND', `there is no operator ${name}`, { details: { name } });
  return row;
}

/** Without a token the operator can not sign in yet. @throws UpdaterError RECORD_EXISTS. */
export function addOperator(changes: Changes, actor: Actor, { name, role, email = null }: OperatorRequest): Promise<Operator> {
  return changes.change([], async (tx) => {
    const made = await tx
      .insertInto('operator')
      .values({ name, role, email })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (made === undefined) throw new UpdaterError('RECORD_EXISTS', `there is an operator ${name} already`, { details: { name } });
    await recordAudit(tx, actor, {
      action: 'operator_added',
      subjectKind: 'operator',
      subject: name,
      detail: { after: { role, email } },
    });
    return operatorAnswer(await requireOperatorRow(tx, name));
  });
}

/** Counts from the operator's next request on. @throws UpdaterError RECORD_NOT_FOUND, REQUEST_INVALID when no admin would be left. */
export function changeOperator(
  changes: Changes,
  actor: Actor,
  asked: OperatorChange & { readonly name: string },
): Promise<Operator> {
  const { name, reason, ...change } = asked;
  return changes.change(['accounts'], async (tx) => {
    await lockAdmins(tx);
    const before = await requireOperatorRow(tx, name);
    await tx
      .updateTable('operator')
      .set({ ...change, updated_at: new Date() })
      .where('id', '=', before.id)
      .execute();
    await requireAdminLeft(tx);
    const after = await requireOperatorRow(tx, name);
    const detail = { before: changeable(before), after: changeable(after) };
    await recordAudit(tx, actor, { action: 'operator_changed', subjectKind: 'operator', subject: name, reason, detail });
    return operatorAnswer(after);
  });
}

const dayMs = 86_400_000;

/** @returns the token, told here only. @throws UpdaterError RECORD_NOT_FOUND, RECORD_EXISTS for a name that a token of this operator has. */
export function addToken(
  changes: Changes,
  actor: Actor,
  { operator, ...asked }: TokenRequest & { readonly operator: string },
): Promise<NewToken> {
  const { name, expires_in_days: days } = asked;
  const token = newSecret();
  const expires_at = days === undefined ? null : new Date(Date.now() + days * dayMs);
  return changes.change([], async (tx) => {
    const { id } = await requireOperatorRow(tx, operator);
    const made = await tx
      .insertInto('operator_token')
      .values({ operator_id: id, name, token_sha256: digestOf(token), expires_at })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (made === undefined)
      throw new UpdaterError('RECORD_EXISTS', `${operator} has a token ${name} already`, { details: { name } });
    const told = { name, expires_at: expires_at?.toISOString() ?? null };
    await recordAudit(tx, actor, { action: 'token_made', subjectKind: 'operator', subject: operator, detail: told });
    return { ...told, token };
  });
}

/** From the next request on it is good for nothing. @throws UpdaterError RECORD_NOT_FOUND, REQUEST_INVALID when no admin would be left. */
export function deleteToken(
  changes: Changes,
  actor: Actor,
  asked: { readonly operator: string; readonly name: string },
): Promise<void> {
  const { operator, name } = asked;
  return changes.change(['accounts'], async (tx) => {
    await lockAdmins(tx);
    const { id } = await requireOperatorRow(tx, operator);
    const gone = await tx
      .deleteFrom('operator_token')
      .where('operator_id', '=', id)
      .where('name', '=', name)
      .returning('id')
      .executeTakeFirst();
    if (gone === undefined) throw new UpdaterError('RECORD_NOT_FOUND', `${operator} has no token ${name}`, { details: asked });
    await requireAdminLeft(tx);
    await recordAudit(tx, actor, { action: 'token_deleted', subjectKind: 'operator', subject: operator, detail: { name } });
  });
}

/** Two admins who take each other's rights at the same time: the second waits, and is refused. */
const lockAdmins = (tx: Tx) =>
  tx.selectFrom('operator').select('id').where('role', '=', 'admin').orderBy('id').forNoKeyUpdate().execute();

/** Looks at what the transaction has made of it. A token that ends some day does not count: nobody could make another then. */
async function requireAdminLeft(tx: Tx): Promise<void> {
  const admin = await tx
    .selectFrom('operator')
    .innerJoin('operator_token', 'operator_token.operator_id', 'operator.id')
    .where('role', '=', 'admin')
    .where('is_enabled', '=', true)
    .where('operator_token.expires_at', 'is', null)
    .select('operator.id')
    .limit(1)
    .executeTakeFirst();
  if (admin !== undefined) return;
  throw new UpdaterError('REQUEST_INVALID', 'this would leave no admin who is enabled and has a token without an end');
}

const changeable = ({ email, role, is_enabled }: OperatorRow) => ({ email, role, is_enabled });

export const operatorAnswer = (row: OperatorRow): Operator => ({
  name: row.name,
  email: row.email,
  role: row.role,
  is_enabled: row.is_enabled,
  tokens: row.tokens.map(({ name, created_at, expires_at }) => ({
    name,
    created_at: new Date(created_at).toISOString(),
    expires_at: expires_at === null ? null : new Date(expires_at).toISOString(),
  })),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});
