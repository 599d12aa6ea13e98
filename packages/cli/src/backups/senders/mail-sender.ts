/** Changes by mail to one recipient, handed to one SMTP server. */
// Types only: the package is loaded with the first mail.
import type { NodemailerError } from 'nodemailer';
import { alertText } from '../alert-text.js';
import type { MailTarget } from '../parse-target.js';
import { failed, type MessageSender, orAborted, type Place, refused } from './message-sender.js';

const subjectCharactersMax = 250;

/**
 * Servers that look into mails take minutes for the last answer. Who gives up before sends the mail again, and it arrives twice.
 */
const timeouts = { connectionTimeout: 30_000, greetingTimeout: 30_000, socketTimeout: 240_000 };
const attemptMsMax = 330_000;

export function mailSender({ name, url, from, to, recipient, language }: MailTarget, place: Place): MessageSender {
  const domain = /@([^@>\s]+)>?\s*$/.exec(from)?.[1] ?? 'remendo.invalid';
  return {
    target: name,
    wants: 'changes',
    batchMax: 1,
    attemptMsMax,
    async send(messages, _attempt, signal) {
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({ url, requireTLS: needsEncryption(url), ...timeouts });
      try {
        for (const message of messages) {
          const { subject, body } = alertText(message, language, place.name);
          const mail = {
            ...{ from, to: [...to], text: withoutControls(body) },
            envelope: { from, to: recipient ?? [...to] },
            subject: withoutControls(subject).replaceAll('\n', ' ').slice(0, subjectCharactersMax),
            date: new Date(message.result.atMs),
            messageId: `<${message.id}@${domain}>`,
            // RFC 3834: nobody's out-of-office note comes back.
            headers: { 'Auto-Submitted': 'auto-generated' },
            signal,
          };
          await orAborted(transport.sendMail(mail), signal).catch((error) => {
            signal.throwIfAborted();
            throw mailFailure(error);
          });
        }
      } finally {
        transport.close();
      }
    },
  };
}

/** Names of jobs and files are anybody's: nothing in them drives a screen, turns text around or begins a header. */
const withoutControls = (text: string): string =>
  text.replace(/[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, '').replace(/(?!\n)\p{Cc}/gu, ' ');

/** A password goes to another machine over an encrypted connection only, unless the address says `?requireTLS=false`. */
function needsEncryption(url: string): boolean {
  const { username, hostname, searchParams } = new URL(url);
  return username !== '' && searchParams.get('requireTLS') !== 'false' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

/** A permanent answer (5yz, RFC 5321 4.2.1) to a recipient or to the mail is final; 503 and 53z are about the connection and the account. */
function mailFailure(error: unknown): Error {
  const { code, responseCode = 0, message } = error as NodemailerError;
  const isFinal = responseCode >= 500 && responseCode !== 503 && !(responseCode >= 530 && responseCode < 540);
  const options = { details: { status: responseCode }, cause: new Error(message) };
  return isFinal && (code === 'EENVELOPE' || code === 'EMESSAGE')
    ? refused('the mail server does not take this mail', options)
    : failed('the mail could not be handed to the mail server', options);
}
