/**
 * Objects from a server: `GET {server}/api/v1/objects/{digest}`. A connection that breaks in the middle is taken up
 * again at the byte where it stopped, at the server's own address (a presigned one that it redirected to may have
 * expired), as long as that brings anything; after `retriesMax` attempts in a row that bring next to nothing it is
 * given up.
 */
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { cutBody, parseAnswerWindow } from './answer-window.js';
import type { HttpClient } from './http-client.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';
import { BodyBroken } from './read-body.js';

/** Fewer bytes than this are no progress: a server that gives one byte per connection does not keep us for ever. */
const progressBytesMin = 1024;

export interface HttpObjectSourceOptions {
  readonly client: HttpClient;
  /** For messages (default `server`). */
  readonly name?: string;
  /** Path of an object below the client's address (default `api/v1/objects/<digest>`). */
  readonly pathOf?: (digest: Digest) => string;
}

export const httpObjectSource = ({
  client,
  name = 'server',
  pathOf = (digest) => `api/v1/objects/${digest}`,
}: HttpObjectSourceOptions): ObjectSource => ({
  name,
  open: (request) => resumed({ client, pathOf }, request),
});

type Place = Required<Pick<HttpObjectSourceOptions, 'client' | 'pathOf'>>;

async function* resumed(place: Place, request: ObjectRequest): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  let fruitless = 0;
  while (doneBytes < request.bytes) {
    const beforeBytes = doneBytes;
    let cause: unknown = new BodyBroken('the body ended early');
    try {
      const rest = { ...request, offset: request.offset + doneBytes, bytes: request.bytes - doneBytes };
      for await (const chunk of openOnce(place, rest)) {
        await request.pace?.(chunk.length);
        doneBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof BodyBroken)) throw error;
      cause = error;
    }
    if (doneBytes === request.bytes) return;
    fruitless = doneBytes - beforeBytes >= progressBytesMin ? 0 : fruitless + 1;
    if (!(await place.client.backOff(Math.max(1, fruitless), request.signal))) throw gaveUp(request, doneBytes, cause);
  }
}

async function* openOnce({ client, pathOf }: Place, asked: ObjectRequest): AsyncGenerator<Uint8Array> {
  const isWhole = asked.offset === 0 && asked.bytes === asked.objectBytes;
  // With a Range fetch asks for identity by itself, and would say it twice.
  const headers: Record<string, string> = isWhole
    ? { 'accept-encoding': 'identity' }
    : { range: `bytes=${asked.offset}-${asked.offset + asked.bytes - 1}`, 'if-range': `"${asked.digest}"` };
  const answer = await client.stream(pathOf(asked.digest), { headers, signal: asked.signal });
  try {
    yield* cutBody(answer.body, parseAnswerWindow(answer, asked), asked);
  } finally {
    answer.discard();
  }
}

const gaveUp = (request: ObjectRequest, doneBytes: number, cause: unknown): UpdaterError =>
  new UpdaterError('DOWNLOAD_FAILED', 'The transfer of an object kept breaking off', {
    details: { digest: request.digest, offset: request.offset, bytes: request.bytes, doneBytes },
    cause,
  });
