/** The operator of the first start: whoever runs the server may do everything, by the token of its settings. */
import { randomBytes } from 'node:crypto';
import { digestOf } from '@remendo/core';
import { recordAudit, serverActor } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';

const name = 'publisher';
const tokenName = 'first';

/**
 * Makes sure that there is an operator. A token from the settings replaces the first operator's.
 * @returns the token in the clear when it was made now: to be shown once, it can not be read again.
 */
export function ensureFirstOperator(changes: Changes, fromSettings: string | null): Promise<string | null> {
  return changes.change(['accounts'], async (tx) => {
    // Servers that start at the same time on one database: one of them makes it.
    await tx.selectFrom('change').where('topic', '=', 'accounts').select('revision').forUpdate().execute();
    const operators = await tx.selectFrom('operator').select(['id', 'name']).execute();
    if (fromSettings === null && operators.length > 0) return null;
    const made = fromSettings === null ? randomBytes(32).toString('base64url') : null;
    const known = operators.find((operator) => operator.name === name)?.id;
    const id =
      known ?? (await tx.insertInto('operator').values({ name, role: 'admin' }).returning('id').executeTakeFirstOrThrow()).id;
    await setToken(tx, id, digestOf(fromSettings ?? made ?? ''));
    return made;
  });
}

/** The same token again, at every start, is no change. */
async function setToken(tx: Tx, operator_id: number, token_sha256: string): Promise<void> {
  const holders = await tx
    .selectFrom('operator_token')
    .select(['operator_id', 'name'])
    .where('token_sha256', '=', token_sha256)
    .execute();
  if (holders.some((holder) => holder.operator_id === operator_id && holder.name === tokenName)) return;
  await tx.deleteFrom('operator_token').where('token_sha256', '=', token_sha256).execute();
  await tx
    .insertInto('operator_token')
    .values({ operator_id, name: tokenName, token_sha256 })
    .onConflict((conflict) => conflict.columns(['operator_id', 'name']).doUpdateSet({ token_sha256, expires_at: null }))
    .execute();
  await recordAudit(tx, serverActor('start'), {
    action: 'first_token_set',
    subjectKind: 'operator',
    subject: name,
    detail: { name: tokenName },
  });
}
