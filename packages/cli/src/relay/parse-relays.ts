import { isIP } from 'node:net';
import { UpdaterError } from '@remendo/core';
import { isPrivateAddress } from './networks.js';

export interface AskedRelays {
  /** In the order in which they are asked. */
  readonly urls: readonly string[];
  /** Whether those that make themselves known are asked too, after them. */
  readonly finds: boolean;
}

const relaysMax = 8;

/**
 * The setting `relay`: `off`, `auto`, addresses, or addresses and `auto`.
 * @throws UpdaterError CONFIG_INVALID with every problem.
 */
export function parseRelays(items: readonly string[] | null): AskedRelays {
  const asked = items === null || items.length === 0 ? ['off'] : items;
  if (asked.length === 1 && asked[0] === 'off') return { urls: [], finds: false };
  const urls = asked.filter((item) => item !== 'auto');
  const problems = urls.flatMap((url) => problemsOf(url));
  if (urls.length > relaysMax) problems.push(`relay names more than ${relaysMax} addresses`);
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  return { urls: urls.map((url) => new URL(url).href), finds: urls.length < asked.length };
}

/** Plain http stays in the branch: not to an address of the world. What a name leads to is the network's to say. */
function problemsOf(text: string): string[] {
  const shown = JSON.stringify(text.slice(0, 100));
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    return [`relay: ${shown} is neither off, nor auto, nor an address such as http://192.168.1.10:8476`];
  if (`${url.username}${url.password}${url.search}${url.hash}` !== '')
    return ['relay: an address may not carry a name, a password, a query or a fragment'];
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol === 'http:' && isIP(host) !== 0 && !isPrivateAddress(host))
    return [`relay: ${shown} is plain http to an address that is not in a private network`];
  return [];
}
