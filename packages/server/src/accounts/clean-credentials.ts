/** Forgets credentials that are good for nothing any more: what they were stays in the audit. */
import type { Db } from '../database/open-database.js';

const dayMs = 86_400_000;
/** An invitation that nobody used is shown as expired for so long. */
const invitationDays = 30;

/** @returns how many keys, tokens and invitations are gone. */
export async function cleanCredentials(db: Db, now: Date): Promise<number> {
  const keys = await db.deleteFrom('customer_key').where('expires_at', '<', now).executeTakeFirst();
  const tokens = await db.deleteFrom('operator_token').where('expires_at', '<', now).executeTakeFirst();
  const invitations = await db
    .deleteFrom('invitation')
    .where('used_by', 'is', null)
    .where('expires_at', '<', new Date(now.getTime() - invitationDays * dayMs))
    .executeTakeFirst();
  await db
    .updateTable('terminal')
    .set({ previous_secret_sha256: null, previous_secret_until: null })
    .where('previous_secret_until', '<', now)
    .execute();
  return Number(keys.numDeletedRows + tokens.numDeletedRows + invitations.numDeletedRows);
}
