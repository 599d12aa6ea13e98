import type { ServerConfig } from '../config.js';
import { mailSender } from './senders/mail-sender.js';
import type { Sender } from './senders/sender.js';
import { sheetSender } from './senders/sheet-sender.js';
import { webhookSender } from './senders/webhook-sender.js';

/** Null: the channel is not configured. */
export interface Senders {
  readonly mail: Sender | null;
  readonly webhook: Sender;
  readonly sheet: Sender | null;
}

/** Shorter than the lease of a delivery. */
const timeoutMs = 20_000;

/** @throws UpdaterError CONFIG_INVALID when a mail server, sender or key is not well-formed. */
export function openSenders({ smtpUrl, mailFrom, sheetsKey, privateWebhooks }: ServerConfig): Senders {
  return {
    mail: smtpUrl === null ? null : mailSender({ url: smtpUrl, from: mailFrom, timeoutMs }),
    webhook: webhookSender({ allowPrivate: privateWebhooks === 'allowed' }),
    sheet: sheetsKey === null ? null : sheetSender({ key: sheetsKey, timeoutMs }),
  };
}
