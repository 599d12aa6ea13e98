/** Stands between a store and its server, so that a test can look on and break things. Signatures stay valid: Host is not changed. */
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ProxyOptions {
  /** True: the connection is cut instead of an answer. */
  readonly breaks?: (request: IncomingMessage) => boolean | undefined;
  /** What happens before a request is passed on. */
  readonly before?: (request: IncomingMessage) => Promise<unknown> | undefined;
  /** The connection is cut when an answer is longer. */
  readonly answerBytesMax?: number;
  /** Instead of being cut, it goes silent. */
  readonly silent?: boolean;
}

export interface Proxy {
  readonly url: string;
  /** `GET /bucket/key?query`, as they came. */
  readonly requests: readonly string[];
  readonly statuses: readonly number[];
  close(): Promise<void>;
}

export async function startProxy(endpoint: string, options: ProxyOptions = {}): Promise<Proxy> {
  const requests: string[] = [];
  const statuses: number[] = [];
  const server = createServer(async (request, reply) => {
    requests.push(`${request.method} ${request.url}`);
    if (options.breaks?.(request)) {
      request.socket.destroy();
      return;
    }
    await options.before?.(request);
    const { method = 'GET', headers, url = '/' } = request;
    const onward = send(new URL(url, endpoint), { method, headers, agent: false }, (answer) => {
      statuses.push(answer.statusCode ?? 0);
      passBack(answer, reply, options);
    });
    onward.on('error', () => reply.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, statuses, close };
}

function passBack(answer: IncomingMessage, reply: ServerResponse, options: ProxyOptions): void {
  let left = options.answerBytesMax ?? Number.POSITIVE_INFINITY;
  reply.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.on('data', (chunk: Buffer) => {
    reply.write(chunk.subarray(0, left), () => left === 0 && !options.silent && reply.destroy());
    left = Math.max(0, left - chunk.length);
  });
  answer.on('end', () => left > 0 && reply.end());
}
