/** What thin lines, proxies and dying servers do to answers, between a terminal and its server. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Disturbance =
  | { readonly kind: 'none' }
  /** Every connection ends after so many bytes of objects, all of them together; later ones are refused. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** All answers together come at this rate. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** One byte of every object is another one. */
  | { readonly kind: 'corrupt' }
  /** Half of every object, under headers that promise all of it. */
  | { readonly kind: 'truncate' };

export interface BadLink {
  readonly url: string;
  disturbance: Disturbance;
  /** Where the server is now. */
  upstream: string;
  /** Bytes of objects that passed. */
  readonly passed: { objectBytes: number };
  close(): Promise<void>;
}

export async function openBadLink(upstream: string): Promise<BadLink> {
  const passed = { objectBytes: 0 };
  const link: BadLink = {
    url: '',
    disturbance: { kind: 'none' },
    upstream,
    passed,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((incoming, outgoing) => {
    pass(link, incoming, outgoing).catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return Object.assign(link, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function pass(link: BadLink, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = 'GET', url: path = '/', headers } = incoming;
  const isObject = path.startsWith('/api/v1/objects/');
  const answered = await new Promise<IncomingMessage>((resolve, reject) => {
    incoming.pipe(request(new URL(path, link.upstream), { method, headers }, resolve).once('error', reject));
  });
  outgoing.writeHead(answered.statusCode ?? 502, answered.headers);
  const half = Number(answered.headers['content-length'] ?? 0) >> 1;
  let bytes = 0;
  for await (const chunk of answered as AsyncIterable<Buffer>) {
    await disturb(link, { chunk, isObject, isPastHalf: bytes + chunk.length > half });
    bytes += chunk.length;
    if (isObject) link.passed.objectBytes += chunk.length;
    outgoing.write(chunk);
  }
  outgoing.end();
}

interface Passing {
  readonly chunk: Buffer;
  readonly isObject: boolean;
  readonly isPastHalf: boolean;
}

/** @throws Error to end the connection. */
async function disturb({ disturbance, passed }: BadLink, { chunk, isObject, isPastHalf }: Passing): Promise<void> {
  if (disturbance.kind === 'slow') await sleep((chunk.length / disturbance.bytesPerSecond) * 1_000);
  if (!isObject) {
    if (disturbance.kind === 'cut' && passed.objectBytes >= disturbance.afterBytes) throw new Error('cut');
    return;
  }
  if (disturbance.kind === 'cut' && passed.objectBytes + chunk.length > disturbance.afterBytes) {
    passed.objectBytes = disturbance.afterBytes;
    throw new Error('cut');
  }
  if (disturbance.kind === 'truncate' && isPastHalf) throw new Error('truncated');
  if (disturbance.kind === 'corrupt') chunk[chunk.length >> 1] = (chunk[chunk.length >> 1] ?? 0) ^ 0x40;
}
