/**
 * Tells of a release: the operators once, and every customer who gets it, page by page. Each page is a job of its own,
 * enqueued with what it follows, so that whoever dies in between leaves a page that somebody else tells; who is told twice
 * is told once, by the notification's key.
 */
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { JobKind, JobQueue } from '../jobs/job-queue.js';
import type { Notifier } from './notifier.js';

interface Announcement {
  readonly releaseId: number;
  /** Customers up to this id are told. */
  readonly after: number;
}

export const announceReleaseKind: JobKind<Announcement> = {
  name: 'announce-release',
  isKeyed: true,
  retriesMax: 5,
  secondsMax: 40,
};

/** What a transaction does that may have published a release; one that is not published by then is not announced. */
export const enqueueAnnouncement = (queue: JobQueue, tx: Tx, releaseId: number, after = 0): Promise<void> =>
  queue.enqueue(tx, announceReleaseKind, { releaseId, after }, { key: `${releaseId}/${after}` });

export interface AnnouncePorts {
  readonly db: Db;
  readonly queue: JobQueue;
  readonly notifier: Notifier;
}

const pageCustomers = 100;
/** Of those who did not check for so long nobody knows whether they are still there. */
const activeDays = 90;

/** Tells one page, and enqueues the next. */
export function announceRelease({ db, queue, notifier }: AnnouncePorts, { releaseId, after }: Announcement): Promise<void> {
  return db.transaction().execute(async (tx) => {
    const release = await findPublished(tx, releaseId);
    if (release === undefined) return;
    if (after === 0) await notifier.notify(tx, newsOf(release, null));
    const customers = await customersOf(tx, release, after);
    for (const { id } of customers) await notifier.notify(tx, newsOf(release, id));
    const last = customers.at(-1);
    if (customers.length === pageCustomers && last !== undefined) await enqueueAnnouncement(queue, tx, releaseId, last.id);
  });
}

const findPublished = (tx: Tx, releaseId: number) =>
  tx
    .selectFrom('release')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('release.id', '=', releaseId)
    .where('state', '=', 'published')
    .select([
      'release.id',
      'application_id',
      'slug',
      'version',
      'display_version',
      'type',
      'title',
      'changelog',
      'breaking_changes',
      'mandatory',
    ])
    .executeTakeFirst();

type Published = NonNullable<Awaited<ReturnType<typeof findPublished>>>;

/** Those with a good licence and a terminal on a channel that points to the release. */
async function customersOf(tx: Tx, { id, application_id }: Published, after: number): Promise<readonly { readonly id: number }[]> {
  const { rows } = await sql<{ id: number }>`
    select customer.id from customer
    where customer.id > ${after} and deleted_at is null and suspended_at is null
      and expires_on >= (now() at time zone 'utc')::date
      and exists (
        select 1 from sighting
        join channel on channel.application_id = sighting.application_id and channel.channel = sighting.channel
        where sighting.customer_id = customer.id and sighting.application_id = ${application_id} and channel.release_id = ${id}
          and sighting.checked_at > now() - make_interval(days => ${activeDays}))
    order by customer.id limit ${pageCustomers}`.execute(tx);
  return rows;
}

function newsOf(release: Published, customerId: number | null) {
  const { slug, version, type, title, changelog, breaking_changes: breaking, mandatory } = release;
  const name = `${slug} ${release.display_version ?? version}`;
  const paragraphs = [
    `${name} was published${title === '' ? '' : `: ${title}`}. Terminals get it when its rollout reaches them.`,
    ...(changelog === '' ? [] : [changelog]),
    ...(breaking === '' ? [] : [`What no longer works as before:\n${breaking}`]),
  ];
  return {
    kind: 'release_published' as const,
    customerId,
    subject: `${name} was published`,
    body: paragraphs.join('\n\n'),
    data: { application: slug, version, type, mandatory },
    dedupKey: `release_published/${release.id}/${customerId ?? 'operators'}`,
  };
}
