/**
 * A real HTTP server on loopback that serves objects as the contract says, and breaks it as a test tells it to: each
 * request takes the next fault of the script; without one, or with null, it is answered honestly.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Digest, digestOf } from '../hash/digest.js';

/** What an honest server would answer. */
export interface HonestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type ServerFault = (response: ServerResponse, honest: HonestAnswer, request: IncomingMessage) => void;

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HostileServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** @returns its digest, under which it is served from now on. */
  serve(object: Uint8Array): Digest;
  /** Another path (with its query) that answers JSON. */
  serveJson(path: string, value: unknown): void;
  /** For the next requests, one each. */
  script(...faults: readonly (ServerFault | null)[]): void;
  /** For every request that the script does not cover. */
  always(fault: ServerFault | null): void;
  close(): Promise<void>;
}

export async function startHostileServer(): Promise<HostileServer> {
  const objects = new Map<string, Uint8Array>();
  const answers = new Map<string, Uint8Array>();
  const requests: SeenRequest[] = [];
  let scripted: (ServerFault | null)[] = [];
  let standing: ServerFault | null = null;
  const server = createServer(async (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    const [fault = standing, ...others] = scripted;
    scripted = others;
    const honest = honestAnswer(request, objects, answers);
    (fault ?? sendHonestly)(response, honest, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    serve(object) {
      const digest = digestOf(object);
      objects.set(`/api/v1/objects/${digest}`, object);
      return digest;
    },
    serveJson: (path, value) => answers.set(path, new TextEncoder().encode(JSON.stringify(value))),
    script: (...faults) => {
      scripted = [...faults];
    },
    always: (fault) => {
      standing = fault;
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function honestAnswer(
  { url = '', headers }: IncomingMessage,
  objects: ReadonlyMap<string, Uint8Array>,
  answers: ReadonlyMap<string, Uint8Array>,
): HonestAnswer {
  const json = answers.get(url);
  if (json !== undefined) return { status: 200, headers: { 'content-type': 'application/json' }, body: json };
  const object = objects.get(url);
  if (object === undefined) return { status: 404, headers: {}, body: text('{"status":404}') };
  const etag = `"${digestOf(object)}"`;
  const match = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (match === null || (headers['if-range'] ?? etag) !== etag) return { status: 200, headers: { etag }, body: object };
  const [first, last] = [Number(match[1]), Math.min(Number(match[2]), object.length - 1)];
  if (first > last) return { status: 416, headers: { 'content-range': `bytes */${object.length}` }, body: text('') };
  const contentRange = `bytes ${first}-${last}/${object.length}`;
  return { status: 206, headers: { etag, 'content-range': contentRange }, body: object.subarray(first, last + 1) };
}

const sendHonestly: ServerFault = (response, { status, headers, body }) => {
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
};

/** Another status, without what was asked for. */
export const answerStatus =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): ServerFault =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

/** Closes the connection without an answer. */
export const hangUp: ServerFault = (response) => {
  response.socket?.destroy();
};

/** Says nothing at all. */
export const neverAnswer: ServerFault = () => undefined;

/** The right headers, that many bytes of the body, and the connection ends. */
export const dropAfter =
  (bytes: number): ServerFault =>
  (response, honest) => {
    if (honest.body.length <= bytes) return sendHonestly(response, honest, response.req);
    response.writeHead(honest.status, { ...honest.headers, 'content-length': honest.body.length });
    response.write(honest.body.subarray(0, bytes), () => response.socket?.end());
  };

/** The right headers, that many bytes of the body, then silence. */
export const stallAfter =
  (bytes: number): ServerFault =>
  (response, honest) => {
    response.writeHead(honest.status, { ...honest.headers, 'content-length': honest.body.length });
    response.write(honest.body.subarray(0, bytes));
  };

/** Some headers, or the status, are others; the body is the one they should have come with. `null` leaves a header out. */
export const withHeaders =
  (changed: Readonly<Record<string, string | null>>, status?: number): ServerFault =>
  (response, honest) => {
    const headers = { ...honest.headers, 'content-length': String(honest.body.length), ...changed };
    response
      .writeHead(status ?? honest.status, Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null)))
      .end(honest.body);
  };

/** Another body under the same headers, without a Content-Length that would give it away. */
export const withBody =
  (change: (body: Uint8Array) => Uint8Array): ServerFault =>
  (response, { status, headers, body }) => {
    response.writeHead(status, headers);
    response.end(change(body));
  };

/** The whole object with status 200, as if there had been no Range. */
export const ignoreRange =
  (object: Uint8Array): ServerFault =>
  (response) => {
    response.writeHead(200, { etag: `"${digestOf(object)}"`, 'content-length': object.length }).end(object);
  };

/** The honest body, and then more of anything for as long as somebody reads. */
export const endless: ServerFault = (response, { status, headers, body }) => {
  response.writeHead(status, headers);
  const more = new Uint8Array(64 * 1024);
  const pump = (): void => {
    while (!response.destroyed && response.write(more));
  };
  response.on('drain', pump);
  response.write(body);
  pump();
};

/** The honest body in gzip, labelled so. */
export const gzipped: ServerFault = (response, { status, headers, body }) => {
  response.writeHead(status, { ...headers, 'content-encoding': 'gzip' }).end(gzipSync(body));
};

export const redirectTo =
  (location: string, status = 302): ServerFault =>
  (response) => {
    response.writeHead(status, { location, 'cache-control': 'private, no-store' }).end();
  };
