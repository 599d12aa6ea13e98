import type { Digest } from '@remendo/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ObjectStore } from '../object-store/object-store.js';
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

/** Answers GET and HEAD for stored bytes: strong ETag, one range, If-Range, If-None-Match; never a Content-Encoding. */
export async function sendObject(
  objects: ObjectStore,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  object: SendObjectOptions,
): Promise<FastifyReply> {
  const etag = `"${object.digest}"`;
  reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': object.cacheControl });
  if (isNotModified(request.headers['if-none-match'], etag)) return reply.code(304).send();
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
