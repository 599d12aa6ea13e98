/**
 * Who is answered: programs of this machine that were given this start's token. A page of somebody else's in a browser of
 * this machine is not one: it can not know the token, its requests name their origin, and a name of its own that it bound
 * to this address (DNS rebinding) is not this host's.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type ErrorCode, UpdaterError } from '@remendo/core';
import type { FastifyRequest } from 'fastify';

/** Browsers leave it away. */
const httpPort = 80;

/** @param port listened at. @throws by the guard: what `refused` makes. */
export function pageGuard(token: string, port: () => number): (request: FastifyRequest) => void {
  return (request) => {
    const { headers, method } = request;
    const hosts = ['127.0.0.1', 'localhost'].flatMap((name) => [`${name}:${port()}`, ...(port() === httpPort ? [name] : [])]);
    // Written as for a proxy, the address names a host of its own (RFC 9112, 3.2.2).
    const isPath = request.raw.url?.startsWith('/') === true;
    if (!isPath || !hosts.includes(headers.host?.toLowerCase() ?? ''))
      throw refused(403, 'AUTH_FORBIDDEN', 'the request is for another host');
    const isOwn = headers.origin === undefined || hosts.some((host) => headers.origin === `http://${host}`);
    const site = headers['sec-fetch-site'];
    if (!isOwn || site === 'cross-site' || site === 'same-site')
      throw refused(403, 'AUTH_FORBIDDEN', 'the request comes from a page of another origin');
    if (!isSame(shownToken(request, method === 'GET'), token))
      throw refused(401, 'AUTH_REQUIRED', 'the token of this start of the update manager is missing or wrong');
  };
}

/** An `EventSource` and a link send no headers; whatever changes something comes with one. */
function shownToken({ headers, query }: FastifyRequest, takesQuery: boolean): string {
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  // An address that can not be read has none.
  const asked = takesQuery ? (query as Readonly<Record<string, unknown>> | null)?.token : undefined;
  return bearer ?? (typeof asked === 'string' ? asked : '');
}

/** In a time that tells nothing of either. */
function isSame(shown: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown), digest(token));
}

/** An answer of this API's own, with the status of HTTP that it gets. */
export const refused = (statusCode: number, code: ErrorCode, message: string): UpdaterError =>
  Object.assign(new UpdaterError(code, message), { statusCode });
