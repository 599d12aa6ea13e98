/**
 * The only place that talks to the network. ky repeats requests; around it stand what ky leaves open: which addresses
 * may be talked to, redirects without credentials, bodies that stall or never end, answers as `UpdaterError`s, and
 * waiting on a clock that tests hold in their hands.
 *
 * Breaking off in the middle of a body: a JSON answer is read inside the request, so that ky repeats that too. A
 * streamed body is handed to the caller, who alone knows from where to go on.
 */
import type { Options } from 'ky';
import { isUpdaterError, UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import type { Clock, Random } from '../ports.js';
import { discard, fetchFollowing } from './follow-redirects.js';
import { httpFailure, problemBytesMax } from './http-failure.js';
import { type BodyWatch, bodyChunks, readBody } from './read-body.js';
import {
  backoffDelayMs,
  defaultRetryPolicy,
  isRetriedStatus,
  parseRetryAfter,
  type RetryPolicy,
  retryDelayMs,
} from './retry-policy.js';
import { parseServerUrl, urlBelow } from './secure-url.js';

export interface HttpTimeouts {
  /** From sending a request, redirects included, until the headers of a streamed answer (default 30 000). */
  readonly answerMs: number;
  /** From sending a request until the last byte of a JSON answer (default 120 000). */
  readonly exchangeMs: number;
  /** Without any progress in the middle of a body (default 30 000). */
  readonly stallMs: number;
}

export interface HttpClientOptions {
  /** `https://updates.example.com/`, with a path when the server lies below one. */
  readonly serverUrl: string;
  /** Headers that prove who is asking; asked for before every request and sent to the server's own origin only. */
  readonly credentials?: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: the fetch of the platform. */
  readonly fetch?: typeof globalThis.fetch;
  readonly timeouts?: Partial<HttpTimeouts>;
  readonly retries?: Partial<RetryPolicy>;
  /** Lets plain http go to other machines; for networks that are protected otherwise (default false). */
  readonly allowInsecure?: boolean;
  /** Told the bytes of every piece of a body as it arrives, repeated ones too; headers are not counted. */
  readonly onTransfer?: (bytes: number) => void;
}

export interface JsonRequest<Value> {
  /** Default GET, or POST with a body. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `undefined` leaves a parameter out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Turns what arrived into a value, or throws: an `UpdaterError` passes, anything else becomes DOWNLOAD_FAILED. */
  readonly validate: (answer: unknown) => Value;
  /** Of the answer, after its content encoding is undone (default `limits.answerBytesMax`). */
  readonly answerBytesMax?: number;
  /** Whether it may be repeated when no answer came (default: yes, but for POST). */
  readonly idempotent?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, by a POST that may be repeated (default: GET, without one). */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export interface BytesRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the answer, after its content encoding is undone. */
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamedAnswer {
  /** 200 … 299. */
  readonly status: number;
  readonly headers: Headers;
  /** False when a redirect led to another store: entity tags are then not the server's. */
  readonly ownOrigin: boolean;
  /** To be read once. @throws BodyBroken when the connection breaks or stalls. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Closes the connection when the body is not going to be read. */
  discard(): void;
}

/**
 * Failures: DOWNLOAD_FAILED after the repetitions (no connection, no answer in time, 408, 429, 5xx), DOWNLOAD_REFUSED
 * (other 4xx), DOWNLOAD_NOT_FOUND (404, 410), DOWNLOAD_REDIRECT_REFUSED, LIMIT_EXCEEDED, or the code the server names.
 * An aborted signal rejects with its reason.
 */
export interface HttpClient {
  /** @param path below the server's address, a leading slash changes nothing: `api/v1/updates/check`. */
  json<Value>(path: string, request: JsonRequest<Value>): Promise<Value>;
  /** GET; the whole answer, read within the request, so that one that breaks off is asked for again. */
  bytes(path: string, request: BytesRequest): Promise<Uint8Array>;
  /** The answer's body is not read yet. */
  stream(path: string, request: StreamRequest): Promise<StreamedAnswer>;
  /** Waits as before the given repetition (1 is the first) of a request. @returns false when there were enough. */
  backOff(repetition: number, signal?: AbortSignal): Promise<boolean>;
}

/** @throws UpdaterError CONFIG_INVALID or DOWNLOAD_INSECURE for an address that may not be talked to. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const serverUrl = parseServerUrl(options.serverUrl, options.allowInsecure ?? false);
  const context: Context = {
    ...options,
    fetch: options.fetch ?? globalThis.fetch,
    timeouts: { answerMs: 30_000, exchangeMs: 120_000, stallMs: 30_000, ...options.timeouts },
    policy: { ...defaultRetryPolicy, ...options.retries },
  };
  return {
    json: (path, request) => exchangeJson(context, urlBelow(serverUrl, path), request),
    bytes: (path, request) => exchangeBytes(context, urlBelow(serverUrl, path), request),
    stream: (path, request) => openStream(context, urlBelow(serverUrl, path), request),
    async backOff(repetition, signal) {
      if (repetition > context.policy.retriesMax) return false;
      await context.clock.sleep(backoffDelayMs(context.policy, repetition, context.random.fraction()), signal);
      return true;
    },
  };
}

interface Context extends Omit<HttpClientOptions, 'timeouts' | 'retries'> {
  readonly fetch: typeof globalThis.fetch;
  readonly timeouts: HttpTimeouts;
  readonly policy: RetryPolicy;
}

async function exchangeJson<Value>(context: Context, url: URL, request: JsonRequest<Value>): Promise<Value> {
  const { method = request.body === undefined ? 'GET' : 'POST', signal } = request;
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const bytesMax = request.answerBytesMax ?? limits.answerBytesMax;
  const watch = watchOf(context, signal);
  const response = await send(context, url, {
    method,
    headers: { accept: 'application/json, application/problem+json', ...request.headers },
    ...(request.body === undefined ? {} : { json: request.body }),
    timeout: context.timeouts.exchangeMs,
    idempotent: request.idempotent ?? method !== 'POST',
    signal,
    receive: async ({ response }) => inMemory(response, await readBody(response, bytesMax, watch)),
  });
  return validated(await response.text(), request.validate);
}

async function exchangeBytes(context: Context, url: URL, { headers = {}, bytesMax, signal }: BytesRequest): Promise<Uint8Array> {
  const watch = watchOf(context, signal);
  const response = await send(context, url, {
    method: 'GET',
    headers,
    timeout: context.timeouts.exchangeMs,
    idempotent: true,
    signal,
    receive: async ({ response }) => inMemory(response, await readBody(response, bytesMax, watch)),
  });
  return new Uint8Array(await response.arrayBuffer());
}

const watchOf = ({ clock, timeouts, onTransfer }: Context, signal: AbortSignal | undefined): BodyWatch => ({
  clock,
  stallMs: timeouts.stallMs,
  onTransfer,
  signal,
});

async function openStream(context: Context, url: URL, request: StreamRequest): Promise<StreamedAnswer> {
  const { signal, body } = request;
  let ownOrigin = true;
  const response = await send(context, url, {
    // Objects never change. Also keeps fetch from adding no-cache beside If-Range, which would pass by every cache.
    ...(body === undefined ? { method: 'GET', cache: 'force-cache' as const } : { method: 'POST', json: body }),
    headers: request.headers ?? {},
    timeout: context.timeouts.answerMs,
    idempotent: true,
    signal,
    receive: (followed) => {
      ownOrigin = followed.ownOrigin;
      return followed.response;
    },
  });
  const chunks = bodyChunks(response, watchOf(context, signal));
  return { status: response.status, headers: response.headers, ownOrigin, body: chunks, discard: () => discard(response) };
}

interface Sending {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly cache?: 'force-cache';
  readonly timeout: number;
  readonly idempotent: boolean;
  readonly signal: AbortSignal | undefined;
  /** What to do with an answer below 400 while it can still be repeated. */
  readonly receive: (followed: Awaited<ReturnType<typeof fetchFollowing>>) => Response | Promise<Response>;
}

/** Loaded with the first request: it brings Node's fetch along, which takes 20 ms that a start without a request can spare. */
const loadKy = () => import('ky');
type Ky = Awaited<ReturnType<typeof loadKy>>;

async function send(context: Context, url: URL, sending: Sending): Promise<Response> {
  const { idempotent, receive, signal, headers, ...init } = sending;
  signal?.throwIfAborted();
  const library = await loadKy();
  const credentials = (await context.credentials?.()) ?? {};
  try {
    return await library.default(url, {
      ...init,
      ...(signal === undefined ? {} : { signal }),
      headers: { ...headers, ...credentials },
      redirect: 'manual',
      fetch: async (input) => {
        const followed = await fetchFollowing(context.fetch, input as Request);
        return followed.response.status >= 400 ? problemInMemory(context, followed.response, signal) : receive(followed);
      },
      ...repeating(context, library, { method: sending.method, idempotent, signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw await failureOf(error, url, { library, timeoutMs: sending.timeout, nowMs: context.clock.now() });
  }
}

/** ky decides that a request is repeated; how long to wait first is decided and waited here. */
function repeating(
  context: Context,
  { HTTPError }: Ky,
  { method, idempotent, signal }: Pick<Sending, 'method' | 'idempotent' | 'signal'>,
): Options {
  return {
    retry: {
      limit: context.policy.retriesMax,
      methods: idempotent ? [method.toLowerCase() as 'get'] : [],
      afterStatusCodes: [],
      delay: () => 0,
      shouldRetry: ({ error }) => {
        if (signal?.aborted || isUpdaterError(error)) return false;
        if (!(error instanceof HTTPError)) return true;
        const { status, headers } = error.response;
        const retryAfterMs = parseRetryAfter(headers.get('retry-after'), context.clock.now()) ?? 0;
        return isRetriedStatus(status) && retryAfterMs <= context.policy.retryAfterMsMax;
      },
    },
    hooks: {
      beforeRetry: [
        async ({ error, retryCount }) => {
          const header = error instanceof HTTPError ? error.response.headers.get('retry-after') : null;
          const retryAfterMs = parseRetryAfter(header, context.clock.now());
          await context.clock.sleep(retryDelayMs(context.policy, retryCount, context.random.fraction(), retryAfterMs), signal);
        },
      ],
    },
  };
}

/** A problem document that is too long or breaks off is no reason to forget the status: it is left out. */
async function problemInMemory(context: Context, response: Response, signal: AbortSignal | undefined): Promise<Response> {
  const body = await readBody(response, problemBytesMax, watchOf(context, signal)).catch(() => new Uint8Array());
  signal?.throwIfAborted();
  return inMemory(response, body);
}

/** The same answer with its body read; statuses that have none must not be given one. */
const inMemory = ({ status, headers }: Response, body: Uint8Array<ArrayBuffer>): Response =>
  new Response([204, 205, 304].includes(status) ? null : body, { status, headers });

/** A refusal says how long the server asked to wait, uncut, in `details.retryAfterMs`: for who comes again much later. */
async function failureOf(
  error: unknown,
  url: URL,
  { library, timeoutMs, nowMs }: { readonly library: Ky; readonly timeoutMs: number; readonly nowMs: number },
): Promise<UpdaterError> {
  if (isUpdaterError(error)) return error;
  const details = { origin: url.origin };
  if (error instanceof library.HTTPError) {
    const { response } = error;
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), nowMs);
    return httpFailure(response.status, await response.text(), retryAfterMs);
  }
  if (error instanceof library.TimeoutError) {
    return new UpdaterError('DOWNLOAD_FAILED', `${url.origin} did not answer within ${timeoutMs} ms`, { details, cause: error });
  }
  return new UpdaterError('DOWNLOAD_FAILED', `There was no answer from ${url.origin}`, { details, cause: error });
}

function validated<Value>(text: string, validate: (answer: unknown) => Value): Value {
  try {
    return validate(JSON.parse(text));
  } catch (cause) {
    if (isUpdaterError(cause)) throw cause;
    throw new UpdaterError('DOWNLOAD_FAILED', 'The answer is not what was expected', { cause });
  }
}
