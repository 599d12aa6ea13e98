/**
 * How a receiver knows that a webhook is ours, unchanged and fresh. With every POST go
 *
 * | header | value |
 * |---|---|
 * | `X-Remendo-Event-Id` | the delivery's id, as in the body: the same when it is repeated |
 * | `X-Remendo-Timestamp` | seconds since 1970, of this attempt |
 * | `X-Remendo-Signature` | `v1=` and HMAC-SHA256 of `<timestamp>.<body>` under the secret, in lower-case hex |
 *
 * The body is signed as the bytes that arrive, before anything parses them. The id in the header is not signed: who drops
 * repetitions goes by the one in the body. Receivers take the signature `v1` alone, so that a later one can stand beside it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { refused } from './sender.js';

export const webhookHeaders = {
  eventId: 'x-remendo-event-id',
  timestamp: 'x-remendo-timestamp',
  signature: 'x-remendo-signature',
} as const;

/** How old, or how far in the future by another clock, a webhook may be. */
export const webhookAgeSecondsMax = 300;

export const signWebhook = (secret: string, timestamp: string, body: string | Uint8Array): string =>
  `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;

/**
 * The receiver's half; in any language it is these three checks.
 * @param headers by their names in lower case, as Node gives them.
 * @throws UpdaterError NOTIFICATION_REFUSED when a header is missing or malformed, the signature is another, or it is too old.
 */
export function verifyWebhook(
  secret: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string | Uint8Array,
  now: Date,
): void {
  const timestamp = headers[webhookHeaders.timestamp];
  const signature = headers[webhookHeaders.signature];
  if (typeof timestamp !== 'string' || typeof signature !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    throw refused('the webhook is not signed');
  }
  const expected = Buffer.from(signWebhook(secret, timestamp, body));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused('the signature of the webhook is wrong');
  if (Math.abs(now.getTime() / 1_000 - Number(timestamp)) > webhookAgeSecondsMax) throw refused('the webhook is too old');
}
