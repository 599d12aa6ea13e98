/**
 * Redirects by hand. fetch would take custom headers (X-API-Secret) along to wherever it is sent; here only what is on
 * a short list ever leaves the server's origin, and what was left behind is not picked up again on the way back.
 */
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { redirectTarget } from './secure-url.js';

/** If-Range is not among them: another store has entity tags of its own, the bytes are bound by their digest. */
const headersForOthers = ['accept', 'accept-encoding', 'range', 'user-agent'];
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

export interface FollowedResponse {
  readonly response: Response;
  /** False once a redirect has led to another origin: its headers are then another store's. */
  readonly ownOrigin: boolean;
}

/**
 * Sends the request and follows at most `limits.redirectsMax` redirects of GET requests.
 * @param request with `redirect: 'manual'`.
 * @throws UpdaterError DOWNLOAD_REDIRECT_REFUSED; what fetch throws passes through.
 */
export async function fetchFollowing(fetch: typeof globalThis.fetch, request: Request): Promise<FollowedResponse> {
  let url = new URL(request.url);
  let headers = request.headers;
  let ownOrigin = true;
  let response = await fetch(request);
  for (let count = 1; redirectStatuses.has(response.status); count++) {
    const location = response.headers.get('location');
    discard(response);
    if (count > limits.redirectsMax) throw refused(`there were more than ${limits.redirectsMax} in a row`);
    if (request.method !== 'GET') throw refused(`${request.method} requests are not sent on`);
    const target = redirectTarget(url, location);
    if (target.origin !== url.origin) {
      ownOrigin = false;
      headers = forOthers(headers);
    }
    url = target;
    // Node's types leave `cache` out of what a Request can be made of; fetch itself knows it.
    const next = { headers, signal: request.signal, redirect: 'manual', cache: request.cache } as const;
    response = await fetch(new Request(url, next));
  }
  return { response, ownOrigin };
}

const refused = (reason: string): UpdaterError =>
  new UpdaterError('DOWNLOAD_REDIRECT_REFUSED', `A redirect is not followed: ${reason}`, { details: { reason } });

function forOthers(headers: Headers): Headers {
  const kept = new Headers();
  for (const name of headersForOthers) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}

/** Lets go of a body nobody reads, so that its connection is freed now and not when it is garbage. */
export const discard = (response: Response): void => {
  response.body?.cancel().catch(() => undefined);
};
