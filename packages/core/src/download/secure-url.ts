/** Which addresses may be talked to: https anywhere, plain http on this machine only. */
import { UpdaterError } from '../errors.js';

/** True for localhost, 127.0.0.0/8 and ::1, in any spelling the URL parser normalises (0x7f.1, 127.1, …). */
export const isLoopback = (url: URL): boolean =>
  url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname);

/**
 * The server's address with a path that ends in `/`, so that relative paths go below it.
 * @throws UpdaterError CONFIG_INVALID when it is no http(s) address or carries a password or a query;
 *   DOWNLOAD_INSECURE when it is plain http to another machine and that was not allowed.
 */
export function parseServerUrl(text: string, allowInsecure: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new UpdaterError('CONFIG_INVALID', 'The server address is not an http or https address');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new UpdaterError('CONFIG_INVALID', 'The server address may not carry a name, a password, a query or a fragment');
  }
  if (url.protocol === 'http:' && !allowInsecure && !isLoopback(url)) {
    throw new UpdaterError('DOWNLOAD_INSECURE', `${url.origin} is plain http to another machine`, {
      details: { origin: url.origin },
    });
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/**
 * An address below the server's. Requests to it carry credentials, so it never leaves the server's origin.
 * @param path relative; one leading slash changes nothing.
 * @throws UpdaterError DOWNLOAD_REDIRECT_REFUSED
 */
export function urlBelow(serverUrl: URL, path: string): URL {
  const relative = path.replace(/^\//, '');
  const url = URL.canParse(relative, serverUrl.href) ? new URL(relative, serverUrl) : null;
  if (url === null || !url.href.startsWith(serverUrl.href)) {
    throw new UpdaterError('DOWNLOAD_REDIRECT_REFUSED', `An address is not below ${serverUrl.href}`);
  }
  return url;
}

/**
 * Where a redirect leads. https is followed anywhere; plain http only where the way so far was plain http too and the
 * target is this machine or the same origin: nothing is ever downgraded.
 * @throws UpdaterError DOWNLOAD_REDIRECT_REFUSED
 */
export function redirectTarget(from: URL, location: string | null): URL {
  const refuse = (reason: string): UpdaterError =>
    new UpdaterError('DOWNLOAD_REDIRECT_REFUSED', `A redirect of ${from.origin} is refused: ${reason}`, { details: { reason } });
  if (location === null || !URL.canParse(location, from.href)) throw refuse('it leads nowhere');
  const to = new URL(location, from);
  if (to.username !== '' || to.password !== '') throw refuse('it carries a name or a password');
  if (to.protocol === 'https:') return to;
  if (to.protocol !== 'http:' || from.protocol !== 'http:') throw refuse('it leaves https');
  if (to.origin !== from.origin && !(isLoopback(from) && isLoopback(to))) throw refuse('it is plain http to another machine');
  return to;
}
