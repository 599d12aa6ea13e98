/** Notifications by mail, handed to one SMTP server: plain text, one recipient, a connection for each. */
import { UpdaterError } from '@remendo/core';
import { createTransport, type NodemailerError } from 'nodemailer';
import addressparser, { type MailboxAddress } from 'nodemailer/lib/addressparser';
import { failed, recipientOf, refused, type Sender } from './sender.js';
import { withinTime } from './time-limit.js';

export interface MailSenderOptions {
  /**
   * `smtp://user:password@host:587`, encrypted when the server offers it, or `smtps://…`, always encrypted. In user and password
   * `%40` stands for `@`. A password goes to other machines encrypted only, unless the address ends with `?requireTLS=false`.
   */
  readonly url: string;
  /** `Remendo <updates@example.org>`; its domain is the Message-IDs' too. */
  readonly from: string;
  /** For everything from the connection to the server's answer; 30 000 when left out. */
  readonly timeoutMs?: number;
}

const subjectCharactersMax = 250;
/** RFC 5321 4.5.3.1. */
const addressCharactersMax = 254;
/** One mailbox and nothing else: no list, no name, no comment, no quotes, nothing that ends a line. */
const addressForm = /^[^\s\p{Cc}<>()[\],;:\\"@]+@[^\s\p{Cc}<>()[\],;:\\"@]+$/u;

/** @throws UpdaterError CONFIG_INVALID when the server or `from` is not well-formed. */
export function mailSender({ url, from, timeoutMs = 30_000 }: MailSenderOptions): Sender {
  const sender = parseFrom(from);
  const domain = sender.address.slice(sender.address.lastIndexOf('@') + 1);
  const transport = createTransport({ url, requireTLS: needsEncryption(url) });
  return {
    channel: 'mail',
    send: async (message, signal) => {
      const { address, name = '' } = recipientOf(message, 'mail');
      if (!isAddress(address)) throw refused('the recipient is no mail address');
      await withinTime(timeoutMs, signal, async (signal) => {
        const mail = {
          from: sender,
          to: { name: inOneLine(name), address },
          subject: inOneLine(message.subject).slice(0, subjectCharactersMax),
          text: withoutControls(message.body),
          date: message.createdAt,
          messageId: `<${message.id}@${domain}>`,
          // RFC 3834: nobody's out-of-office note comes back.
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal,
        };
        await transport.sendMail(mail).catch((error) => {
          throw mailFailure(error);
        });
      });
    },
  };
}

const isAddress = (text: string): boolean => text.length <= addressCharactersMax && addressForm.test(text);

/** Nothing in it ends a header. */
const inOneLine = (text: string): string =>
  withoutControls(text)
    .replace(/[\s\u2028\u2029]+/gu, ' ')
    .trim();

/** Nothing that drives a terminal or turns text around: lines and tabs stay. */
const withoutControls = (text: string): string =>
  text.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '').replace(/(?![\n\t])\p{Cc}/gu, ' ');

function parseFrom(text: string): MailboxAddress {
  const [mailbox, ...others] = addressparser(text, { flatten: true });
  if (mailbox === undefined || others.length > 0 || !isAddress(mailbox.address)) {
    throw new UpdaterError('CONFIG_INVALID', 'the address that mails come from is not one like Remendo <updates@example.org>');
  }
  return { name: inOneLine(mailbox.name), address: mailbox.address };
}

/** Whether a password would otherwise be readable on its way. */
function needsEncryption(url: string): boolean {
  if (!URL.canParse(url) || !/^smtps?:$/.test(new URL(url).protocol)) {
    throw new UpdaterError('CONFIG_INVALID', 'the mail server is not one like smtp://user:password@host:587');
  }
  const { username, hostname } = new URL(url);
  return username !== '' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

/**
 * A permanent answer (5yz, RFC 5321 4.2.1) to the recipient or to the message is final. Anything else is about the connection
 * or about our account at the server, and may be put right: 503 by the next connection, the 53z (RFC 4954) by an operator.
 */
function mailFailure(error: unknown): UpdaterError {
  const { code, responseCode = 0 } = error as NodemailerError;
  const isFinal = responseCode >= 500 && responseCode !== 503 && !(responseCode >= 530 && responseCode < 540);
  const options = { details: responseCode === 0 ? {} : { status: responseCode }, cause: error };
  return isFinal && (code === 'EENVELOPE' || code === 'EMESSAGE')
    ? refused('the mail server does not take this mail', options)
    : failed('the mail could not be handed to the mail server', options);
}
