/** The search for secrets in what the tests print finds what it should, in whatever form. */
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newSecret } from '../accounts/credentials.js';
import { LeakFinder } from '../testing/find-leaks.js';
import { requireNoLeaks } from '../testing/search-leaks.js';
import { createTestLog } from '../testing/test-log.js';
import { recordOutput, recordSecrets, recordVariable, secretsIn } from '../testing/test-record.js';

let folder: string;

/** Not the record of this run: what is planted here must not end it. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-planted-'));
  vi.stubEnv(recordVariable, folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const secret = newSecret();

describe('a secret that a test handed out', () => {
  it.each([
    ['as it is', secret],
    ['in a header', `{"authorization":"Bearer ${secret}"}`],
    ['in a header of Basic authentication', `Basic ${Buffer.from(`u:${secret}`).toString('base64')}`],
    ['in Base64, at another offset', Buffer.from(`user:${secret}:`).toString('base64')],
    ['in an address', `https://u:${encodeURIComponent(secret)}@host/`],
    ['right behind another text', `x${secret}x`],
  ])('is found %s, and the search names the place and not the secret', (_how, text) => {
    recordOutput('server', `a line\n{"msg":"before ${text} after"}\n`);
    recordSecrets([secret]);
    const found = (): void => requireNoLeaks(folder);
    expect(found).toThrow(/^secrets were printed, 1 times:\nserver\.\d+\.log:2: .*before/);
    expect(found).toThrow(expect.not.objectContaining({ message: expect.stringContaining(secret) }));
  });

  it('is found when it was told only after it was printed, and once for each place', () => {
    recordOutput('remendo', `${secret}\n${secret}\n`);
    recordOutput('server', secret);
    recordSecrets(['something else that is long', secret]);
    expect(() => requireNoLeaks(folder)).toThrow('secrets were printed, 3 times');
  });

  it('is not found where there is none, however alike', () => {
    recordSecrets([secret]);
    recordOutput('server', `${secret.slice(0, -1)}\n${secret.slice(1)}\n${newSecret()}\n`);
    requireNoLeaks(folder);
  });

  it('with characters that are written otherwise in addresses and in JSON is found in both', () => {
    const password = 'p@ss "word" ç';
    const text = `${encodeURIComponent(password)}\n${JSON.stringify({ password })}\n`;
    expect(new LeakFinder([password]).find(Buffer.from(text)).map(({ line }) => line)).toEqual([1, 2]);
  });
});

describe('what a test hands out is known to be secret', () => {
  it('in the environment of a program: by the names of variables, and in addresses', () => {
    const environment = {
      REMENDO_TOKEN: 'the token',
      REMENDO_SMTP_URL: 'smtp://user:p%40ss@host',
      AWS_SECRET_ACCESS_KEY: 'the key',
      REMENDO_DATABASE_URL: 'postgres://u:word@host/name',
      PATH: '/bin',
    };
    expect(secretsIn(environment)).toEqual(['the token', 'p%40ss', 'p@ss', 'the key', 'word', 'word']);
  });

  it('in a key as text, by each of its lines', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    recordSecrets([JSON.stringify({ client_email: 'a@example.com', private_key: pem })]);
    recordOutput('server', `a@example.com\n${pem.split('\n')[7]}\n`);
    expect(() => requireNoLeaks(folder)).toThrow('secrets were printed, 1 times');
  });

  it('when it is sent, and when an answer tells it; what an answer says that may tell none is searched', async () => {
    const [sent, told] = [newSecret(), newSecret()];
    const server = createServer(({ method, url, headers }, response) => {
      response.writeHead(method === 'POST' ? 201 : 401, { 'content-type': 'application/json' });
      const body = method === 'POST' ? { data: { api_secret: told } } : { said: url === '/told' ? told : headers.authorization };
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await (await fetch(url, { method: 'POST' })).text();
    await (await fetch(`${url}/told`)).text();
    await (await fetch(`${url}/sent`, { headers: { authorization: `Bearer ${sent}` } })).text();
    server.close();
    const recorded = (): string =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), 'utf8'))
        .join('');
    await vi.waitFor(
      () => {
        for (const text of ['401 GET /told', '401 GET /sent', `"${told}"\n`]) expect(recorded()).toContain(text);
      },
      { timeout: 60_000 },
    );
    expect(() => requireNoLeaks(folder)).toThrow('secrets were printed, 2 times');
  });
});

it("a server's log is searched, and a row that a database quotes is not in it", async () => {
  recordSecrets([secret]);
  const { log, lines } = createTestLog();
  const error = Object.assign(new Error('violates a constraint'), {
    detail: `Failing row contains (1, ${secret}).`,
    where: secret,
  });
  log.error({ event: 'request_failed', err: error, token: secret }, 'the request failed');
  expect(lines).toEqual([expect.stringContaining('violates a constraint')]);
  requireNoLeaks(folder);
  log.info({ event: 'careless', url: `/?secret=${secret}` });
  expect(() => requireNoLeaks(folder)).toThrow('careless');
});

it('a run that printed nothing and handed out nothing has no leaks', async () => {
  requireNoLeaks(folder);
  await writeFile(join(folder, 'server.1.log'), secret);
  requireNoLeaks(folder);
});
