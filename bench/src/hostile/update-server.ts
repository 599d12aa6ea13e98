/** Serves one update at a time, byte for byte as it is told. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostedUpdate } from './host-update.js';

export interface UpdateServer {
  readonly url: string;
  host(update: HostedUpdate): void;
  close(): Promise<void>;
}

export async function startUpdateServer(): Promise<UpdateServer> {
  let hosted: HostedUpdate | null = null;
  const server = createServer((request, response) => {
    request.resume();
    const name = new URL(request.url ?? '/', 'http://localhost').pathname.split('/').at(-1) ?? '';
    const answer = hosted?.answers.get(name);
    const object = hosted?.objects.get(name);
    if (answer !== undefined) {
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
    } else if (object !== undefined) sendRange(response, object, { name, range: request.headers.range });
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    host: (update) => {
      hosted = update;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendRange(
  response: ServerResponse,
  object: Uint8Array,
  { name, range }: { name: string; range: string | undefined },
): void {
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(range ?? '');
  const etag = `"${name}"`;
  if (match === null) return void response.writeHead(200, { etag, 'content-length': object.length }).end(object);
  const [first, last] = [Number(match[1]), Math.min(Number(match[2]), object.length - 1)];
  const headers = { etag, 'content-range': `bytes ${first}-${last}/${object.length}`, 'content-length': last - first + 1 };
  response.writeHead(206, headers).end(object.subarray(first, last + 1));
}
