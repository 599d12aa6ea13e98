/**
 * Markup in everything that strangers store (stored XSS): whatever shows it gets it as data. The dashboard is a page of its
 * own that escapes; here nothing that was stored is ever answered as a page, and no page takes anything from a request.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type MailServer, startMailServer } from '../notifications/notifications.test.support.js';
import { type HttpDouble, startHttpDouble } from '../notifications/senders/senders.test.support.js';
import { admin, ask, machine, newCustomer, newTerminal, nobody, type TestCustomer } from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

const markup = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}';
let server: TestServer;
let mail: MailServer;
let hook: HttpDouble;
let ada: TestCustomer;

beforeAll(async () => {
  mail = await startMailServer();
  hook = await startHttpDouble((_request, response) => response.writeHead(204).end());
  const args = ['--private-webhooks', 'allowed', '--operator-mail', 'night@example.org', '--metrics-access', 'open'];
  server = await startTestServer(args, { REMENDO_SMTP_URL: mail.url });
  ada = await newCustomer(server, { first_name: markup, last_name: markup, company: markup, phone: '1' });
  await storeMarkup();
});
afterAll(async () => {
  await server?.stop();
  await hook?.stop();
  await mail?.stop();
});

/** @returns what was stored by the request. */
async function must(method: string, path: string, asked: Parameters<typeof ask>[3]) {
  const { status, body, text } = await ask(server, method, path, asked);
  if (status >= 300) throw new Error(`${method} ${path}: ${text}`);
  return body;
}

async function storeMarkup(): Promise<void> {
  const texts = { title: markup, description: markup, changelog: markup, breaking_changes: markup };
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'a.txt', bytes: '1' }], fields: texts });
  const reason = markup;
  await must('PATCH', '/api/v1/applications/erp', { body: { name: markup, reason } });
  await must('PATCH', '/api/v1/rollouts/1.0.0', { body: { share: 10_000, reason } });
  await must('POST', '/api/v1/invitations', { body: { service_level: 'basic', note: markup } });
  await must('POST', '/api/v1/webhooks', { as: ada.as, body: { url: `${hook.url}/?${encodeURIComponent(markup)}` } });
  const fields = { name: markup, branch: markup.slice(0, 60), operating_system: markup, agent_version: markup.slice(0, 60) };
  const terminal = await newTerminal(server, ada, machine(fields));
  const at = new Date().toISOString();
  const told = { log_output: markup, error_detail: markup, backup_path: markup, version_from: markup.slice(0, 60) };
  const headers = { 'user-agent': markup, 'x-terminal-id': markup };
  for (const as of [terminal.as, nobody]) {
    const event = { event_id: 'e-1', application: 'erp', version_to: '1.0.0', state: 'failed', ...told, at };
    await must('POST', '/api/v1/updates/events', { as, headers, body: { events: [event] } });
    await must('GET', '/api/v1/updates/check?application=erp', { as, headers: { ...headers, 'x-client-version': '1.0.0' } });
  }
  const report = {
    report_id: 'r-1',
    job: markup,
    branch: markup,
    detail: markup,
    state: 'missing',
    interval_seconds: 60,
    grace_seconds: 0,
    at,
  };
  await must('POST', '/api/v1/backups/reports', { as: terminal.as, body: { reports: [report] } });
}

/** Every address that is only read, and a few that are not there. */
async function readable(): Promise<readonly string[]> {
  const { paths } = (await (await server.get('/openapi.json')).json()) as { paths: Record<string, object> };
  const names: Readonly<Record<string, string>> = { version: '1.0.0', file: 'v1.0.0.zip', code: ada.code, id: '1' };
  const encoded = encodeURIComponent(markup);
  return [
    ...Object.entries(paths).flatMap(([path, methods]) =>
      'get' in methods ? [path.replace(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? encoded)] : [],
    ),
    `/${encoded}`,
    `/docs/${encoded}`,
    `/api/v1/releases/${encoded}`,
    `/api/v1/updates/check?version=${encoded}`,
    `/api/v1/customers?search=${encoded}`,
    `/download/${encoded}`,
  ];
}

describe('what was stored with markup in it', () => {
  it('is answered as data that no browser takes for a page', async () => {
    let seen = 0;
    for (const path of await readable()) {
      for (const as of [admin, ada.as]) {
        const answer = await server.get(path, { ...as, accept: 'text/html' });
        const text = await answer.text();
        const { headers } = answer;
        const type = headers.get('content-type') ?? '';
        expect(type, path).toMatch(/^(application\/(problem\+)?json|application\/(zip|octet-stream)|text\/plain)/);
        expect(headers.get('x-content-type-options'), path).toBe('nosniff');
        expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
        if (type.startsWith('text/plain')) expect(text, path).not.toContain('<');
        if (text.includes('<script>')) seen++;
      }
    }
    expect(seen).toBeGreaterThan(8);
  });

  it('goes out in mails as plain text, in one part', async () => {
    const found = await vi.waitFor(
      () => {
        const one = mail.mails.find(({ text = '' }) => text.includes('<script>'));
        if (one === undefined) throw new Error('no mail yet');
        return one;
      },
      { timeout: 60_000, interval: 50 },
    );
    expect(found.html).toBeUndefined();
    expect(found.headers.find(({ key }) => key === 'content-type')?.value).toMatch(/^text\/plain/);
    expect(found.text).toContain('<script>alert(1)</script>');
    expect(found.attachments).toEqual([]);
  });

  it('goes out in webhooks as JSON', async () => {
    await vi.waitFor(() => expect(hook.received.some(({ body }) => body.includes('<script>'))).toBe(true), { timeout: 60_000 });
    for (const { headers, body } of hook.received) {
      expect(headers['content-type']).toBe('application/json');
      expect(JSON.parse(body)).toHaveProperty('kind');
    }
  });
});

describe('the page of the documentation', () => {
  it('shows and loads nothing that the address, the host or a header names', async () => {
    const encoded = encodeURIComponent(markup);
    const queries = [
      '',
      '?url=https://evil.example/x.json',
      '?configUrl=//evil.example/',
      `?${encoded}`,
      `/?${encoded}=${encoded}`,
    ];
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-prefix': `/${encoded}`, referer: 'https://evil.example/' };
    for (const query of queries) {
      const page = await (await server.get(`/docs${query}`, headers)).text();
      expect(page, query).not.toMatch(/evil|alert|7\*7/);
      const loaded = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
      expect(loaded.length).toBeGreaterThan(4);
      for (const address of loaded) expect(address).toMatch(/^(\/docs|\.)\/static\/[\w.-]+$/);
    }
    const start = await (await server.get('/docs/static/swagger-initializer.js')).text();
    expect(start).not.toMatch(/queryConfigEnabled["']?:\s*true/);
  });

  it('runs scripts of this server alone, and no inline ones', async () => {
    const { headers } = await server.get('/docs');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});
