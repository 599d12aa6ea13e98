/** CIDR blocks of IPv4 and IPv6 (RFC 4632, RFC 4291), and whether an address lies in one of them. */
import { BlockList, isIP } from 'node:net';

/** @returns the blocks as they were written. @throws Error that names the first that is none. */
export function parseAddressBlocks(blocks: readonly string[]): readonly string[] {
  addressList(blocks);
  return blocks;
}

/** An address without a length is a block of its own. @throws Error for what is no block. */
export function addressList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(block.trim()) ?? [];
    const family = isIP(address);
    const bitsMax = family === 4 ? 32 : 128;
    const length = bits === undefined ? bitsMax : Number(bits);
    if (family === 0 || length > bitsMax) {
      throw new Error(`${JSON.stringify(block.slice(0, 60))} is no address block like 192.0.2.0/24 or 2001:db8::/32`);
    }
    list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** IPv4 addresses that arrive over IPv6 sockets (`::ffff:192.0.2.1`) count as what they are. */
export function isInList(list: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}
