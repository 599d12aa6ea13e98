/** What the server signs for bundles, and the receipts that it takes: against a terminal's own verification. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, nodeFileSystem, openBundleTrust, parseBundle, sealReceipt } from '@remendo/core';
import type { BundleAnswer, BundleIndex, BundleRequest, ReceiptBody } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  admin,
  ask,
  type Identity,
  newCustomer,
  newOperator,
  newTerminal,
  nobody,
  type TestCustomer,
  type TestTerminal,
} from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
let folder: string;
let customer: TestCustomer;
let terminal: TestTerminal;

const text = (version: string): Buffer => Buffer.from(`the application ${version} `.repeat(400));
const publishErp = (version: string, fields: Record<string, string> = {}) =>
  publishOk(server.url, { version, fields, parts: [{ path: 'erp.exe', bytes: text(version) }] });

beforeAll(async () => {
  server = await startTestServer(['--new-application-access', 'licensed']);
  folder = await mkdtemp(join(tmpdir(), 'remendo-bundles-'));
  await publishErp('1.0.0');
  await publishErp('1.1.0', { floor: 'true', changelog: 'a step' });
  await publishErp('1.2.0', { requirements: '{"php":">=8"}' });
  customer = await newCustomer(server);
  terminal = await newTerminal(server, customer);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const make = (request: BundleRequest, as: Identity = admin) => ask(server, 'POST', '/api/v1/bundles', { as, body: request });

async function made(
  request: BundleRequest,
  as: Identity = admin,
): Promise<BundleAnswer & { readonly bundle: ReturnType<typeof parseBundle> }> {
  const { status, body, text: problem } = await make(request, as);
  expect(status, problem).toBe(200);
  return { ...body, bundle: parseBundle(Buffer.from(JSON.stringify(body.description))) };
}

const versionsOf = ({ releases }: BundleIndex) => releases.map(({ version }) => version).sort();
const basesOf = ({ releases }: BundleIndex, version: string) =>
  releases.find((release) => release.version === version)?.plans.map(({ base }) => base?.version ?? null);

describe('a bundle', () => {
  it('is one that a terminal with the shipped root believes, for each of its releases and bases', async () => {
    const { bundle } = await made({ releases: [{ application: 'erp', version: '1.2.0', bases: ['1.1.0'] }] });
    const root = bundle.metadata.get('1.root.json');
    const trust = openBundleTrust(bundle.metadata, {
      fileSystem: nodeFileSystem(),
      clock: { now: Date.now, sleep: async () => {} },
      folder,
      ...(root === undefined ? {} : { root }),
    });
    const [release] = bundle.index.releases;
    const [base] = bundle.index.bases;
    if (release?.plans[0] === undefined || base === undefined) throw new Error('the bundle holds nothing');
    const { target } = release.plans[0];
    const claim = {
      application: 'erp',
      platform: release.platform,
      version: '1.2.0',
      manifestDigest: target.manifest_digest as Digest,
    };
    await trust.verifyRelease({ ...claim, zip: { digest: target.zip.digest as Digest, bytes: target.zip.bytes } });
    await trust.verifyManifest({ ...claim, version: '1.1.0', manifestDigest: base.manifest_digest as Digest });
    expect(release.requirements).toEqual({ php: '>=8' });
    expect((await trust.status()).bundle?.expiresMs).toBeGreaterThan(Date.now() + 89 * 86_400_000);
  });

  it('holds the floors between a base and what was asked for, and leads over them', async () => {
    const { bundle } = await made({ releases: [{ application: 'erp', version: '1.2.0', bases: ['1.0.0'] }] });
    expect(versionsOf(bundle.index)).toEqual(['1.1.0', '1.2.0']);
    expect([basesOf(bundle.index, '1.1.0'), basesOf(bundle.index, '1.2.0')]).toEqual([
      ['1.0.0', null],
      ['1.1.0', null],
    ]);
    expect(bundle.index.releases.find(({ version }) => version === '1.2.0')?.floors).toEqual(['1.1.0']);
  });

  it('leads from every older release when any base is asked for', async () => {
    const { bundle } = await made({ releases: [{ application: 'erp', version: '1.1.0', any_base: true }] });
    expect(basesOf(bundle.index, '1.1.0')).toEqual(['1.0.0', null]);
    expect(bundle.index.bases.map(({ version }) => version)).toEqual(['1.0.0']);
  });

  it('says what it leaves out and why, and is none when that is all', async () => {
    const answer = await made({ releases: [{ application: 'erp', version: '1.1.0', bases: ['0.9.0', '1.2.0'] }] });
    expect(answer.left_out.map(({ version, code }) => [version, code])).toEqual([
      ['0.9.0', 'RELEASE_NOT_FOUND'],
      ['1.2.0', 'REQUEST_INVALID'],
    ]);
    expect((await make({ releases: [{ application: 'erp', version: '9.9.9' }] })).body.code).toBe('RELEASE_NOT_FOUND');
    await publishErp('1.3.0');
    await ask(server, 'PATCH', '/api/v1/releases/1.3.0?application=erp', { body: { state: 'withdrawn', reason: 'bad' } });
    expect((await make({ releases: [{ application: 'erp', version: '1.3.0' }] })).body.code).toBe('RELEASE_NOT_OFFERED');
  });

  it('is made for those who may have the release, and is in the audit', async () => {
    const asked = { releases: [{ application: 'erp', version: '1.0.0' }] };
    for (const as of [customer.as, terminal.as]) await made(asked, as);
    expect((await make(asked, nobody)).status).toBe(401);
    expect((await make(asked, await newOperator(server, 'viola', 'viewer'))).status).toBe(403);
    await ask(server, 'PATCH', `/api/v1/customers/${customer.code}`, { body: { expires_on: '2020-01-01', reason: 'over' } });
    expect((await make(asked, customer.as)).body.code).toBe('LICENSE_EXPIRED');
    await ask(server, 'PATCH', `/api/v1/customers/${customer.code}`, { body: { expires_on: '2099-01-01', reason: 'paid' } });
    const { body } = await ask(server, 'GET', '/api/v1/audit?action=bundle_made');
    expect(body.events.map(({ actor }: { actor: string }) => actor)).toEqual(expect.arrayContaining([terminal.id, customer.code]));
  });
});

describe('a receipt', () => {
  let events = 0;
  const bodyOf = (of: TestTerminal, fields: Partial<ReceiptBody['events'][number]> = {}): ReceiptBody => {
    const at = new Date().toISOString();
    const event = {
      event_id: `stick-${++events}`,
      update_id: 'u1',
      version_from: '1.0.0',
      version_to: '1.1.0',
      state: 'completed' as const,
      at,
      ...fields,
    };
    return { terminal_id: of.id, application: 'erp', platform: 'any', made_at: at, events: [event] };
  };
  const secretOf = (of: TestTerminal): string => of.as['x-api-secret'] ?? '';
  const bring = (receipt: object, as: Identity = admin) =>
    ask(server, 'POST', '/api/v1/updates/receipts', { as, body: { receipt } });

  it('counts once as what the terminal told itself, whoever brings it and however often', async () => {
    const body = bodyOf(terminal);
    const receipt = sealReceipt(body, secretOf(terminal));
    const sibling = await newTerminal(server, customer);
    const answers = [];
    for (const as of [admin, customer.as, sibling.as]) answers.push((await bring(receipt, as)).body);
    expect(answers.map(({ accepted, duplicates }) => [accepted, duplicates])).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
    ]);
    const told = await ask(server, 'POST', '/api/v1/updates/events', {
      as: terminal.as,
      body: { events: body.events.map((event) => ({ ...event, application: 'erp' })) },
    });
    expect(told.body).toMatchObject({ accepted: 0, duplicates: 1 });
    const { body: log } = await ask(server, 'GET', '/api/v1/updates/log?update_id=u1');
    expect(log.events).toMatchObject([{ terminal: terminal.id, is_enrolled: true, state: 'completed', customer: customer.code }]);
  });

  it('that was changed, or made without the secret, is nobody’s word', async () => {
    const receipt = sealReceipt(bodyOf(terminal), secretOf(terminal));
    const changed = { ...receipt, body: receipt.body.replace('completed', 'failed') };
    const sibling = await newTerminal(server, customer);
    const anothers = { ...sealReceipt({ ...bodyOf(terminal) }, secretOf(sibling)) };
    const mixed = sealReceipt(bodyOf(sibling), secretOf(terminal));
    for (const forged of [changed, anothers, mixed, { ...mixed, terminal_id: terminal.id, mac: '0'.repeat(64) }])
      expect((await bring(forged)).body.code).toBe('RECORD_NOT_FOUND');
    const inside = sealReceipt(bodyOf(sibling), secretOf(terminal));
    expect((await bring({ ...inside, terminal_id: terminal.id })).body.code).toBe('REQUEST_INVALID');
  });

  it('of another customer’s terminal is not there for who brings it', async () => {
    const stranger = await newCustomer(server);
    const receipt = sealReceipt(bodyOf(terminal), secretOf(terminal));
    expect((await bring(receipt, stranger.as)).body.code).toBe('RECORD_NOT_FOUND');
    expect((await bring(receipt, nobody)).status).toBe(401);
  });

  it('that holds no events of ours is refused', async () => {
    const broken = sealReceipt({ ...bodyOf(terminal), events: [{ evil: true }] } as never, secretOf(terminal));
    expect((await bring(broken)).body.code).toBe('REQUEST_INVALID');
  });

  it('that holds text which no database takes is refused, though it is hidden in text', async () => {
    const evil = sealReceipt(bodyOf(terminal, { log_output: 'a\0b' }), secretOf(terminal));
    expect((await bring(evil)).body.code).toBe('REQUEST_INVALID');
    const half = sealReceipt(bodyOf(terminal, { error_detail: '\ud83d' }), secretOf(terminal));
    expect((await bring(half)).body.code).toBe('REQUEST_INVALID');
  });

  it('made with the secret of before holds as long as that lets the terminal in', async () => {
    const other = await newTerminal(server, customer);
    const receipt = sealReceipt(bodyOf(other), secretOf(other));
    const renewed = await ask(server, 'POST', `/api/v1/terminals/${other.id}/secret`, { as: other.as, body: {} });
    expect(renewed.status, renewed.text).toBe(201);
    expect((await bring(receipt)).body).toMatchObject({ accepted: 1 });
  });
});
