import { expect, it } from 'vitest';
import { isPublicAddress } from './public-address.js';

it.each([
  ['this machine', ['127.0.0.1', '127.255.255.254', '0.0.0.0', '::1', '::']],
  ['private networks', ['10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1', 'fec0::1']],
  ['the link, and the metadata service of clouds', ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254']],
  ["a provider's own network", ['100.64.0.1', '100.127.255.255']],
  ['many machines at once', ['224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1']],
  ['IPv4 inside IPv6', ['::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1']],
  ['examples and tests', ['192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9', '2001:db8::1', '3fff::1', '240.0.0.1']],
  ['nothing that is an address', ['', 'localhost', '1.2.3', '256.1.1.1', '2130706433']],
])('does not count %s as public', (_name, addresses) => {
  expect(addresses.filter(isPublicAddress)).toEqual([]);
});

it('counts the public internet as public, up to the edges of what is not', () => {
  const addresses = ['8.8.8.8', '1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'];
  const more = ['128.0.0.1', '172.15.255.255', '172.32.0.0', '192.167.1.1', '223.255.255.255'];
  const six = ['2001:4860:4860::8888', '2606:4700:4700::1111', '2a00:1450::1', '2001:200::1', '2003::1'];
  const all = [...addresses, ...more, ...six];
  expect(all.filter(isPublicAddress)).toEqual(all);
});
