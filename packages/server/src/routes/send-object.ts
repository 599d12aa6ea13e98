import type { Digest } from '@remendo/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppPorts } from './app-ports.js';
import { isNotModified, requestedRange } from './byte-range.js';

export interface SendObjectOptions {
  readonly digest: Digest;
  readonly bytes: number;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Set: the browser saves it under this name. */
  readonly fileName?: string;
}

/** Named by their hash, the bytes never change; nobody on the way may code them anew. */
export const immutableCaching = 'public, max-age=31536000, immutable, no-transform';

/** What the description of the API says of a route that answers with `sendObject`. */
export function objectAnswers(contentType: string) {
  const bytes = { content: { [contentType]: { schema: { type: 'string', format: 'binary' } } } };
  return {
    200: { description: 'All bytes', ...bytes },
    206: { description: 'One range of them', ...bytes },
    302: { description: 'Where they are for five minutes, when they lie in a bucket' },
    304: { description: 'They are the ones whose ETag was sent along' },
  };
}

const signedSeconds = 300;

/**
 * Answers GET and HEAD for stored bytes: strong ETag, one range, If-Range, If-None-Match; never a Content-Encoding. Where
 * the store signs addresses, a GET is sent there.
 */
export async function sendObject(
  { objects, config }: Pick<AppPorts, 'objects' | 'config'>,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  object: SendObjectOptions,
): Promise<FastifyReply> {
  const etag = `"${object.digest}"`;
  reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': object.cacheControl });
  if (isNotModified(request.headers['if-none-match'], etag)) return reply.code(304).send();
  const signed = request.method === 'GET' && config.objectRedirects === 'on' ? await signedAddress(objects, object) : null;
  if (signed !== null) return reply.header('cache-control', 'private, no-store').removeHeader('etag').redirect(signed, 302);
  const range = rangeOf(request, reply, { bytes: object.bytes, etag });
  if (range !== null) {
    reply.code(206).header('content-range', `bytes ${range.offset}-${range.offset + range.bytes - 1}/${object.bytes}`);
  }
  reply.type(object.contentType).header('content-length', range?.bytes ?? object.bytes);
  if (object.fileName !== undefined) reply.header('content-disposition', `attachment; filename="${object.fileName}"`);
  if (request.method === 'HEAD') return reply.send();
  return reply.send(await objects.openStream(object.digest, range ?? undefined));
}

function rangeOf(request: FastifyRequest, reply: FastifyReply, object: { readonly bytes: number; readonly etag: string }) {
  // Ranges are defined for GET only (RFC 9110, section 14.2).
  if (request.method === 'HEAD') return null;
  try {
    return requestedRange(request.headers, object);
  } catch (error) {
    reply.header('content-range', `bytes */${object.bytes}`);
    throw error;
  }
}

function signedAddress(objects: AppPorts['objects'], { digest, contentType, fileName }: SendObjectOptions) {
  return objects.presign(digest, { seconds: signedSeconds, contentType, ...(fileName === undefined ? {} : { fileName }) });
}
