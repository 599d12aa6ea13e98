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
}

export interface TamperingProxy {
  readonly url: string;
  close(): Promise<void>;
}

export async function startTamperingProxy(serverUrl: string, tampering: Tampering): Promise<TamperingProxy> {
  const server = createServer((incoming, outgoing) => {
    pass(serverUrl, tampering, { incoming, outgoing }).catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pass(
  serverUrl: string,
  { answer, spoil }: Tampering,
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
  const body = await bytesOf(answered);
  outgoing.writeHead(answered.statusCode ?? 502, answered.headers).end(spoil?.(exchange, body) ?? body);
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
