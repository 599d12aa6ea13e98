/** The update manager inside the test's process, a real server, and a real install. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { installLayout } from '@remendo/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CommandContext } from '../command-context.js';
import { Interrupted } from '../exit-codes.js';
import { type Language, languages } from '../language.js';
import { createOutput } from '../output/output.js';
import { downloadedBytes } from '../testing/downloaded-bytes.js';
import { patience } from '../testing/patience.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, readTree, writeFiles, zipFolder } from '../testing/sample-releases.js';
import { startTamperingProxy, type Tampering, type TamperingProxy } from '../testing/tampering-proxy.js';
import { collectOutput } from './collect-output.js';
import { runPage } from './page-command.js';
import { openPageWork } from './page-work.js';

// What started this process is not the command.
vi.mock('../own-program.js', async () => {
  const { mainPath } = await import('../testing/run-remendo.js');
  return { ownProgram: () => ({ command: process.execPath, args: [mainPath] }) };
});

const makeFolder = temporaryFolders();
let folder: string;
let server: RunningServer;
/** Through which downloads fall silent in the middle. */
let holding: TamperingProxy;

beforeAll(async () => {
  folder = await makeFolder();
  const zip = await zipFolder(await writeFiles(join(folder, 'base'), baseFiles), join(folder, 'base.zip'));
  server = await startServer(folder);
  const form = new FormData();
  const fields = { application: 'erp', version: '1.0.0', title: 'Primeira', changelog: '- não há mais erros' };
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([await readFile(zip)]), 'base.zip');
  const headers = { authorization: `Bearer ${server.token}` };
  const published = await fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers, body: form });
  if (!published.ok) throw new Error(await published.text());
  const holdAfter: Tampering['holdAfter'] = ({ path }) => (path.startsWith('/api/v1/objects/') ? 20_000 : null);
  holding = await startTamperingProxy(server.url, { holdAfter });
});
afterAll(async () => {
  await holding?.close();
  await server?.stop();
});

interface Started {
  readonly url: URL;
  readonly ended: Promise<number>;
  readonly printed: () => string;
  end(): void;
  ask(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** From now on. */
  events(lastId?: string): Promise<Listening>;
}

interface Listening {
  readonly events: readonly { readonly name: string; readonly id: string | null; readonly data: Record<string, unknown> }[];
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
}

const running: Started[] = [];
afterEach(async () => {
  for (const page of running.splice(0)) {
    page.end();
    await page.ended;
  }
});

interface PageOptions {
  readonly json?: boolean;
  readonly language?: Language;
  readonly flags?: Parameters<typeof runPage>[1]['flags'];
}

const contextOf = (): CommandContext => ({
  output: collectOutput('en').output,
  language: 'en',
  environment: { REMENDO_SERVER_URL: server.url, REMENDO_APPLICATION: 'erp' },
  signal: new AbortController().signal,
  isInteractive: false,
  takeSignals: () => () => undefined,
});

async function startPage(root: string, { json = true, language = 'en', flags = {} }: PageOptions = {}): Promise<Started> {
  const streams = { stdout: new PassThrough().setEncoding('utf8'), stderr: new PassThrough().resume() };
  let printed = '';
  streams.stdout.on('data', (text: string) => {
    printed += text;
  });
  const ending = new AbortController();
  const output = createOutput(streams as unknown as Parameters<typeof createOutput>[0], { json, language });
  const context = { ...contextOf(), output, language, signal: ending.signal };
  const ended = runPage(context, { flags: { root, ...flags }, port: 0, serverWaitMs: patience.timeout });
  const found = await vi.waitFor(
    () => /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}/.exec(printed)?.[0] ?? expect.fail(printed),
    patience,
  );
  const url = new URL(found);
  const headers = { authorization: `Bearer ${url.searchParams.get('token')}` };
  const page: Started = {
    url,
    ended,
    printed: () => printed,
    end: () => ending.abort(new Interrupted('SIGTERM')),
    async ask(path, init = {}) {
      const answer = await fetch(new URL(path, url), { ...init, headers: { ...headers, ...init.headers } });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    async events(lastId) {
      const given = lastId === undefined ? {} : { 'last-event-id': lastId };
      const answer = await fetch(new URL(`/v1/events${url.search}`, url), { headers: given });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
      return listen(answer);
    },
  };
  running.push(page);
  return page;
}

function listen(answer: Response): Listening {
  const events: Listening['events'][number][] = [];
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = `${text}${chunk}`.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const fields = Object.fromEntries(part.split('\n').map((line) => /^(\w+): (.*)$/.exec(line)?.slice(1) ?? []));
        events.push({ name: fields.event, id: fields.id ?? null, data: JSON.parse(fields.data) });
      }
    }
  };
  return { events, ended: read() };
}

const start = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
describe('an update', () => {
  it('is offered with its news, is started once, and is told live from its beginning to its end', async () => {
    const root = join(folder, 'erp');
    const page = await startPage(root);
    expect((await page.ask('/v1/status')).body).toMatchObject({
      install: null,
      awaits_launch: false,
      hold: { state: 'none', since: null },
      update: { state: 'idle' },
      progress: null,
    });
    expect((await page.ask('/v1/check?force')).body).toMatchObject({ outcome: 'available', installed: null, version: '1.0.0' });
    expect((await page.ask('/v1/news')).body).toMatchObject({
      installed: null,
      release: { version: '1.0.0', title: 'Primeira', changelog: '- não há mais erros', zip_bytes: expect.any(Number) },
    });
    const { events, ended } = await page.events();
    const [first, second] = await Promise.all([page.ask('/v1/update', start), page.ask('/v1/update', start)]);
    // Whichever of them comes first.
    expect([first, second].sort((one, other) => one.status - other.status)).toMatchObject([
      { status: 202, body: { state: 'running', asked_version: null } },
      { status: 409, body: { code: 'TRANSACTION_LOCKED', message: 'an update is running' } },
    ]);
    const update = () => events.findLast(({ name }) => name === 'update')?.data;
    await vi.waitFor(() => expect(update()).toMatchObject({ state: 'ended' }), patience);
    expect(update()).toMatchObject({ outcome: 'updated', version: '1.0.0', code: null });
    expect(await readTree(root, ['.remendo', 'version.txt'])).toEqual(await readTree(join(folder, 'base')));

    const logged = events.filter(({ name }) => name === 'log').map(({ data }) => data.event);
    expect(logged).toEqual(expect.arrayContaining(['command_started', 'plan_chosen', 'confirmed', 'command_ended']));
    const { body: whole } = await page.ask('/v1/log?limit=1000');
    const entries = whole.entries as readonly { readonly id: string; readonly entry: Record<string, unknown> }[];
    expect(entries.map(({ entry }) => entry.event)).toEqual(expect.arrayContaining(logged));
    const after = encodeURIComponent(entries.at(-3)?.id ?? '');
    expect((await page.ask(`/v1/log?after=${after}&limit=1`)).body).toEqual({ entries: entries.slice(-2, -1), has_more: true });
    const again = await page.events(entries.at(-3)?.id);
    await vi.waitFor(
      () => expect(again.events.map(({ id }) => id)).toEqual([null, null, entries.at(-2)?.id, entries.at(-1)?.id]),
      patience,
    );

    expect((await page.ask('/v1/status')).body).toMatchObject({
      install: { version: '1.0.0', channel: 'stable', blocked: [] },
      is_current: false,
      progress: { phase: 'completed', version: '1.0.0' },
    });
    expect((await page.ask('/v1/progress')).body).toMatchObject({ is_current: false, progress: { phase: 'completed' } });
    expect((await page.ask('/v1/why')).body).toMatchObject({ installed: '1.0.0', story: { attempt: { state: 'completed' } } });
    expect((await page.ask('/v1/news')).body).toEqual({ installed: '1.0.0', release: null });

    page.end();
    expect(await page.ended).toBe(0);
    await Promise.all([ended, again.ended]);
    expect([events.at(-1)?.name, again.events.at(-1)?.name]).toEqual(['closing', 'closing']);
    const lines = page.printed().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['listening', 'update_started', 'update_ended', 'ended']);
    expect(await readFile(join(root, '.remendo', 'update.log'), 'utf8')).not.toContain(page.url.searchParams.get('token'));
  });

  it('is broken off as an install is when the program is ended, and leaves what it fetched for the next', async () => {
    const root = join(folder, 'slow');
    const page = await startPage(root, { flags: { server: holding.url } });
    const { events, ended } = await page.events();
    expect((await page.ask('/v1/update', { method: 'POST' })).status).toBe(202);
    const seen = () => events.some(({ name, data }) => name === 'progress' && data.is_current === true);
    await vi.waitFor(() => expect(seen()).toBe(true), patience);
    await vi.waitFor(async () => expect(await downloadedBytes(root)).toBeGreaterThan(10_000), patience);
    expect((await page.ask('/v1/status')).body).toMatchObject({ install: null, update: { state: 'running' }, is_current: true });
    page.end();
    expect(await page.ended).toBe(0);
    await ended;
    expect(events.filter(({ name }) => name === 'update').at(-1)?.data).toMatchObject({ state: 'ended', outcome: 'interrupted' });
    expect(await readTree(root, ['.remendo'])).toEqual({});
    expect(events.filter(({ data }) => data.event === 'command_failed').map(({ data }) => data.command)).toEqual(['install']);
    expect(await downloadedBytes(root)).toBeGreaterThan(10_000);
  });

  it('that the application holds back ends with the reason, and touches nothing', async () => {
    const root = join(folder, 'held');
    await writeFiles(root, { 'not-now.lock': Buffer.alloc(0) });
    const page = await startPage(root, { flags: { agent: JSON.stringify({ holdFile: 'not-now.lock' }) } });
    expect((await page.ask('/v1/status')).body).toMatchObject({ hold: { state: 'held', since: expect.any(String) } });
    expect((await page.ask('/v1/update', start)).status).toBe(202);
    const update = async () => (await page.ask('/v1/status')).body.update;
    await vi.waitFor(async () => expect(await update()).toMatchObject({ state: 'ended', code: 'INSTALL_ON_HOLD' }), patience);
    expect(Object.keys(await readTree(root, ['.remendo']))).toEqual(['not-now.lock']);
  });

  it('that its backups hold back ends with the reason', async () => {
    const job = { name: 'banco', folder: join(folder, 'no-backups'), files: '*.bak', intervalSeconds: 86_400 };
    const flags = { backups: JSON.stringify({ backupMaxAgeHours: 24, jobs: [job] }) };
    const page = await startPage(join(folder, 'unproven'), { flags, json: false, language: 'pt' });
    expect((await page.ask('/v1/update', start)).status).toBe(202);
    const update = async () => (await page.ask('/v1/status')).body.update;
    await vi.waitFor(async () => expect(await update()).toMatchObject({ state: 'ended', code: 'BACKUP_MISSING' }), patience);
    expect(page.printed()).toContain('A atualização não foi feita: não há backup comprovado de banco com menos de 1 dia');
  });

  it('that the server refuses says so, is over, and can be asked for again', async () => {
    const page = await startPage(join(folder, 'refused'), { flags: { server: `${server.url}/elsewhere` } });
    const { events } = await page.events();
    for (let count = 1; count <= 2; count++) {
      expect((await page.ask('/v1/update', start)).status).toBe(202);
      const ends = () => events.filter(({ name, data }) => name === 'update' && data.state === 'ended');
      await vi.waitFor(() => expect(ends()).toHaveLength(count), patience);
      expect(ends().at(-1)?.data).toMatchObject({ outcome: 'failed', code: 'REQUEST_ROUTE_UNKNOWN', version: null });
    }
    expect((await page.ask('/v1/progress')).body.is_current).toBe(false);
    expect((await page.ask('/v1/status')).body).toMatchObject({ install: null, update: { state: 'ended' } });
  });

  it('is not waited for any longer than somebody looks at a page, when the server is away', async () => {
    const layout = installLayout(join(folder, 'away'));
    const flags = { root: layout.root, server: 'http://127.0.0.1:9' };
    const work = openPageWork(contextOf(), { layout, flags, agent: null, serverWaitMs: 1 });
    await expect(Promise.all([work.check({ force: true }), work.news()])).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  });
});

describe('who is answered', () => {
  /** As `fetch` can not ask: with a Host of its own. */
  const statusFor = ({ port }: URL, host: string, token: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${token}` };
      request({ host: '127.0.0.1', port, path: '/v1/progress', headers }, ({ statusCode }) => resolve(statusCode))
        .once('error', reject)
        .end();
    });

  it('is who shows the token, asks for this host, and comes from no other page', async () => {
    const { url, ask } = await startPage(join(folder, 'none'));
    const token = url.searchParams.get('token') ?? '';
    const other = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    const hosts = [url.host, `localhost:${url.port}`, `updates.example.com:${url.port}`, '127.0.0.1'];
    expect(await Promise.all(hosts.map((host) => statusFor(url, host, token)))).toEqual([200, 200, 403, 403]);
    const progress = new URL('/v1/progress', url);
    expect((await fetch(progress)).status).toBe(401);
    const wrong = await ask('/v1/progress', { headers: { authorization: `Bearer ${other}` } });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'AUTH_REQUIRED' } });
    expect(JSON.stringify(wrong)).not.toContain(other);
    const answer = await fetch(`${progress}${url.search}`, { headers: { origin: url.origin } });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, null]);
    expect(await ask('/v1/progress', { headers: { origin: 'https://evil.example.com' } })).toMatchObject({
      status: 403,
      body: { code: 'AUTH_FORBIDDEN' },
    });
    expect((await fetch(new URL(`/v1/update${url.search}`, url), { method: 'POST' })).status).toBe(401);
  });

  it('is told what was wrong with what they asked', async () => {
    const { ask } = await startPage(join(folder, 'none'));
    const body = (text: string, type = 'application/json') => ({ method: 'POST', headers: { 'content-type': type }, body: text });
    const wrong: readonly (readonly [string, RequestInit, number])[] = [
      ['/v1/nothing', {}, 404],
      ['/v1/status?bogus=1', {}, 400],
      ['/v1/log?limit=1001', {}, 400],
      ['/v1/log?after=yesterday', {}, 400],
      ['/v1/events', { headers: { 'last-event-id': 'x' } }, 400],
      ['/v1/update', body('{"skip_backup":true}'), 400],
      ['/v1/update', body('{"version":"newest"}'), 400],
      ['/v1/update', body('{'), 400],
      ['/v1/update', body('x=1', 'text/plain'), 415],
      ['/v1/update', body(JSON.stringify({ version: 'x'.repeat(5_000) })), 413],
    ];
    for (const [path, init, status] of wrong)
      expect(await ask(path, init), path).toEqual({
        status,
        body: { code: expect.stringMatching(/^REQUEST_/), message: expect.any(String) },
      });
    expect((await ask('/')).body).toMatchObject({ name: 'remendo', addresses: expect.arrayContaining(['/v1/status']) });
  });

  it("gets nothing by another way to write an address, and no answer that is not the API's own", async () => {
    const { url } = await startPage(join(folder, 'none'));
    const headers = { host: url.host, authorization: `Bearer ${url.searchParams.get('token')}` };
    const raw = (path: string, more: object = {}, body = ''): Promise<{ status: number; text: string }> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port: url.port, path, headers, ...more }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (piece) => {
            text += piece;
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        });
        asked.once('error', reject).end(body);
      });
    const paths = [
      '/v1/%zz',
      '/v1/%00',
      '/v1/../v1/status',
      '//evil.example.com/v1/status',
      '/v1/status/',
      '/V1/status',
      '/v1//status',
    ];
    for (const path of [...paths, 'http://evil.example.com/', `/v1/${'x'.repeat(4_000)}`, '/v1/status;x', '/.remendo/update.log']) {
      const { status, text } = await raw(path);
      if (status >= 500) throw new Error(text);
      expect([path, status >= 400 && status < 500, Object.keys(JSON.parse(text))]).toEqual([path, true, ['code', 'message']]);
      expect(await raw(path, { headers: { host: url.host } })).toMatchObject({ status: expect.toSatisfy((code) => code >= 400) });
    }
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'HEAD'])
      expect((await raw('/v1/update', { method })).status, method).toBe(404);
    const json = { ...headers, 'content-type': 'application/json' };
    for (const body of [
      '{"__proto__":{"retry":true}}',
      '[]',
      '"4.2.0"',
      '{"version":""}',
      '{"version":1}',
      '{"retry":"true"}',
      '\u0000',
    ])
      expect((await raw('/v1/update', { method: 'POST', headers: json }, body)).status, body).toBe(400);
    const origins = ['null', `https://${url.host}`, `http://127.0.0.1:1`, 'http://[::1]', `${url.origin}.evil.example.com`];
    for (const origin of origins)
      expect((await raw('/v1/update', { method: 'POST', headers: { ...headers, origin } })).status).toBe(403);
    for (const site of ['cross-site', 'same-site'])
      expect((await raw('/v1/status', { headers: { ...headers, 'sec-fetch-site': site } })).status).toBe(403);
    expect((await raw('/v1/status')).text).toContain('"state":"idle"');
  });

  it('is one of few listeners at a time, and the next one when somebody leaves', async () => {
    const { url } = await startPage(join(folder, 'none'));
    const leaving = new AbortController();
    const ask = (signal: AbortSignal | null = null) => fetch(new URL(`/v1/events${url.search}`, url), { signal });
    const taken = await Promise.all([ask(leaving.signal), ...Array.from({ length: 15 }, () => ask())]);
    expect(taken.map(({ status }) => status)).toEqual(Array(16).fill(200));
    expect((await ask()).status).toBe(503);
    const { status } = await fetch(new URL('/v1/events', url), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${url.searchParams.get('token')}` },
    });
    expect(status).toBe(404);
    leaving.abort();
    await vi.waitFor(async () => expect((await ask()).status).toBe(200), patience);
    // Not before: what nobody can read any more is closed, at any time, when memory is tidied up.
    for (const { body } of taken.slice(1)) await body?.cancel();
  });
});

it.each(languages)('says in %s where it is, that the address is a secret, and that it ended', async (language) => {
  const page = await startPage(join(folder, 'none'), { json: false, language });
  page.end();
  await page.ended;
  const lines = page.printed().trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain(page.url.href);
});
