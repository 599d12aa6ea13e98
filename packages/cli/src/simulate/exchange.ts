/**
 * One request and its answer on node:http itself: a simulator has to choose the address it comes from and to destroy
 * connections half-way, which fetch lets nobody do.
 */
import { type Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** When the connection of a request is destroyed: as soon as the request is sent, or when the answer begins. */
export type KillMoment = 'sent' | 'answered';

export interface ExchangeOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Null: GET, else POST. */
  readonly body: string | null;
  readonly agent: Agent;
  /** To come from; left to the system where undefined. */
  readonly localAddress: string | undefined;
  readonly killAt: KillMoment | null;
  readonly signal: AbortSignal;
  /** Told the head of a 2xx before its body; what it returns is given every piece of the body, and has it wait. */
  readonly onBody: (head: AnswerHead) => (chunk: Buffer) => Promise<void>;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** From the beginning of the request until the first byte of the answer. */
  readonly ms: number;
}

export interface ExchangeAnswer extends AnswerHead {
  /** The beginning of the body of anything but a 2xx. */
  readonly problem: string;
}

/** The simulator destroyed the connection. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A kept connection had been closed by the other side while nothing was going on: nothing was asked yet. */
export class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}

/** Nothing moves for this long: given up. */
const silentMsMax = 60_000;
const problemCharactersMax = 10_000;

/** @throws Killed, StaleConnection, what the system says (ECONNREFUSED, …), or what `onBody` and its taker throw. */
export function exchange(url: URL, options: ExchangeOptions): Promise<ExchangeAnswer> {
  const { headers, body, agent, localAddress, killAt, signal } = options;
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      method: body === null ? 'GET' : 'POST',
      headers: body === null ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      agent,
      signal,
      timeout: silentMsMax,
      // A name such as localhost may lead to ::1, which is not below 127.0.0.0/8.
      ...(localAddress === undefined ? {} : { localAddress, family: 4 }),
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(isStale ? new StaleConnection('the connection was closed meanwhile', { cause: error }) : error);
    });
    request.once('timeout', () => request.destroy(Object.assign(new Error('nothing came any more'), { code: 'ETIMEDOUT' })));
    request.once('finish', () => killAt === 'sent' && request.destroy(new Killed('as soon as it was sent')));
    request.once('response', (response) => {
      if (killAt === 'answered') return void request.destroy(new Killed('as soon as it was answered'));
      receive(response, options, performance.now() - beganAt).then(resolve, (error: unknown) => {
        response.destroy();
        reject(error);
      });
    });
    request.end(body ?? undefined);
  });
}

async function receive(response: IncomingMessage, { onBody }: ExchangeOptions, ms: number): Promise<ExchangeAnswer> {
  const head = { status: response.statusCode ?? 0, headers: response.headers, ms };
  let problem = '';
  const keep = async (chunk: Buffer): Promise<void> => {
    if (problem.length < problemCharactersMax) problem += chunk.toString();
  };
  const take = head.status >= 200 && head.status < 300 ? onBody(head) : keep;
  for await (const chunk of response) await take(chunk as Buffer);
  return { ...head, problem };
}
