/** Keys of a customer: several may be good at the same time, so that one can take the place of another without a pause. */
import { UpdaterError } from '@remendo/core';
import type { KeyList, KeyRequest, NewKey } from '@remendo/core/protocol';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import { hashedPair, newKeyPair } from './credentials.js';
import { lockCustomer, requireCustomerRow } from './customer-records.js';

const overlapHours = 24;
export const hourMs = 3_600_000;
/** Good at the same time: rotating again and again must not fill the table. */
const keysMax = 20;

/**
 * Makes a key; those until now stay good for `overlap_hours`, or less when they were to end before. With 0 they end here.
 * @returns the pair, told here only. @throws UpdaterError RECORD_NOT_FOUND, REQUEST_INVALID when there are too many keys.
 */
export function rotateKeys(changes: Changes, actor: Actor, asked: KeyRequest & { readonly code: string }): Promise<NewKey> {
  const { code, overlap_hours = overlapHours, reason } = asked;
  const pair = newKeyPair();
  return changes.change(['accounts'], async (tx) => {
    const { id } = await lockCustomer(tx, code);
    const until = new Date(Date.now() + overlap_hours * hourMs);
    await endKeys(tx, id, until);
    await tx
      .insertInto('customer_key')
      .values({ customer_id: id, ...hashedPair(pair) })
      .execute();
    await recordAudit(tx, actor, {
      action: 'keys_rotated',
      subjectKind: 'customer',
      subject: code,
      reason,
      detail: { prefix: pair.prefix, overlap_hours },
    });
    return { code, prefix: pair.prefix, api_key: pair.apiKey, api_secret: pair.apiSecret };
  });
}

async function endKeys(tx: Tx, customerId: number, until: Date): Promise<void> {
  const now = new Date();
  const isOver = (key: { readonly expires_at: Date | null }) => key.expires_at !== null && key.expires_at <= now;
  await tx
    .updateTable('customer_key')
    .set({ expires_at: until })
    .where('customer_id', '=', customerId)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', until)]))
    .execute();
  const keys = await tx.selectFrom('customer_key').select(['id', 'expires_at']).where('customer_id', '=', customerId).execute();
  const over = keys.filter(isOver).map((key) => key.id);
  if (over.length > 0) await tx.deleteFrom('customer_key').where('id', 'in', over).execute();
  if (keys.length - over.length >= keysMax) {
    throw new UpdaterError('REQUEST_INVALID', `the customer has ${keysMax} keys that are good: revoke some first`);
  }
}

/** From the next request on it is good for nothing. @throws UpdaterError RECORD_NOT_FOUND. */
export function revokeKey(
  changes: Changes,
  actor: Actor,
  { code, prefix, reason }: { readonly code: string; readonly prefix: string; readonly reason?: string | undefined },
): Promise<void> {
  return changes.change(['accounts'], async (tx) => {
    const { id } = await lockCustomer(tx, code);
    const gone = await tx
      .deleteFrom('customer_key')
      .where('customer_id', '=', id)
      .where('prefix', '=', prefix)
      .returning('id')
      .executeTakeFirst();
    if (gone === undefined)
      throw new UpdaterError('RECORD_NOT_FOUND', `${code} has no key ${prefix}`, { details: { code, prefix } });
    await recordAudit(tx, actor, { action: 'key_revoked', subjectKind: 'customer', subject: code, reason, detail: { prefix } });
  });
}

/** Newest first. @throws UpdaterError RECORD_NOT_FOUND. */
export async function listKeys(db: Db, code: string): Promise<KeyList> {
  const { id } = await requireCustomerRow(db, code);
  const rows = await db
    .selectFrom('customer_key')
    .select(['prefix', 'created_at', 'expires_at'])
    .where('customer_id', '=', id)
    .orderBy('id', 'desc')
    .limit(500)
    .execute();
  return {
    keys: rows.map(({ prefix, created_at, expires_at }) => ({
      prefix,
      created_at: created_at.toISOString(),
      expires_at: expires_at?.toISOString() ?? null,
    })),
  };
}
