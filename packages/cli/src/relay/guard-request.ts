/**
 * Who is answered at all. The relay spends its own credentials on behalf of whoever reaches it, so it answers terminals
 * of its network and nobody that uses them: no page in a browser (by a name that was bound anew to a local address, or
 * from elsewhere), no request that carries what is not the relay's to see.
 */

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { UpdaterError } from '@remendo/core';
import type { FastifyRequest } from 'fastify';

/** Credentials, or names of a terminal: they must not cross the network in the clear. */
const secretHeaders = ['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'x-api-secret', 'x-terminal-id'];
/** What only browsers send. */
const browserHeaders = ['origin', 'referer', 'sec-fetch-site'];

/** @param names beside addresses, `localhost` and this machine's own name. */
export function requestGuard(names: readonly string[]): (request: FastifyRequest) => void {
  const own = hostname().toLowerCase();
  const known = new Set(['localhost', own, `${own}.local`, ...names.map((name) => name.toLowerCase())]);
  return ({ headers }) => {
    if (!isNamed(headers.host, known)) throw refused('it is for another host');
    const secret = secretHeaders.find((name) => headers[name] !== undefined);
    if (secret !== undefined) throw refused(`it has a header ${secret}, and a relay takes no credentials`);
    if (browserHeaders.some((name) => headers[name] !== undefined)) throw refused('it comes from a browser');
    if ((headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined) throw refused('it has a body');
  };
}

function isNamed(host: string | undefined, known: ReadonlySet<string>): boolean {
  const text = `http://${host ?? ''}/`;
  if (host === undefined || !URL.canParse(text)) return false;
  const { hostname: name, username, pathname } = new URL(text);
  if (username !== '' || pathname !== '/') return false;
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || known.has(name.replace(/\.$/, ''));
}

const refused = (reason: string): UpdaterError =>
  new UpdaterError('REQUEST_INVALID', `The request is refused: ${reason}`, { details: { reason } });
