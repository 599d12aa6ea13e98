import { expect, it } from 'vitest';
import { relayUrl } from './mdns.js';
import { addressTest, isPrivateAddress } from './networks.js';
import { parseRelays } from './parse-relays.js';
import { problemsOf, relayConfigOf } from './relay-settings.js';

it('asks no relay unless it was told to', () => {
  for (const items of [null, [], ['off']]) expect(parseRelays(items)).toEqual({ urls: [], finds: false });
});

it('takes addresses, those that make themselves known, or both', () => {
  expect(parseRelays(['auto'])).toEqual({ urls: [], finds: true });
  expect(parseRelays(['http://10.0.0.5:8476', 'https://relay.example.com/x/', 'http://balcao:80', 'auto'])).toEqual({
    urls: ['http://10.0.0.5:8476/', 'https://relay.example.com/x/', 'http://balcao/'],
    finds: true,
  });
});

it.each([
  'on',
  '10.0.0.5',
  'ftp://10.0.0.5/',
  'http://me:secret@10.0.0.5/',
  'http://10.0.0.5/?a=1',
  'http://8.8.8.8:8476',
  'http://134744072',
])('refuses %s, and tells no password', (text) => {
  const refused = expect.objectContaining({
    code: 'CONFIG_INVALID',
    details: { problems: [expect.not.stringContaining('secret')] },
  });
  expect(() => parseRelays([text])).toThrow(refused);
});

it('refuses off beside anything else, and more addresses than anybody needs', () => {
  expect(() => parseRelays(['off', 'auto'])).toThrow();
  expect(() => parseRelays(Array.from({ length: 9 }, (_, index) => `http://10.0.0.${index}/`))).toThrow();
});

it.each<[string, boolean]>([
  ['10.1.2.3', true],
  ['172.16.0.1', true],
  ['172.32.0.1', false],
  ['192.168.255.1', true],
  ['169.254.1.1', true],
  ['127.0.0.1', true],
  ['::ffff:192.168.1.5', true],
  ['::ffff:8.8.8.8', false],
  ['fd00::2', true],
  ['fe80::1%eth0', true],
  ['2001:db8::1', false],
  ['8.8.8.8', false],
  ['localhost', false],
  ['', false],
])('%s is in a private network: %s', (address, expected) => {
  expect(isPrivateAddress(address)).toBe(expected);
});

const isNear = addressTest(['192.168.1.7/24', 'fd00::7/64', 'fe80::1/64', '8.8.8.8/24']);

it.each<[string, number, string | null]>([
  ['192.168.1.10', 8476, 'http://192.168.1.10:8476/'],
  ['192.168.2.10', 8476, null],
  ['10.0.0.1', 80, null],
  ['127.0.0.1', 8476, null],
  ['::1', 8476, null],
  ['169.254.169.254', 80, null],
  ['fd00::2', 8476, 'http://[fd00::2]:8476/'],
  ['8.8.8.8', 8476, null],
  ['fe80::1', 8476, null],
  ['192.168.1.10/x', 80, null],
  ['192.168.1.10', 0, null],
  ['192.168.1.10', 70_000, null],
  ['', 8476, null],
])('of what says in the network that it is a relay, %s port %d is asked at %s', (address, port, url) => {
  expect(relayUrl(address, port, isNear)).toBe(url);
});

it('serves the networks that it is told, and no others', () => {
  const isServed = addressTest(['203.0.113.0/24']);
  expect([isServed('203.0.113.7'), isServed('10.0.0.1'), isServed(undefined)]).toEqual([true, false, false]);
});

it('tells everything that is wrong with its settings', () => {
  expect(
    problemsOf(relayConfigOf({ host: 'relay.lan', networks: ['10.0.0.0/8', '10.0.0.0', '10.0.0.0/33', 'lan/8'] })),
  ).toHaveLength(4);
  expect(problemsOf(relayConfigOf(null))).toEqual([]);
});
