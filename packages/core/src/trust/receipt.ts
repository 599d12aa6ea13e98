/**
 * A terminal's word that travels in somebody's pocket: what became of its updates, with a MAC that only its own secret makes.
 * Whoever carries it can read it, lose it and bring it twice; to change it or to make one they would need the secret, or the
 * server's database: the key is derived from the SHA-256 of the secret, which is all of it that the server keeps. So whoever
 * can read that database could tell false stories about updates, and nothing else: it lets nobody sign in.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOf } from '../hash/digest.js';
import type { Receipt, ReceiptBody } from '../protocol/index.js';

const purpose = 'remendo-receipt-1';

/** @param secretSha256 as the server stores it. */
function macOf(text: string, secretSha256: Digest): Buffer {
  const key = createHmac('sha256', Buffer.from(secretSha256, 'hex')).update(purpose).digest();
  return createHmac('sha256', key).update(text).digest();
}

/** @param secret of the terminal that the body names. */
export function sealReceipt(body: ReceiptBody, secret: string): Receipt {
  const text = JSON.stringify(body);
  const mac = macOf(text, digestOf(secret)).toString('hex');
  return { format: 'remendo-receipt-1', terminal_id: body.terminal_id, body: text, mac };
}

/** Whether a terminal with this secret made the receipt, in constant time. */
export const isSealedBy = ({ body, mac }: Receipt, secretSha256: Digest): boolean =>
  timingSafeEqual(macOf(body, secretSha256), Buffer.from(mac, 'hex'));

/**
 * What a receipt says, when its MAC has been verified. @param parse holds the value against `ReceiptBody`.
 * @throws UpdaterError REQUEST_INVALID.
 */
export function readReceipt(receipt: Receipt, parse: (value: unknown) => ReceiptBody): ReceiptBody {
  let body: ReceiptBody;
  try {
    body = parse(JSON.parse(receipt.body));
  } catch (cause) {
    throw new UpdaterError('REQUEST_INVALID', 'the receipt says nothing that is understood', { cause });
  }
  if (body.terminal_id === receipt.terminal_id) return body;
  throw new UpdaterError('REQUEST_INVALID', 'the receipt is of another terminal than it says');
}
