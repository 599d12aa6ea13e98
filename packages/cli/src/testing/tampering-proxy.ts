/** Stands between a command and its server and spoils what it is told to. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Exchange {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: Buffer;
}

export interface Tampering {
  /** An answer instead of the server's. */
  readonly answer?: (
    exchange: Exchange,
  ) => { readonly status: number; readonly headers?: Record<string, string>; readonly body: object } | null;
  /** What becomes of the body that the server answered with; as many bytes as before. */
  readonly spoil?: (exchange: Exchange, body: Buffer) => Buffer;
  /** How much of a body goes through before nothing more comes; null: all of it. */
  readonly holdAfter?: (exchange: Exchange) => number | null;
}

export interface TamperingProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** @param serverUrl asked for at each request where the server may be another one by then. */
export async function startTamperingProxy(serverUrl: string | (() => string), tampering: Tampering): Promise<TamperingProxy> {
  const urlNow = typeof serverUrl === 'string' ? () => serverUrl : serverUrl;
  const server = createServer((incoming, outgoing) => {
    pass(urlNow(), tampering, { incoming, outgoing }).catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function pass(
  serverUrl: string,
  { answer, spoil, holdAfter }: Tampering,
  { incoming, outgoing }: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse },
): Promise<void> {
  const { method = 'GET', url: path = '/' } = incoming;
  const exchange = { method, path, body: await bytesOf(incoming) };
  const instead = answer?.(exchange) ?? null;
  if (instead !== null) {
    outgoing
      .writeHead(instead.status, { 'content-type': 'application/json', ...instead.headers })
      .end(JSON.stringify(instead.body));
    return;
  }
  const answered = await new Promise<IncomingMessage>((resolve, reject) => {
    request(new URL(path, serverUrl), { method, headers: incoming.headers }, resolve).once('error', reject).end(exchange.body);
  });
  const received = await bytesOf(answered);
  const body = spoil?.(exchange, received) ?? received;
  const passedBytes = holdAfter?.(exchange) ?? body.length;
  outgoing.writeHead(answered.statusCode ?? 502, answered.headers);
  if (passedBytes < body.length) outgoing.write(body.subarray(0, passedBytes));
  else outgoing.end(body);
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
