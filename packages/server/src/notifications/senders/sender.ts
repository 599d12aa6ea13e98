/**
 * What carries a notification out of the server: one sender per channel. (The inbox is none of them: it is a table.)
 *
 * A delivery may be attempted more than once, also when an attempt did arrive and only its answer was lost. So every attempt
 * carries the same id, by which the other side knows a repetition: Message-ID, `id` in a webhook's body, last cell of a row.
 * Senders repeat nothing themselves; when to try again is the queue's business.
 */
import { UpdaterError } from '@remendo/core';

export type Recipient =
  | { readonly kind: 'mail'; readonly address: string; readonly name?: string }
  /** `secret` signs what is sent; `webhook-signature.ts` says how. */
  | { readonly kind: 'webhook'; readonly url: string; readonly secret: string }
  /** `range` is a tab (`Backups`), or the cells in it that rows begin in (`Backups!C1`, `'Branch 1'!A:F`). */
  | { readonly kind: 'sheet'; readonly spreadsheetId: string; readonly range: string };

export interface OutgoingMessage {
  /** The delivery's, the same in every attempt: letters, digits, `.`, `_` and `-`, at most 128. */
  readonly id: string;
  /** What it is about, for programs: `release_published`. */
  readonly kind: string;
  readonly subject: string;
  /** Plain text. */
  readonly body: string;
  readonly createdAt: Date;
  /** 1 is the first. */
  readonly attempt: number;
  readonly recipient: Recipient;
  /** The facts behind the text, for programs; the cells of a sheet's row in this order. */
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Sender {
  readonly channel: Recipient['kind'];
  /**
   * Afterwards the other side has accepted the message.
   * @throws UpdaterError NOTIFICATION_REFUSED when it will never be (an address that is none, a recipient nobody knows);
   *   NOTIFICATION_FAILED when it may be later, with `retryAfterMs` in the details where the other side said how much later;
   *   the signal's reason. No error holds a secret, nor the path of a webhook's address, which often is one.
   */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>;
}

/** The recipient of a message for this channel. @throws UpdaterError NOTIFICATION_REFUSED for any other, or an id that is none. */
export function recipientOf<Kind extends Recipient['kind']>(
  message: OutgoingMessage,
  kind: Kind,
): Extract<Recipient, { kind: Kind }> {
  const { id, recipient } = message;
  if (!/^[\w.-]{1,128}$/.test(id)) throw refused('the id of the delivery has characters that not every channel can carry');
  if (recipient.kind !== kind) throw refused(`a message to a ${recipient.kind} can not be sent as ${kind}`);
  // Compared just above; the compiler does not follow that through a type parameter.
  return recipient as Extract<Recipient, { kind: Kind }>;
}

export const refused = (message: string, options: ConstructorParameters<typeof UpdaterError>[2] = {}): UpdaterError =>
  new UpdaterError('NOTIFICATION_REFUSED', message, options);

export const failed = (message: string, options: ConstructorParameters<typeof UpdaterError>[2] = {}): UpdaterError =>
  new UpdaterError('NOTIFICATION_FAILED', message, options);
