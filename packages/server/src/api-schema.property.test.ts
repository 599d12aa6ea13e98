/**
 * Every operation of the API, asked by everybody with what its own schema makes: the server never fails, and what it
 * refuses leaves no trace.
 */
import { digestOf, errorCatalogue } from '@remendo/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FuzzRequest, type Known, type Operation, requestOf } from './testing/request-fuzz.js';
import { admin, ask, type Identity, newCustomer, newOperator, newTerminal, nobody } from './testing/test-accounts.js';
import { deltasSettled, publishOk, startTestServer, type TestServer } from './testing/test-server.js';

const seed =
  process.env.REMENDO_TEST_SEED === undefined ? Date.now() % 1_000_000_000 : Number.parseInt(process.env.REMENDO_TEST_SEED, 10);
const requestsEach = 16;

interface Asked {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

let server: TestServer;
let operations: readonly Asked[];
let identities: Readonly<Record<string, Identity>>;
let known: Known;

beforeAll(async () => {
  server = await startTestServer(['--upload-bytes-max', '100000', '--private-webhooks', 'allowed']);
  const releases = [];
  for (const version of ['1.0.0', '1.1.0'])
    releases.push((await publishOk(server.url, { version, parts: [{ path: 'a.txt', bytes: version }] })).release);
  await deltasSettled(server.url, '1.1.0');
  const [customer, other] = [await newCustomer(server), await newCustomer(server)];
  const [terminal, second] = [await newTerminal(server, customer), await newTerminal(server, other)];
  identities = {
    nobody,
    customer: customer.as,
    terminal: terminal.as,
    viewer: await newOperator(server, 'watcher', 'viewer'),
    publisher: await newOperator(server, 'releaser', 'publisher'),
    admin,
  };
  const versions = ['1.0.0', '1.1.0', 'v1.1.0'];
  const report = {
    report_id: 'r-1',
    job: 'nightly',
    state: 'ok',
    interval_seconds: 3_600,
    grace_seconds: 600,
    at: new Date().toISOString(),
  };
  await ask(server, 'POST', '/api/v1/backups/reports', { as: terminal.as, body: { reports: [report] } });
  known = {
    application: ['erp'],
    slug: ['erp'],
    platform: ['any'],
    channel: ['stable', 'development'],
    version: versions,
    'client-version': versions,
    base: versions,
    target: versions,
    pinned_version: ['1.0.0'],
    version_from: ['1.0.0'],
    version_to: ['1.1.0'],
    file: ['v1.0.0.zip', 'v1.1.0.zip', '1.1.0.zip'],
    digest: releases.flatMap(({ zip, manifest_digest }) => [zip.digest, manifest_digest]),
    contents: [digestOf('1.1.0')],
    sha256: [digestOf('1.1.0')],
    path: ['a.txt'],
    code: [other.code],
    customer: [other.code],
    email: [other.email, 'somebody@example.com'],
    // Of a terminal; others are numbers.
    id: [second.id, '1', '2'],
    terminal: [second.id],
    name: ['watcher', 'somebody'],
    token: ['work'],
    expires_on: ['2031-01-31'],
    allowed_addresses: ['192.0.2.0/24', '2001:db8::/32', '127.0.0.1', '::1'],
    // Nobody listens there.
    url: ['http://127.0.0.1:9/hook'],
    // One that leads somewhere; NUL; no UTF-8.
    after: ['MQ', 'AA', 'gICA'],
    groups: ['pilots'],
    rings: ['inner'],
    state: ['published', 'deprecated', 'paused', 'running'],
  };
  const { paths } = (await (await server.get('/openapi.json')).json()) as { paths: Record<string, Record<string, Operation>> };
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method} ${path}`,
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
  // What takes something away comes last: the others need it to be there.
  const takes = ({ method, path }: Asked) => method === 'DELETE' || path === '/api/v1/keys';
  operations = [...all.filter((each) => !takes(each)), ...all.filter(takes)];
});

afterAll(() => server?.stop());

/** What jobs and answered questions write by themselves, and the audit. */
const ownWrites = 'audit_event change sighting rate_limit delta patch object_use notification notification_delivery watch'.split(
  ' ',
);
const ownColumns = ['last_seen_at', 'last_check_at', 'last_address', 'is_silent', 'link_bytes_per_second'];

/** The server goes on to plan for a terminal that had its answer: what an index of a plan is stored for was no request's doing. */
const rowsOf = (name: string) => (name === 'object' ? sql`(select * from object where kind <> 'index')` : sql.table(name));

/** By table: how many rows, and what changes with each of them. */
async function stored(): Promise<Readonly<Record<string, string>>> {
  const { db } = server.ports.database;
  const { rows: tables } = await sql<{ name: string }>`select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'kysely%' order by 1`.execute(db);
  const prints = tables
    .filter(({ name }) => !ownWrites.includes(name))
    .map(
      ({ name }) => sql`
    select ${name}::text as name, count(*) || ' ' || md5(coalesce(string_agg(line, ' ' order by line), '')) as print
    from (select (to_jsonb(t) - ${sql.lit(`{${ownColumns.join(',')}}`)}::text[])::text as line from ${rowsOf(name)} as t) as lines`,
    );
  const { rows } = await sql<{ name: string; print: string }>`${sql.join(prints, sql` union all `)}`.execute(db);
  return Object.fromEntries(rows.map(({ name, print }) => [name, print]));
}

const send = (method: string, { path, headers, body }: FuzzRequest, as: Identity) =>
  fetch(server.url + path, { method, headers: { ...headers, ...as }, redirect: 'manual', ...(body === undefined ? {} : { body }) });

/** @returns its status. */
async function refusedWell(answer: Response): Promise<number> {
  const text = await answer.text();
  expect(answer.status, text).toBeLessThan(500);
  if (answer.status < 400) return answer.status;
  const { code, status, title, detail = '' } = JSON.parse(text) as { code: string; status: number; title: string; detail?: string };
  expect(Object.keys(errorCatalogue)).toContain(code);
  expect({ status, type: answer.headers.get('content-type') }).toEqual({
    status: answer.status,
    type: expect.stringContaining('application/problem+json'),
  });
  expect(title.length).toBeGreaterThan(0);
  expect(detail).not.toMatch(/\bselect\b|\binsert\b|node_modules|\/src\/|\/dist\//i);
  return answer.status;
}

describe(`the server answers whatever it is asked (REMENDO_TEST_SEED=${seed})`, () => {
  it('with a value or a refusal, and what it refuses changes nothing', { timeout: 600_000 }, async () => {
    const statuses = new Map<string, Set<number>>();
    const failures: string[] = [];
    let before = await stored();
    for (const [index, { name, method, path, operation }] of operations.entries()) {
      const seen = new Set<number>();
      statuses.set(name, seen);
      const property = fc.asyncProperty(
        fc.constantFrom(...Object.keys(identities)),
        requestOf(path, operation, known),
        async (who, request) => {
          const status = await refusedWell(await send(method, request, identities[who] ?? nobody));
          seen.add(status);
          const after = await stored();
          const changed = Object.keys(after).filter((table) => after[table] !== before[table]);
          if (status >= 400) expect(changed, `${status} and something was stored`).toEqual([]);
          before = after;
        },
      );
      // Each has draws of its own: else one seed has the same few ask everything, and nobody who may.
      await fc
        .assert(property, { seed: seed + index, numRuns: requestsEach, endOnFailure: true, includeErrorInReport: true })
        .catch((cause: unknown) => {
          throw new Error(`REMENDO_TEST_SEED=${seed} ${name}: ${(cause as Error).message}`, { cause });
        });
    }
    expect(failures).toEqual([]);
    // The generator makes what is taken too: else nothing but the first check would be tried.
    const taken = [...statuses.values()].filter((seen) => [...seen].some((status) => status < 400));
    expect(taken.length).toBeGreaterThan(operations.length / 2);
  });
});
