/** A relay of bytes that counts them: what really went over the wire, headers and all. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server } from 'node:net';

export interface CountingProxy {
  readonly url: string;
  /** From the server to the terminal, and back. */
  readonly bytes: { sent: number; received: number };
  /** Lets `bytes` more pass to the terminal, then holds everything back; resolves when it does. */
  holdAfter(bytes: number): Promise<void>;
  /** Ends holding. */
  letGo(): void;
  close(): Promise<void>;
}

/** In front of a server on this machine, on a port of its own. @param host address to listen at. */
export async function startCountingProxy(serverUrl: string, host = '127.0.0.1'): Promise<CountingProxy> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<{ destroy(): void }>();
  const bytes = { sent: 0, received: 0 };
  const hold = { atBytes: Number.POSITIVE_INFINITY, reached: () => {} };
  const proxy: CountingProxy = {
    url: '',
    bytes,
    holdAfter: (more) =>
      new Promise((resolve) => {
        hold.atBytes = bytes.sent + more;
        hold.reached = resolve;
      }),
    letGo: () => {
      hold.atBytes = Number.POSITIVE_INFINITY;
    },
    close: () => closeServer(server, sockets),
  };
  const server = createServer((terminal) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [terminal, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {
        terminal.destroy();
        upstream.destroy();
      });
    }
    upstream.on('data', (chunk) => {
      if (bytes.sent >= hold.atBytes) {
        upstream.pause();
        hold.reached();
        return;
      }
      bytes.sent += chunk.length;
      terminal.write(chunk);
    });
    terminal.on('data', (chunk) => {
      bytes.received += chunk.length;
    });
    upstream.on('end', () => terminal.end());
    terminal.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return Object.assign(proxy, { url: `http://${host}:${(server.address() as AddressInfo).port}` });
}

function closeServer(server: Server, sockets: ReadonlySet<{ destroy(): void }>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}
