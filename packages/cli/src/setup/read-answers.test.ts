import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpClient } from '@remendo/core';
import { expect, it } from 'vitest';
import { becomeCustomer } from '../terminal/become-customer.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { readAnswers, readPlace, type SetupGiven } from './read-answers.js';

const makeFolder = temporaryFolders();
const server = 'https://updates.example.com';

async function given(answers: object, more: Partial<SetupGiven> = {}): Promise<SetupGiven> {
  const file = join(await makeFolder(), 'answers.json');
  await writeFile(file, JSON.stringify(answers));
  return { flags: {}, environment: {}, answers: file, own: {}, ownService: {}, ...more };
}

it('tells at once what only a later program would have stumbled over, in all parts of the answers', async () => {
  const answers = {
    root: await makeFolder(),
    server: 'http://updates.example.com',
    agent: { checkCron: 'soon', cleanupCron: '0 0 30 2 *' },
    relay: ['ftp://192.168.1.10'],
    steps: { before: [{ name: 'stop', command: 'a' }], after: [{ name: 'stop', command: 'b' }] },
    backups: { jobs: [{ name: 'daily', folder: 'relative' }] },
    trustRoot: 'not-there.json',
    openpgpKeys: 'not-there.asc',
    terminal: { name: '' },
  };
  const problems = await readAnswers(await given(answers)).then(
    () => [],
    (error) => error.details.problems as readonly string[],
  );
  for (const part of [
    'server:',
    'agent.checkCron',
    'agent.cleanupCron',
    'relay:',
    'stop',
    'backups.daily',
    'trustRoot:',
    'terminal',
  ])
    expect(problems.join('\n')).toContain(part);
  expect(problems.join('\n')).toContain('not-there.asc');
});

it('does not ask for a secret of the backups in a folder that setup has yet to make', async () => {
  const target = { name: 'owner', kind: 'mail', from: 'erp@example.org', to: ['o@example.org'], secretFile: 'smtp.secret' };
  const backups = { jobs: [{ name: 'daily', folder: '/backups' }], targets: [target] };
  const answers = { root: join(await makeFolder(), 'erp'), server, backups };
  expect((await readAnswers(await given(answers))).configuration).toMatchObject({ backups });
});

it('installs from a stick once and keeps asking the server afterwards, unless the answers themselves name the stick', async () => {
  const root = await makeFolder();
  const once = await readAnswers(await given({ root, server }, { flags: { bundle: 'stick' } }));
  expect(once.configuration).toEqual({ server });
  expect(once.bundle).toBe(join(process.cwd(), 'stick'));
  const always = await given({ root, server, bundle: 'stick' });
  const folder = join(always.answers ?? '', '..', 'stick');
  expect(await readAnswers(always)).toMatchObject({ bundle: folder, configuration: { server, bundle: folder } });
});

it('takes the agent away from where nothing but its name is left, or the configuration is damaged', async () => {
  const root = join(await makeFolder(), 'erp');
  const gone = { flags: { root }, environment: {}, answers: null, own: {}, ownService: {} };
  expect(await readPlace(gone)).toMatchObject({ layout: { root }, service: { mode: 'daemon', scope: 'system' } });
  await mkdir(join(root, '.remendo'), { recursive: true });
  const config = join(root, '.remendo', 'remendo.config.json');
  await writeFile(config, '{"server": ');
  expect((await readPlace(gone)).layout.root).toBe(root);
  await writeFile(config, JSON.stringify({ colour: 'green', service: { mode: 'none', scope: 'user' } }));
  expect((await readPlace(gone)).service).toEqual({ mode: 'daemon', scope: 'user', account: null });
  await expect(readPlace({ ...gone, flags: {} })).rejects.toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

it('a registration that was cut off before anybody was told a secret stands in the way of no other', async () => {
  const out = join(await makeFolder(), 'customer.env');
  const request = { email: 'ana@example.com', first_name: 'Ana', last_name: 'Lima' };
  const data = { code: 'USR12345', api_key: 'rk_abcdefghijkl_key', api_secret: 'whispered' };
  const http = { json: () => Promise.resolve({ success: true, data }) } as unknown as HttpClient;
  const { signal } = new AbortController();
  await writeFile(out, '');
  await becomeCustomer(http, { request, out }, signal);
  expect(await readFile(out, 'utf8')).toBe('REMENDO_API_KEY=rk_abcdefghijkl_key\nREMENDO_API_SECRET=whispered\n');
  if (process.platform !== 'win32') expect((await stat(out)).mode & 0o777).toBe(0o600);
  await expect(becomeCustomer(http, { request, out }, signal)).rejects.toThrow('is there already');
});
