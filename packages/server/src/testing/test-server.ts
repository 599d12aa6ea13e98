/** A real server on a free port and a folder of its own, inside the test's process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PublishAnswer, ReleaseSummary } from '@remendo/core/protocol';
import { vi } from 'vitest';
import { readConfig } from '../config.js';
import type { AppPorts } from '../routes/app-ports.js';
import { startServer } from '../start-server.js';
import { createTestLog } from './test-log.js';
import { newTestPostgres } from './test-postgres.test.support.js';
import { recordSecrets, secretsIn } from './test-record.js';
import { type ZipPart, zipOf } from './zip-of.js';

export const testToken = 'a-token-for-tests-only-0123456789';

export interface TestServer {
  readonly url: string;
  readonly dataFolder: string;
  readonly ports: AppPorts;
  /** Lines of its log until now, from level debug on. */
  readonly logged: readonly string[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: unknown): Promise<Response>;
  stop(): Promise<void>;
}

export const newDataFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'remendo-server-'));

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 20 });

/** Tests ask from one address, and often. */
export const unlimited = ['requests', 'checks', 'sign-ins'].flatMap((what) => [`--${what}-per-minute`, '1000000']);

/**
 * Applications are public unless the arguments say otherwise. Nothing comes by itself at its time of day: tests make their data
 * old, and what is done at night would take it away from them. `REMENDO_TEST_DATABASE=postgres` puts a database of PostgreSQL
 * behind it.
 */
export async function startTestServer(args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<TestServer> {
  const dataFolder = await newDataFolder();
  const postgres = process.env.REMENDO_TEST_DATABASE === 'postgres' ? await newTestPostgres() : null;
  const database =
    postgres === null ? {} : { REMENDO_DATABASE_URL: postgres.url, REMENDO_KEY_PASSPHRASE: 'a-passphrase-for-tests-only' };
  const always = ['--data', dataFolder, '--port', '0', '--new-application-access', 'public', ...unlimited];
  const variables = { REMENDO_TOKEN: testToken, ...database, ...environment };
  recordSecrets(secretsIn(variables));
  const config = readConfig([...always, ...args], variables);
  if (config === 'shown') throw new Error('no help was asked for');
  const { log, lines } = createTestLog();
  const onBroken = (error: Error): never => {
    throw error;
  };
  const server = await startServer({ config, log, onBroken, isTimed: false });
  return {
    url: server.url,
    dataFolder,
    ports: server.ports,
    logged: lines,
    get: (path, headers = {}) => fetch(server.url + path, { headers }),
    post: (path, body) =>
      fetch(server.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    async stop() {
      await server.close();
      await postgres?.remove();
      await removeFolder(dataFolder);
    },
  };
}

export interface TestRelease {
  readonly version: string;
  readonly application?: string;
  readonly parts?: readonly ZipPart[];
  /** Instead of parts. */
  readonly zip?: Uint8Array<ArrayBuffer>;
  readonly fileName?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly token?: string | null;
}

export function releaseForm(release: TestRelease): FormData {
  const form = new FormData();
  form.set('application', release.application ?? 'erp');
  form.set('version', release.version);
  for (const [name, value] of Object.entries(release.fields ?? {})) form.set(name, value);
  form.set('file', new Blob([release.zip ?? zipOf(release.parts ?? [])]), release.fileName ?? 'release.zip');
  return form;
}

export function publish(url: string, release: TestRelease): Promise<Response> {
  const token = release.token === undefined ? testToken : release.token;
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${url}/api/v1/releases`, { method: 'POST', headers, body: releaseForm(release) });
}

export async function publishOk(url: string, release: TestRelease): Promise<PublishAnswer> {
  const answer = await publish(url, release);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`publishing ${release.version} was refused: ${text}`);
  return JSON.parse(text) as PublishAnswer;
}

/** The release once no delta to it is wanted or being built any more. */
export function deltasSettled(url: string, version: string, application = 'erp'): Promise<ReleaseSummary> {
  return vi.waitFor(
    async () => {
      const headers = { authorization: `Bearer ${testToken}` };
      const answer = await fetch(`${url}/api/v1/releases/${version}?application=${application}`, { headers });
      const release = (await answer.json()) as ReleaseSummary;
      const open = release.deltas.filter(({ state, refining }) => state === 'wanted' || state === 'building' || refining === true);
      if (open.length > 0) throw new Error(`${open.length} deltas to ${version} are not built yet`);
      return release;
    },
    { timeout: 170_000, interval: 50 },
  );
}

/** The code of a problem answer, with the shape every one of them must have. */
export async function problemOf(answer: Response): Promise<{ readonly status: number; readonly code: string }> {
  const body = (await answer.json()) as Record<string, unknown>;
  const { type, title, status, code, request_id: requestId } = body;
  const wellFormed =
    answer.headers.get('content-type')?.startsWith('application/problem+json') &&
    type === 'about:blank' &&
    typeof title === 'string' &&
    status === answer.status &&
    typeof code === 'string' &&
    typeof requestId === 'string';
  if (!wellFormed) throw new Error(`not a problem of RFC 9457: ${answer.status} ${JSON.stringify(body)}`);
  return { status: answer.status, code: String(code) };
}
