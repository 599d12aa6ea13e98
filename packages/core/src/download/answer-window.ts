/**
 * Which bytes of an object an answer carries. Nothing is taken on trust: an answer that carries another range, another
 * representation or an encoding is refused before a byte of it is used, so that no byte is ever written to a wrong
 * place. (That they are the right bytes is for the digest to say.)
 */
import { type ErrorDetails, UpdaterError } from '../errors.js';
import type { StreamedAnswer } from './http-client.js';
import type { ObjectRequest } from './object-source.js';

/** Bytes [start, end) of the object. */
export interface AnswerWindow {
  readonly start: number;
  readonly end: number;
}

/**
 * The window of the object that the body of the answer covers: what was asked for, less at its end when a server cuts
 * long ranges, or the whole object when it ignored the range.
 * @param answer with a status of 200 … 299.
 * @throws UpdaterError DOWNLOAD_FAILED
 */
export function parseAnswerWindow(answer: StreamedAnswer, asked: ObjectRequest): AnswerWindow {
  const { headers } = answer;
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') throw refused('it has a content encoding', { encoding });
  const tag = headers.get('etag');
  // A proxy may weaken the tag (W/); another store behind a redirect has its own.
  if (answer.ownOrigin && tag !== null && tag.replace(/^W\//, '') !== `"${asked.digest}"`) {
    throw refused('its ETag names another object', { etag: tag.slice(0, 100) });
  }
  const window = answer.status === 200 ? { start: 0, end: asked.objectBytes } : parseContentRange(answer, asked);
  const length = headers.get('content-length');
  if (length !== null && length !== String(window.end - window.start)) throw refused('its length is another', { length });
  return window;
}

/** RFC 9110 14.4: `bytes first-last/complete`. */
function parseContentRange(answer: StreamedAnswer, asked: ObjectRequest): AnswerWindow {
  if (answer.status !== 206) throw refused('its status is not one of an object', { status: answer.status });
  const header = answer.headers.get('content-range') ?? '';
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(header);
  const window = { start: Number(match?.[1] ?? -1), end: Number(match?.[2] ?? -1) + 1 };
  const sameObject = match?.[3] === '*' || Number(match?.[3]) === asked.objectBytes;
  const inside = window.start === asked.offset && window.end > window.start && window.end <= asked.offset + asked.bytes;
  if (!sameObject || !inside) throw refused('its range is not the one asked for', { contentRange: header.slice(0, 100) });
  return window;
}

/**
 * The asked part of a body that covers `window`; stops reading as soon as it has that.
 * @throws UpdaterError DOWNLOAD_FAILED when the body goes on after its end. A short body simply ends.
 */
export async function* cutBody(
  body: AsyncIterable<Uint8Array>,
  window: AnswerWindow,
  asked: ObjectRequest,
): AsyncGenerator<Uint8Array> {
  const askedEnd = asked.offset + asked.bytes;
  let position = window.start;
  for await (const chunk of body) {
    if (position + chunk.length > window.end) throw refused('its body is longer than it should be', {});
    const from = Math.max(0, asked.offset - position);
    const to = Math.min(chunk.length, askedEnd - position);
    position += chunk.length;
    if (from < to) yield chunk.subarray(from, to);
    if (position >= askedEnd && position < window.end) return;
  }
}

const refused = (reason: string, details: ErrorDetails): UpdaterError =>
  new UpdaterError('DOWNLOAD_FAILED', `An answer for an object is refused: ${reason}`, { details });
