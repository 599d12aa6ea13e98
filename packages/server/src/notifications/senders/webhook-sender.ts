/**
 * Notifications as signed POST requests to an address that a customer chose. The host's name is resolved once, all its addresses
 * are checked, and the connection goes to those: a name that answers otherwise the second time gains nothing. Redirects are not
 * followed, connections not kept, and of the answer only its status counts.
 */
import { lookup as lookupName } from 'node:dns/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { parseRetryAfter, type UpdaterError } from '@remendo/core';
import { isPublicAddress } from './public-address.js';
import { failed, type OutgoingMessage, recipientOf, refused, type Sender } from './sender.js';
import { abortable, withinTime } from './time-limit.js';
import { signWebhook, webhookHeaders } from './webhook-signature.js';

export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

export interface WebhookSenderOptions {
  /** Also takes hosts on private networks and on this machine; false when left out. */
  readonly allowPrivate?: boolean;
  /** From the look-up of the name to the end of the answer; 10 000 when left out. */
  readonly timeoutMs?: number;
  /** All addresses of a name; the system's resolver when left out. */
  readonly resolve?: (host: string) => Promise<readonly HostAddress[]>;
  /** For the timestamp; the system's clock when left out. */
  readonly now?: () => Date;
}

/** Of an answer; what comes after it is not waited for. */
const answerBytesMax = 64 * 1024;
const urlCharactersMax = 2_048;
/** Statuses below 500 that say nothing about the next attempt. */
const passingStatuses: readonly number[] = [408, 425, 429];

const resolveBySystem = (host: string): Promise<readonly HostAddress[]> => lookupName(host, { all: true });

export function webhookSender(options: WebhookSenderOptions = {}): Sender {
  const { allowPrivate = false, timeoutMs = 10_000, resolve = resolveBySystem, now = () => new Date() } = options;
  return {
    channel: 'webhook',
    send: async (message, signal) => {
      const { url: text, secret } = recipientOf(message, 'webhook');
      const url = parseWebhookUrl(text);
      await withinTime(timeoutMs, signal, async (signal) => {
        if (!allowPrivate && !isWebPort(url)) throw refused('the webhook leads to a port that is not for the web');
        const addresses = await abortable(addressesOf(url, resolve), signal);
        if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) {
          throw refused('the webhook leads to an address that is not public', { details: { host: url.host } });
        }
        const answer = await post({ url, addresses, ...signed(message, secret, now()), signal }).catch((cause) => {
          throw failed('the webhook could not be reached', { details: { host: url.host }, cause });
        });
        await drain(answer);
        const failure = failureOf(answer, url.host, now());
        if (failure !== null) throw failure;
      });
    },
  };
}

/** @throws UpdaterError NOTIFICATION_REFUSED for what is no http address, or holds a user or a password. */
export function parseWebhookUrl(text: string): URL {
  const url = text.length <= urlCharactersMax && URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw refused('the address of the webhook is none of http or https');
  if (url.username !== '' || url.password !== '') throw refused('the address of the webhook holds a user or a password');
  return url;
}

/** From 1024 on, of the ports that browsers refuse: "bad ports" of the Fetch standard, 2.9. */
const otherServices: readonly number[] = [
  ...[1_719, 1_720, 1_723, 2_049, 3_659, 4_045, 4_190, 5_060, 5_061, 6_000, 6_566],
  ...[6_665, 6_666, 6_667, 6_668, 6_669, 6_679, 6_697, 10_080],
];

/** Elsewhere, and nearly everywhere below 1024, other services listen, of which some read commands out of whatever they are sent. */
export const isWebPort = ({ port }: URL): boolean =>
  ['', '80', '443'].includes(port) || (Number(port) >= 1_024 && !otherServices.includes(Number(port)));

/** The address in a URL that names no host; a parsed URL has IPv4 addresses in their usual form, however they were written. */
export function literalAddressOf({ hostname }: URL): HostAddress | null {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  return family === 0 ? null : { address, family };
}

async function addressesOf(url: URL, resolve: (host: string) => Promise<readonly HostAddress[]>): Promise<readonly HostAddress[]> {
  const literal = literalAddressOf(url);
  if (literal !== null) return [literal];
  try {
    const addresses = await resolve(url.hostname);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    throw failed('the host of the webhook can not be found', { details: { host: url.host }, cause });
  }
  throw failed('the host of the webhook has no address', { details: { host: url.host } });
}

function signed(message: OutgoingMessage, secret: string, now: Date) {
  const { id, kind, subject, body: text, createdAt, data } = message;
  const body = JSON.stringify({ id, kind, subject, body: text, created_at: createdAt.toISOString(), data });
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'Remendo',
    [webhookHeaders.eventId]: id,
    [webhookHeaders.timestamp]: timestamp,
    [webhookHeaders.signature]: signWebhook(secret, timestamp, body),
  };
  return { body, headers };
}

interface PinnedPost {
  readonly url: URL;
  readonly addresses: readonly HostAddress[];
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Connects to one of these addresses, whatever the name leads to now; certificates are checked against the name. */
function post({ url, addresses, headers, body, signal }: PinnedPost): Promise<IncomingMessage> {
  const lookup: LookupFunction = (_host, options, done) => {
    const [first] = addresses;
    if (options.all) done(null, [...addresses]);
    else done(null, first?.address ?? '', first?.family);
  };
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // No agent: a kept connection would be one to an address that was checked for another request.
    const request = send(url, { method: 'POST', agent: false, headers: { ...headers }, lookup, signal });
    request.on('response', resolve);
    request.on('error', reject);
    request.on('close', () => reject(new Error('the connection was closed without an answer')));
    request.end(body);
  });
}

/** Reads the answer's body and throws it away. It decides nothing, so neither does how it ends. */
function drain(answer: IncomingMessage): Promise<void> {
  let bytes = 0;
  return new Promise((resolve) => {
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesMax) answer.destroy();
    });
    answer.on('error', () => {});
    answer.on('close', resolve);
  });
}

function failureOf(answer: IncomingMessage, host: string, now: Date): UpdaterError | null {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400)
    return refused('the webhook is a redirect, which is not followed', { details: { host, status } });
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], now.getTime());
  const details = { host, status, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  return status >= 500 || passingStatuses.includes(status)
    ? failed('the webhook could not be delivered now', { details })
    : refused('the webhook was refused', { details });
}
