/**
 * Which addresses a request may go to whose URL somebody else chose: those of the public internet. Else a webhook would be a way
 * to whatever this machine and its networks answer (a database, the cloud's metadata service).
 *
 * The blocks are those of IANA's registries of special-purpose addresses (RFC 6890). Of IPv6 only 2000::/3 is public; with the
 * rest go the addresses that carry an IPv4 address inside (::ffff:0:0/96, 64:ff9b::/96), and 6to4 and Teredo by name.
 */
import { type BlockList, isIP } from 'node:net';
import { addressList } from '../../accounts/address-blocks.js';

const special4 = addressList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // Multicast, and what is reserved behind it, broadcast included.
  '224.0.0.0/3',
]);
const special6 = addressList(['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/** One list for each family: a `BlockList` holds IPv4 addresses to the blocks of IPv6 as well, where all of them lie in ::/3. */
const specialOf: Readonly<Record<number, readonly [BlockList, 'ipv4' | 'ipv6']>> = {
  4: [special4, 'ipv4'],
  6: [special6, 'ipv6'],
};

/** False for what is no address at all. */
export function isPublicAddress(address: string): boolean {
  const special = specialOf[isIP(address)];
  if (special === undefined) return false;
  const [list, family] = special;
  return !list.check(address.replace(/%.*$/, ''), family);
}
