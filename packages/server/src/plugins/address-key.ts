/** By what an address is counted. Who has one IPv6 address has all 2^64 of its network: they count as one. */
import { isIP } from 'node:net';

const charactersMax = 64;

export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address.slice(0, charactersMax);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? `${networkOf(address)}::/64`;
}

/** The first four of its eight groups. */
function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':');
    // Its last 32 bits may be written like an IPv4 address.
    const count = last.length + (tail.includes('.') ? 1 : 0);
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - count)).fill('0'), ...last);
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
