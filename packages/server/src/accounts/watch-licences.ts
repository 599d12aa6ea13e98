/** Tells customers that their licence ends, and that it has. */
import { sql } from 'kysely';
import { recordAudit, serverActor } from '../audit/record-audit.js';
import type { Db } from '../database/open-database.js';
import type { NewNotification, Notifier } from '../notifications/notifier.js';
import { daysLeft, endOfLicence } from './licence.js';

export interface LicenceWatch {
  readonly db: Db;
  readonly notifier: Notifier;
}

const dayMs = 86_400_000;
/** Days before the last one on which a customer is told. */
const noticeDays = [1, 7, 30] as const;
/** What ended longer ago is no news: a server that starts with old records does not tell of them. */
const newsDays = 30;

/** Null: nothing to tell. Where several notices are due at once, because nobody looked for a while, the nearest is told alone. */
export function licenceNotice(
  expiresOn: string,
  now: Date,
): { readonly kind: 'expiring'; readonly days: number } | { readonly kind: 'expired' } | null {
  const end = endOfLicence(expiresOn);
  if (now >= end) return now.getTime() < end.getTime() + newsDays * dayMs ? { kind: 'expired' } : null;
  const left = daysLeft(end, now);
  const days = noticeDays.find((notice) => left <= notice);
  return days === undefined ? null : { kind: 'expiring', days };
}

/** @returns how many customers were told something now. Who is suspended is not. */
export async function watchLicences({ db, notifier }: LicenceWatch, now: Date): Promise<number> {
  let told = 0;
  for (const { customer, notice } of await untold(db, now)) {
    const isNews = await db.transaction().execute(async (tx) => {
      if (!(await notifier.notify(tx, notice))) return false;
      if (notice.kind === 'license_expired') {
        const detail = { expires_on: customer.expires_on };
        await recordAudit(tx, serverActor('watch-fleet'), {
          action: 'license_expired',
          subjectKind: 'customer',
          subject: customer.code,
          detail,
        });
      }
      return true;
    });
    if (isNews) told++;
  }
  return told;
}

interface Expiring {
  readonly id: number;
  readonly code: string;
  readonly expires_on: string;
}

async function untold(db: Db, now: Date) {
  const dayAt = (days: number): string => new Date(now.getTime() + days * dayMs).toISOString().slice(0, 10);
  const customers = await db
    .selectFrom('customer')
    .where('deleted_at', 'is', null)
    .where('suspended_at', 'is', null)
    .where('expires_on', '>=', dayAt(-newsDays - 1))
    .where('expires_on', '<=', dayAt(Math.max(...noticeDays)))
    .select(['id', 'code', 'expires_on'])
    .orderBy('id')
    .execute();
  const due = customers.flatMap((customer) => {
    const notice = noticeOf(customer, now);
    return notice === null ? [] : [{ customer, notice }];
  });
  const keys = due.map(({ notice }) => notice.dedupKey);
  const known = await db
    .selectFrom('notification')
    .where('dedup_key', '=', sql<string>`any(${keys}::text[])`)
    .select('dedup_key')
    .execute();
  const told = new Set(known.map(({ dedup_key }) => dedup_key));
  return due.filter(({ notice }) => !told.has(notice.dedupKey));
}

function noticeOf({ id, code, expires_on }: Expiring, now: Date): NewNotification | null {
  const notice = licenceNotice(expires_on, now);
  if (notice === null) return null;
  const data = { expires_on, days_left: daysLeft(endOfLicence(expires_on), now) };
  if (notice.kind === 'expired') {
    return {
      kind: 'license_expired',
      customerId: id,
      subject: 'Your licence has ended',
      body: `The licence ${code} was good until ${expires_on}. What is installed goes on working; there are no more updates.`,
      data,
      dedupKey: `license_expired/${id}/${expires_on}`,
    };
  }
  return {
    kind: 'license_expiring',
    customerId: id,
    subject: `Your licence ends on ${expires_on}`,
    body: `The licence ${code} is good until ${expires_on}, which is included. After that what is installed goes on working, without updates.`,
    data,
    dedupKey: `license_expiring/${id}/${expires_on}/${notice.days}`,
  };
}
