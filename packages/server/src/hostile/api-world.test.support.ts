/** A server with two customers, and everything of the first that a stranger could ask for by its id. */
import { digestOf } from '@remendo/core';
import type { PublishAnswer } from '@remendo/core/protocol';
import {
  admin,
  ask,
  type Identity,
  machine,
  newCustomer,
  newOperator,
  newTerminal,
  nobody,
  person,
  type TestCustomer,
  type TestTerminal,
} from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

export const principals = ['nobody', 'customer', 'terminal', 'viewer', 'publisher', 'admin'] as const;
export type PrincipalName = (typeof principals)[number];

export interface Operation {
  /** `GET /api/v1/releases/{version}`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly parameters: readonly { readonly in: string; readonly name: string }[];
  /** Of its body as JSON; null: it has none, or a form. */
  readonly bodySchema: unknown;
}

export interface ApiWorld {
  readonly server: TestServer;
  readonly release: PublishAnswer['release'];
  readonly as: Readonly<Record<PrincipalName, Identity>>;
  readonly owner: TestCustomer;
  readonly terminal: TestTerminal;
  /** Another one of the owner's. */
  readonly sibling: TestTerminal;
  readonly stranger: TestCustomer;
  readonly strangersTerminal: TestTerminal;
  /** By tag of the operation: what the owner has there. */
  readonly ids: Readonly<Record<string, string>>;
  readonly keyPrefix: string;
  /** As the API describes itself: a route that is added is in it. */
  readonly operations: readonly Operation[];
}

/** @param mark stands in every text that the owner stores. */
export async function openApiWorld(mark: string): Promise<ApiWorld> {
  const server = await startTestServer(['--new-application-access', 'licensed', '--private-webhooks', 'allowed']);
  const { release } = await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'a.txt', bytes: '1' }] });
  const owner = await newCustomer(server, { company: mark, phone: mark });
  const [terminal, sibling] = [await newTerminal(server, owner), await newTerminal(server, owner, { name: mark, branch: mark })];
  const stranger = await newCustomer(server);
  const as = {
    nobody,
    customer: owner.as,
    terminal: terminal.as,
    viewer: await newOperator(server, 'vera', 'viewer'),
    publisher: await newOperator(server, 'paul', 'publisher'),
    admin,
  };
  return {
    server,
    release,
    as,
    owner,
    terminal,
    sibling,
    stranger,
    strangersTerminal: await newTerminal(server, stranger),
    ids: { ...(await storeRecords(server, owner, sibling, mark)), terminals: sibling.id },
    keyPrefix: owner.as.authorization?.slice('Bearer rk_'.length).split('_')[0] ?? '',
    operations: await operationsOf(server),
  };
}

/** Told by the sibling: the owner's other terminal may not see it either. */
async function storeRecords(server: TestServer, owner: TestCustomer, sibling: TestTerminal, mark: string) {
  const must = async (...asked: Parameters<typeof ask> extends [unknown, ...infer Rest] ? Rest : never) => {
    const answer = await ask(server, ...asked);
    if (answer.status >= 300) throw new Error(`${asked[1]}: ${answer.text}`);
    return answer.body;
  };
  const at = new Date().toISOString();
  const event = {
    event_id: mark,
    application: 'erp',
    version_to: '1.0.0',
    state: 'failed',
    log_output: mark,
    error_detail: mark,
    at,
  };
  await must('POST', '/api/v1/updates/events', { as: sibling.as, body: { events: [event] } });
  const report = { report_id: mark, job: mark, state: 'missing', interval_seconds: 3_600, grace_seconds: 0, detail: mark, at };
  await must('POST', '/api/v1/backups/reports', { as: sibling.as, body: { reports: [report] } });
  const { webhook } = await must('POST', '/api/v1/webhooks', { as: owner.as, body: { url: `http://127.0.0.1:9/${mark}` } });
  const { backups } = await must('GET', '/api/v1/backups', { as: owner.as });
  const { notifications } = await must('GET', '/api/v1/notifications', { as: owner.as });
  return { backups: String(backups[0].id), notifications: String(notifications[0].id), webhooks: String(webhook.id) };
}

async function operationsOf(server: TestServer): Promise<readonly Operation[]> {
  interface Described {
    readonly tags: readonly string[];
    readonly parameters?: Operation['parameters'];
    readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  }
  const { paths } = (await (await server.get('/openapi.json')).json()) as { paths: Record<string, Record<string, Described>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { tags, parameters = [], requestBody }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      // Webhooks are told of under notifications.
      tag: path.split('/')[3] ?? tags[0] ?? '',
      parameters,
      bodySchema: requestBody?.content['application/json']?.schema ?? null,
    })),
  );
}

/** Values that lead to something, by the name of a parameter; an `id` is the tag's. */
export const namesOf = (world: ApiWorld, tag: string): Readonly<Record<string, string>> => ({
  version: '1.0.0',
  file: 'v1.0.0.zip',
  digest: world.release.zip.digest,
  channel: 'stable',
  slug: 'erp',
  application: 'erp',
  name: tag === 'metadata' ? 'timestamp.json' : 'vera',
  token: 'work',
  code: world.owner.code,
  prefix: world.keyPrefix,
  id: world.ids[tag] ?? '1',
});

export const filled = (path: string, names: Readonly<Record<string, string>>): string =>
  path.replace(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? 'missing');

let made = 0;

/** Bodies that their schemas take, by the operation: what has none needs none. */
export const bodies: Readonly<Record<string, (as: PrincipalName) => object>> = {
  'POST /api/v1/updates/events': () => ({
    events: [{ event_id: `e-${++made}`, application: 'erp', state: 'started', at: new Date().toISOString() }],
  }),
  'POST /api/v1/backups/reports': () => ({
    reports: [
      { report_id: `r-${++made}`, job: 'j', state: 'ok', interval_seconds: 60, grace_seconds: 0, at: new Date().toISOString() },
    ],
  }),
  'POST /api/v1/updates/blocks': () => ({
    version: '1.0.0',
    contents: [{ sha256: digestOf('1'), block_bytes: 4_096, digests: '' }],
  }),
  'POST /api/v1/bundles': () => ({ releases: [{ application: 'erp', version: '1.0.0' }] }),
  'POST /api/v1/updates/receipts': () => ({
    receipt: { format: 'remendo-receipt-1', terminal_id: `trm_${'0'.repeat(22)}`, body: '{}', mac: '0'.repeat(64) },
  }),
  'POST /api/v1/updates/contents': () => ({ version: '1.0.0', contents: [digestOf('1')] }),
  'POST /api/v1/updates/identify': () => ({ files: [{ path: 'a.txt', sha256: digestOf('1') }] }),
  'PATCH /api/v1/releases/{version}': () => ({ title: 'x', reason: 'x' }),
  'PATCH /api/v1/rollouts/{version}': () => ({ share: 10_000, reason: 'x' }),
  'PUT /api/v1/channels/{channel}': () => ({ version: '1.0.0', reason: 'x' }),
  'PATCH /api/v1/applications/{slug}': () => ({ name: 'erp', reason: 'x' }),
  'POST /api/v1/register': () => person(),
  'POST /api/v1/mail/confirm': () => ({ code: 'AAAAAAAAAA' }),
  'POST /api/v1/keys': () => ({}),
  'POST /api/v1/customers': () => person(),
  'PATCH /api/v1/customers/{code}': () => ({ phone: '1' }),
  'POST /api/v1/customers/{code}/keys': () => ({}),
  'POST /api/v1/invitations': () => ({ service_level: 'basic' }),
  'POST /api/v1/operators': () => ({ name: `operator-${++made}`, role: 'viewer' }),
  'PATCH /api/v1/operators/{name}': () => ({ reason: 'x' }),
  'POST /api/v1/operators/{name}/tokens': () => ({ name: `token-${++made}` }),
  'POST /api/v1/terminals/enrol': () => machine(),
  'PATCH /api/v1/terminals/{id}': (as) => (as === 'terminal' ? { architecture: 'arm64' } : { name: 'x' }),
  'POST /api/v1/terminals/{id}/secret': () => ({}),
  'PUT /api/v1/terminals/{id}/policies/{application}': () => ({ pinned_version: null, allow_downgrade: false }),
  'POST /api/v1/webhooks': () => ({ url: 'http://127.0.0.1:9/' }),
  'PATCH /api/v1/webhooks/{id}': () => ({ is_enabled: false }),
  'POST /api/v1/metadata': () => ({ metadata: [{ role: 'bin-erp-0', body: '{}' }] }),
  'POST /api/v1/signing/online-keys': () => ({}),
  'POST /api/v1/storage/garbage/collect': () => ({ dry_run: true, reason: 'x' }),
};
