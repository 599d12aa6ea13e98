/** Customers: the real command against a real server. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';

const makeFolder = temporaryFolders();
let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startServer(folder);
});
afterAll(async () => {
  await server?.stop();
});

const person = ['--first-name', 'Ana', '--last-name', 'Lima', '--company', 'Padaria São João'];
const register = (email: string, ...args: readonly string[]): Promise<Ran> =>
  runRemendo(['register', '--server', server.url, '--email', email, ...person, ...args]);

const license = (environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> =>
  runRemendo(['license', '--server', server.url, ...args], { environment });

async function change(code: unknown, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
  const url = new URL(`/api/v1/customers/${code}`, server.url);
  expect((await fetch(url, { method: 'PATCH', headers, body: JSON.stringify(body) })).status).toBe(200);
}

/** The variables of an environment file. */
const variablesOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split('=', 2) as [string, string]),
  );

describe('remendo register', () => {
  it('tells key and secret, which are good for the licence', async () => {
    const ran = await register('ana@example.com', '--level', 'professional', '--json');
    expect(ran.code).toBe(0);
    const made = ran.json() as Record<string, string>;
    expect(made).toMatchObject({ service_level: 'basic', requested_level: 'professional', limits: { terminals: 10 } });
    const environment = { REMENDO_API_KEY: made.api_key ?? '', REMENDO_API_SECRET: made.api_secret ?? '' };
    const shown = await license(environment, '--json');
    expect(shown.code).toBe(0);
    expect(shown.json()).toMatchObject({ valid: true, code: made.code, level: 'basic', features: ['api'] });
  });

  it('keeps key and secret in a file that nobody else can read, and prints neither', async () => {
    const path = join(folder, 'customer.env');
    const ran = await register('bia@example.com', '--out', path);
    expect(ran.code).toBe(0);
    const variables = variablesOf(await readFile(path, 'utf8'));
    expect(Object.keys(variables)).toEqual(['REMENDO_API_KEY', 'REMENDO_API_SECRET']);
    for (const secret of Object.values(variables)) expect(ran.stdout + ran.stderr).not.toContain(secret);
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await license(variables)).stdout).toMatch(/licence +active/);
  });

  it('overwrites no file, and registers nobody then', async () => {
    const path = join(folder, 'mine.txt');
    await writeFile(path, 'mine');
    expect((await register('caio@example.com', '--out', path)).code).toBe(exitCodes.usage);
    expect(await readFile(path, 'utf8')).toBe('mine');
    expect((await register('caio@example.com')).code).toBe(0);
  });

  it('with an e-mail that is known nobody is registered, and no file is left', async () => {
    const path = join(folder, 'twice.env');
    expect((await register('dora@example.com')).code).toBe(0);
    const ran = await register('dora@example.com', '--out', path);
    expect(ran.code).toBe(exitCodes.record);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('an invitation that is none, or an e-mail that is none, is refused by its class', async () => {
    expect((await register('eva@example.com', '--invitation', 'made-up')).code).toBe(exitCodes.license);
    expect((await register('not an address')).code).toBe(exitCodes.request);
    expect((await register('eva@example.com', '--level', 'golden')).code).toBe(exitCodes.usage);
  });
});

describe('remendo license', () => {
  it('ends with the exit code of licences when it is suspended or expired', async () => {
    const { code, api_key, api_secret } = (await register('fabio@example.com', '--json')).json() as Record<string, string>;
    const environment = { REMENDO_API_KEY: api_key ?? '', REMENDO_API_SECRET: api_secret ?? '' };
    await change(code, { status: 'suspended' });
    const suspended = await license(environment);
    expect(suspended.code).toBe(exitCodes.license);
    expect(suspended.stdout).toMatch(/licence +suspended/);
    await change(code, { status: 'active', expires_on: '2020-02-29' });
    const expired = await license(environment, '--json');
    expect(expired.code).toBe(exitCodes.license);
    expect(expired.json()).toMatchObject({ valid: false, status: 'expired', days_left: 0 });
  });

  it('a key that is none ends with the exit code of sign-ins', async () => {
    const ran = await license({ REMENDO_API_KEY: 'rk_abcdefghijkl_nothing', REMENDO_API_SECRET: 'nothing' });
    expect(ran.code).toBe(exitCodes.auth);
    expect(ran.stderr).toContain('REMENDO_API_KEY');
  });
});
