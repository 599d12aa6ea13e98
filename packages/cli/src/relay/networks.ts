import { BlockList, isIP } from 'node:net';
import { privateNetworks } from './relay-settings.js';

/** @param networks as CIDR, well-formed. @returns whether an address, IPv4 in IPv6 too, lies in one of them. */
export function addressTest(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return (text = '') => {
    const address = text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

export const isPrivateAddress = addressTest(privateNetworks);
