/**
 * Whose a mail address is. Whoever registers can write anybody's down: one mail with a code goes there, and no other before the
 * customer has told the code.
 */
import { randomInt } from 'node:crypto';
import { digestOf, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';
import { lockCustomer } from './customer-records.js';

/** None that is taken for another one. */
const characters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** 50 bits. */
export const codeCharacters = 10;
const codeMs = 7 * 86_400_000;

export interface CodePorts {
  readonly notifier: Notifier;
  /** Codes that are sent in a day, to all addresses together. */
  readonly confirmationMailsPerDay: number;
}

const newCode = (): string => Array.from({ length: codeCharacters }, () => characters[randomInt(characters.length)]).join('');

/**
 * Sends a code to the customer's address.
 * @returns false when none is sent: there is no mail server, the address had one in the last day, or all together had so many.
 * @throws UpdaterError RECORD_EXISTS when the address is confirmed.
 */
export async function sendMailCode(changes: Changes, ports: CodePorts, customer: string): Promise<boolean> {
  const { notifier, confirmationMailsPerDay } = ports;
  if (!notifier.hasMail) return false;
  return changes.change([], async (tx) => {
    const { id, email, mail_confirmed_at } = await lockCustomer(tx, customer);
    if (mail_confirmed_at !== null) throw new UpdaterError('RECORD_EXISTS', 'the mail address is confirmed already');
    const { all, own } = await countCodes(tx, email);
    if (own > 0 || all >= confirmationMailsPerDay) return false;
    const code = newCode();
    const columns = { mail_code_sha256: digestOf(code), mail_code_until: new Date(Date.now() + codeMs) };
    await tx.updateTable('customer').set(columns).where('id', '=', id).execute();
    await notifier.sendCode(tx, id, { address: email, code });
    return true;
  });
}

/** Those of the last day, also to customers who are gone. */
async function countCodes(tx: Tx, address: string): Promise<{ readonly all: number; readonly own: number }> {
  const { rows } = await sql<{ all: number; own: number }>`
    select count(*) as "all", count(*) filter (where recipient->>'address' = ${address}) as own
    from notification_delivery
    where channel = 'mail' and updated_at > now() - interval '1 day' and recipient ? 'code'`.execute(tx);
  return { all: Number(rows[0]?.all ?? 0), own: Number(rows[0]?.own ?? 0) };
}

/** Whether mails go to the customer's address. Null: this server sends none. */
export async function isMailConfirmed(
  { notifier }: Pick<CodePorts, 'notifier'>,
  db: Db,
  customerId: number,
): Promise<boolean | null> {
  if (!notifier.hasMail) return null;
  const row = await db.selectFrom('customer').select('mail_confirmed_at').where('id', '=', customerId).executeTakeFirst();
  return (row?.mail_confirmed_at ?? null) !== null;
}

/** From now on mails go there. @throws UpdaterError RECORD_NOT_FOUND for another code than the last one, or one that is too old. */
export function confirmMail(
  changes: Changes,
  actor: Actor,
  { customerId, code }: { readonly customerId: number; readonly code: string },
): Promise<void> {
  return changes.change([], async (tx) => {
    const confirmed = await tx
      .updateTable('customer')
      .set({ mail_confirmed_at: new Date(), mail_code_sha256: null, mail_code_until: null })
      .where('id', '=', customerId)
      .where('mail_code_sha256', '=', digestOf(code))
      .where('mail_code_until', '>', new Date())
      .returning('code')
      .executeTakeFirst();
    if (confirmed === undefined)
      throw new UpdaterError('RECORD_NOT_FOUND', 'this is not the code that was sent last, or it is too old');
    await recordAudit(tx, actor, { action: 'mail_confirmed', subjectKind: 'customer', subject: confirmed.code, detail: {} });
  });
}
