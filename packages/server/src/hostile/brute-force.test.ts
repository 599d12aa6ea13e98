/** Trying credentials one after the other: an address gets few tries a minute, however it goes about it, and locks nobody out. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newKeyPair, newSecret, newTerminalId } from '../accounts/credentials.js';
import {
  type Answered,
  admin,
  ask,
  type Identity,
  machine,
  newCustomer,
  newTerminal,
  nobody,
  person,
  signedIn,
  type TestCustomer,
  type TestTerminal,
} from '../testing/test-accounts.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';

const triesMax = 4;
let server: TestServer;
let ada: TestCustomer;
let terminal: TestTerminal;

beforeAll(async () => {
  server = await startTestServer([
    '--sign-ins-per-minute',
    String(triesMax),
    '--trust-proxy',
    '127.0.0.1',
    '--registration',
    'invite',
  ]);
  ada = await newCustomer(server);
  terminal = await newTerminal(server, ada);
});
// The clock stands: who is locked out stays so, however long a test takes.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());
afterAll(() => server?.stop());

/** One that nobody used before. */
let networks = 0;
const newAddress = (): string => `192.0.2.${++networks}`;

type Try = (address: string) => Promise<Answered>;
const from = (address: string) => ({ 'x-forwarded-for': address });
const verify = (as: Identity, address: string): Promise<Answered> =>
  ask(server, 'GET', '/api/v1/license/verify', { as, headers: from(address) });
const bearer = (as: Identity): string => as.authorization?.slice('Bearer '.length) ?? '';

const tries: readonly (readonly [string, Try])[] = [
  ["secrets of a customer's key", (address) => verify(signedIn(bearer(ada.as), newSecret()), address)],
  ['keys', (address) => verify(signedIn(newKeyPair().apiKey, newSecret()), address)],
  ['secrets of a terminal', (address) => verify(signedIn(terminal.id, newSecret()), address)],
  ['ids of terminals', (address) => verify(signedIn(newTerminalId(), newSecret()), address)],
  ["operators' tokens", (address) => verify({ authorization: `Bearer guess-${randomInt(1e9)}` }, address)],
  ['what is neither', (address) => verify({ authorization: `Basic ${newSecret()}` }, address)],
  [
    'keys, where anybody may ask',
    (address) => ask(server, 'GET', '/api/v1/updates/check', { as: signedIn(newKeyPair().apiKey, ''), headers: from(address) }),
  ],
  [
    'keys to enrol with',
    (address) =>
      ask(server, 'POST', '/api/v1/terminals/enrol', {
        as: signedIn(bearer(ada.as), newSecret()),
        body: machine(),
        headers: from(address),
      }),
  ],
  [
    'codes of invitations',
    (address) =>
      ask(server, 'POST', '/api/v1/register', { as: nobody, body: person({ invitation: newSecret() }), headers: from(address) }),
  ],
];

async function lastOf(attempt: Try, addresses: readonly string[]): Promise<Answered> {
  const answers: Answered[] = [];
  for (const address of addresses) answers.push(await attempt(address));
  const before = answers.slice(0, -1).map(({ status }) => status);
  expect(new Set(before).size, `all of ${before} alike`).toBe(1);
  expect([401, 403]).toContain(before[0]);
  return answers.at(-1) as Answered;
}

function expectLocked({ status, body, headers }: Answered): void {
  expect({ status, code: body.code }).toEqual({ status: 429, code: 'LIMIT_RATE' });
  const seconds = Number(headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
}

describe.each(tries)('guessing %s', (_what, attempt) => {
  it('ends after a few tries from one address, and goes on a minute later at the earliest', async () => {
    expectLocked(await lastOf(attempt, Array(triesMax + 1).fill(newAddress())));
  });
});

describe('who tries too much', () => {
  const guess: Try = (address) => verify({ authorization: `Bearer guess-${randomInt(1e9)}` }, address);

  it('counts as one with everybody of an IPv6 network, and not with the next one', async () => {
    const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:DB8:1:2::3', '2001:db8:1:2:0:0:0:4', '2001:db8:1:2:5::'];
    expectLocked(await lastOf(guess, addresses));
    expect((await guess('2001:db8:1:3::1')).status).toBe(401);
  });

  it('counts as one by IPv4 and by IPv4 inside IPv6', async () => {
    const address = newAddress();
    expectLocked(await lastOf(guess, [address, `::ffff:${address}`, address, `::ffff:${address}`, address]));
  });

  it('tries all kinds of credentials together', async () => {
    const address = newAddress();
    for (const [, attempt] of tries.slice(0, triesMax)) expect((await attempt(address)).status).toBe(401);
    for (const [, attempt] of tries) expectLocked(await attempt(address));
  });

  it('locks out no key, no terminal and no token anywhere else, and no key or terminal at the same address', async () => {
    const address = newAddress();
    for (let count = 0; count < 2 * triesMax; count++) for (const [, attempt] of tries.slice(0, 5)) await attempt(address);
    for (const as of [ada.as, terminal.as]) {
      expect((await verify(as, address)).status).toBe(200);
      expect((await verify(as, newAddress())).status).toBe(200);
    }
    const asAdmin = (at: string) => ask(server, 'GET', '/api/v1/operators/me', { as: admin, headers: from(at) });
    expect((await asAdmin(newAddress())).status).toBe(200);
    // A token may be what a person chose: nobody guesses at it further, not even rightly.
    expectLocked(await asAdmin(address));
  });
});

it('a forwarded address is no way out where no proxy is trusted', async () => {
  const open = await startTestServer(['--sign-ins-per-minute', String(triesMax)]);
  try {
    const statuses: number[] = [];
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'cf-connecting-ip']) {
      const headers = { [header]: header === 'forwarded' ? `for=${newAddress()}` : newAddress() };
      statuses.push((await ask(open, 'GET', '/api/v1/customers', { as: { authorization: 'Bearer guess' }, headers })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 429]);
  } finally {
    await open.stop();
  }
});
