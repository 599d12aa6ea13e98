/** One attempt at one delivery: claim, send, record what became of it. Any step may be repeated, under the same id. */
import { errorChain, hasCode, isUpdaterError } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import type { Db } from '../database/open-database.js';
import type { JobQueue } from '../jobs/job-queue.js';
import { type AttemptOutcome, type ClaimedDelivery, claimDelivery, recordAttempt } from './claim-delivery.js';
import { attemptsMax } from './deliver-notification-kind.js';
import { writeDigest } from './mail-limits.js';
import type { Senders } from './open-senders.js';
import { type OutgoingMessage, type Recipient, refused } from './senders/sender.js';

export interface DeliverPorts {
  readonly db: Db;
  readonly queue: JobQueue;
  readonly senders: Senders;
  readonly log: FastifyBaseLogger;
  /** Breaks off the attempt when the server stops; somebody else makes the next one at once. */
  readonly signal: AbortSignal;
}

const waitSecondsMin = 10;
const waitSecondsMax = 3_600;
/** Rows of a sheet begin in the first column of its first tab. */
const sheetRange = 'A1';

/** Seconds until the next attempt: 10, 40, 160, … up to an hour; no sooner than the other side asked for, but within the hour. */
export const waitSeconds = (attempts: number, retryAfterMs = 0): number =>
  Math.min(waitSecondsMax, Math.max(waitSecondsMin * 4 ** (attempts - 1), Math.ceil(retryAfterMs / 1_000)));

/** @returns what became of it; null when there was nothing to do, or it was somebody else's in the end. */
export async function deliverNotification(ports: DeliverPorts, deliveryId: string): Promise<AttemptOutcome['kind'] | null> {
  const { db, queue, log } = ports;
  const claimed = await claimDelivery(db, deliveryId);
  if (claimed === null) return null;
  const outcome = await attempt(ports, claimed);
  const { id, attempts, channel, kind } = claimed;
  const isRecorded = await db.transaction().execute((tx) => recordAttempt(tx, queue, { id, attempts, outcome }));
  log.debug({ event: `notification_${outcome.kind}`, delivery: id, channel, kind, attempts }, `notification ${outcome.kind}`);
  return isRecorded ? outcome.kind : null;
}

async function attempt(ports: DeliverPorts, claimed: ClaimedDelivery): Promise<AttemptOutcome> {
  const { channel, attempts } = claimed;
  try {
    const recipient = await recipientFor(ports.db, claimed);
    const sender = ports.senders[channel];
    if (sender === null) throw refused(`there is no ${channel} to send with any more`);
    await sender.send({ ...messageOf(claimed, recipient), ...(await mailTextOf(ports.db, claimed)) }, ports.signal);
    return { kind: 'delivered' };
  } catch (error) {
    if (ports.signal.aborted) return { kind: 'postponed', error: null, afterSeconds: 0 };
    ports.log.warn(
      { event: 'notification_not_sent', delivery: claimed.id, channel, attempts, errors: errorChain(error) },
      'notification not sent',
    );
    return outcomeOf(error, attempts);
  }
}

/** Operators, who hear of many customers, are told which one. */
function messageOf(
  { attempts: attempt, customer, isForOperators, ...claimed }: ClaimedDelivery,
  recipient: Recipient,
): OutgoingMessage {
  const { id, kind, subject, body, createdAt, data } = claimed;
  const message = { id, kind, body, createdAt, attempt, recipient };
  if (customer === null) return { ...message, subject, data };
  return { ...message, subject: isForOperators ? `${customer}: ${subject}` : subject, data: { customer, ...data } };
}

/** What a mail says other than the notification it is about; nothing: the same. */
async function mailTextOf(db: Db, { channel, recipient, body }: ClaimedDelivery): Promise<Partial<OutgoingMessage>> {
  const { digest_since: since, last_of_day: isLast, code } = recipient;
  if (channel !== 'mail') return {};
  if (since !== undefined) return writeDigest(db, new Date(since));
  if (code !== undefined) return confirmationText(code);
  return isLast === undefined ? {} : { body: `${body}\n\n${lastLine}` };
}

const lastLine = 'This is the last mail of the day: what happens until tomorrow is in the inbox.';

/** To somebody who may never have heard of us: nothing in it was written by who registered. */
const confirmationText = (code: string): Partial<OutgoingMessage> => ({
  subject: 'Is this your mail address?',
  body: [
    'Somebody registered this mail address for notifications about updates and backups.',
    '',
    `If it was you, confirm it with this code, within seven days: ${code}`,
    '',
    'If it was not, you need not do anything: no other mail is sent to you.',
  ].join('\n'),
});

function outcomeOf(failure: unknown, attempts: number): AttemptOutcome {
  const error = shown(failure);
  if (hasCode(failure, 'NOTIFICATION_REFUSED') || attempts >= attemptsMax) return { kind: 'failed', error };
  const { retryAfterMs } = isUpdaterError(failure) ? failure.details : {};
  return { kind: 'postponed', error, afterSeconds: waitSeconds(attempts, Number(retryAfterMs ?? 0)) };
}

/** What the recipient may know of it: no causes, which are for the log. */
function shown(failure: unknown): string {
  if (!isUpdaterError(failure)) return 'SERVER_FAILED';
  const { status } = failure.details;
  return `${failure.code}: ${failure.message}${status === undefined ? '' : ` (${status})`}`;
}

/** @throws UpdaterError NOTIFICATION_REFUSED for a webhook that is gone or switched off. */
async function recipientFor(db: Db, { channel, recipient, kind }: ClaimedDelivery): Promise<Recipient> {
  const { address = '', name, webhook: webhookId, spreadsheet = '' } = recipient;
  if (channel === 'mail') return { kind: 'mail', address, ...(name === undefined ? {} : { name }) };
  if (channel === 'sheet') return { kind: 'sheet', spreadsheetId: spreadsheet, range: sheetRange };
  const columns = ['url', 'secret', 'is_enabled'] as const;
  const webhook = await db.selectFrom('webhook').where('id', '=', Number(webhookId)).select(columns).executeTakeFirst();
  if (webhook === undefined) throw refused('the webhook was deleted');
  if (!webhook.is_enabled && kind !== 'webhook_test') throw refused('the webhook was switched off');
  return { kind: 'webhook', url: webhook.url, secret: webhook.secret };
}
