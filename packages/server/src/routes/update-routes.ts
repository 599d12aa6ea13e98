/** What terminals ask: is there something new, how do I get there, where is a content, which release am I. */
import { type Channel, type Digest, type OfferTerminal, UpdaterError } from '@remendo/core';
import { CheckAnswer, ContentsAnswer, ContentsRequest, IdentifyAnswer, IdentifyRequest, PlanAnswer } from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { Principal } from '../accounts/principal.js';
import { checkForUpdate } from '../plans/check-for-update.js';
import { identifyRelease } from '../plans/identify-release.js';
import type { CatalogueView } from '../releases/catalogue.js';
import { findUsable } from '../releases/object-use.js';
import { type Licensed, mayKnow, requireAccess, requireBuild, requireOffered } from '../releases/release-access.js';
import type { ApplicationRecord, BuildRecord } from '../releases/release-records.js';
import { zipName } from '../releases/versions-folder.js';
import { readZipSignature } from '../releases/zip-signature.js';
import { terminalKeyOf } from '../terminals/sightings.js';
import type { App, AppPorts } from './app-ports.js';
import { isNotModified } from './byte-range.js';
import {
  AskedHeaders,
  AskedQuery,
  askedHeaders,
  askedOf,
  askedQuery,
  channel,
  codecs,
  codecsOf,
  digest,
  terminalName,
  version,
} from './request-shapes.js';
import { objectAnswers, sendObject } from './send-object.js';

/** Answers that are for this caller and may change with the next release. */
const privateCaching = 'private, no-cache';
const VersionParams = Type.Object({ version });

/** What a request is about, when who asks may have it. */
interface Asked {
  readonly view: CatalogueView;
  readonly application: ApplicationRecord;
  readonly platform: string;
  readonly licensed: Licensed;
}

/** @throws UpdaterError AUTH_REQUIRED, APPLICATION_NOT_FOUND, REQUEST_INVALID. */
export async function findAsked(ports: AppPorts, request: FastifyRequest): Promise<Asked> {
  const view = await ports.catalogue.view();
  const { application: slug, platform } = askedOf(request as Parameters<typeof askedOf>[0]);
  const application = view.application(slug);
  const licensed = requireAccess(request.principal, application, ports.config.licenseGraceDays);
  return { view, application, platform: view.platform(application, platform), licensed };
}

export function updateRoutes(app: App, ports: AppPorts): void {
  checkRoute(app, ports);
  planRoute(app, ports);
  contentRoutes(app, ports);
  zipRoutes(app, ports);
}

function checkRoute(app: App, ports: AppPorts): void {
  const schema = {
    tags: ['updates'],
    summary: 'Is there something new for this terminal?',
    querystring: Type.Object({
      ...askedQuery,
      version: Type.Optional(version),
      channel: Type.Optional(channel),
      codecs: Type.Optional(codecs),
    }),
    headers: Type.Object({
      ...askedHeaders,
      'x-client-version': Type.Optional(version),
      'x-release-channel': Type.Optional(channel),
      'x-terminal-id': terminalName,
    }),
    response: { 200: CheckAnswer, 304: Type.Null() },
  };
  app.get('/api/v1/updates/check', { schema, config: { countedAs: 'check' } }, async (request, reply) => {
    const { query, headers, principal, ip } = request;
    const asked = await findAsked(ports, request);
    const { view, application, licensed } = asked;
    const askedChannel = query.channel ?? headers['x-release-channel'] ?? 'stable';
    const name = headers['x-terminal-id'];
    const prepared = await checkForUpdate(view, ports.plans, {
      application,
      platform: asked.platform,
      version: query.version ?? headers['x-client-version'],
      channel: askedChannel,
      codecs: codecsOf(query.codecs),
      terminal: offerTerminal(principal, application, name),
      refusal: licensed.kind === 'ended' ? licensed.reason : null,
    });
    const { platform, version } = prepared;
    ports.sightings.record({
      applicationId: application.id,
      platform,
      version,
      channel: askedChannel,
      principal,
      terminalName: name,
      address: ip,
    });
    ports.metrics.checkAnswered(prepared.outcome);
    reply.headers({
      etag: prepared.etag,
      'cache-control': privateCaching,
      vary: 'authorization, x-client-version, x-release-channel, x-application, x-platform, x-terminal-id',
    });
    if (isNotModified(headers['if-none-match'] as string | undefined, prepared.etag)) return reply.code(304).send(null);
    // It was written when the first terminal of this kind asked; the schema describes it.
    return reply.type('application/json; charset=utf-8').send(prepared.body as never);
  });
}

/** Only what an operator set for an enrolled terminal counts: anybody can name a ring. */
function offerTerminal(principal: Principal, { id }: ApplicationRecord, name: string | undefined): Omit<OfferTerminal, 'version'> {
  if (principal.kind !== 'terminal') {
    const key = name === undefined ? null : terminalKeyOf(principal, name, '');
    return { key, group: null, ring: null, pinnedVersion: null, allowDowngrade: false, blocked: [] };
  }
  const { terminal } = principal;
  const policy = terminal.policies.get(id) ?? { pinnedVersion: null, allowDowngrade: false, blocked: [] };
  return { key: terminal.id, group: terminal.group, ring: terminal.ring, ...policy };
}

function planRoute(app: App, ports: AppPorts): void {
  const schema = {
    tags: ['updates'],
    summary: 'The best plans from what the terminal has to a release',
    querystring: Type.Object({
      ...askedQuery,
      base: Type.Optional(version),
      /** Digest of the manifest that the terminal has; another one than the known base's means: not that base. */
      base_manifest: Type.Optional(digest),
      target: Type.Optional(version),
      channel: Type.Optional(channel),
      /** Of patches that the terminal can apply: plans have no others. */
      codecs: Type.Optional(codecs),
    }),
    headers: Type.Object({ ...askedHeaders, 'x-terminal-id': terminalName }),
    response: { 200: PlanAnswer },
  };
  app.get('/api/v1/updates/plan', { schema, config: { countedAs: 'plan' } }, async (request, reply) => {
    const { query, principal } = request;
    const asked = await findAsked(ports, request);
    const { view, application, platform } = asked;
    const target =
      query.target === undefined
        ? newestFor(asked, query.channel ?? 'stable')
        : requireBuild(view, principal, { application, platform, version: query.target });
    requireOffered(target, principal, asked.licensed);
    const named = query.base === undefined ? null : view.findBuild(application, platform, query.base);
    const isThatBase = query.base_manifest === undefined || query.base_manifest === named?.manifest_digest;
    const base = isThatBase && named !== null && mayKnow(named, principal) ? named : null;
    if (base !== null) await ports.deltaWishes.wish(base, target);
    reply.header('cache-control', privateCaching);
    return ports.plans.plan(view, { base, target, codecs: codecsOf(query.codecs) });
  });
}

function newestFor({ view, application, platform }: Asked, channelName: Channel): BuildRecord {
  const newest = view.newestPublished(application, platform, channelName);
  if (newest !== null) return newest;
  throw new UpdaterError('RELEASE_NOT_FOUND', `${application.slug} has no release for ${platform} in this channel`);
}

function contentRoutes(app: App, ports: AppPorts): void {
  const asked = { tags: ['updates'], querystring: AskedQuery, headers: AskedHeaders };
  const contents = {
    ...asked,
    summary: 'Where single contents of a release lie whole',
    body: ContentsRequest,
    response: { 200: ContentsAnswer },
  };
  app.post('/api/v1/updates/contents', { schema: contents }, async (request) => {
    const { licensed, ...asked } = await findAsked(ports, request);
    const build = requireBuild(asked.view, request.principal, { ...asked, version: request.body.version });
    return { contents: await locateContents(ports, { build, licensed }, request.body.contents) };
  });
  const identify = {
    ...asked,
    summary: 'Which release an install is, by what its files hold',
    body: IdentifyRequest,
    response: { 200: IdentifyAnswer },
  };
  app.post('/api/v1/updates/identify', { schema: identify }, async (request) => {
    const { view, application, platform } = await findAsked(ports, request);
    const builds = view.releases(application, platform).builds.filter((build) => mayKnow(build, request.principal));
    const reading = { db: ports.database.db, manifests: ports.manifests };
    const candidates = await identifyRelease(reading, builds, request.body.files);
    return { application: application.slug, platform, candidates };
  });
}

/** Each content of the release in its smallest stored form. @throws UpdaterError REQUEST_INVALID for a content that is not the release's. */
async function locateContents(
  ports: AppPorts,
  { build, licensed }: { readonly build: BuildRecord; readonly licensed: Licensed },
  digests: readonly string[],
): Promise<ContentsAnswer['contents']> {
  const { db } = ports.database;
  const found = await db
    .selectFrom('content')
    .innerJoin('object', 'object.digest', 'content.object')
    .where('content.sha256', '=', sql<string>`any(${[...new Set(digests)]}::text[])`)
    .where((eb) => eb.or([eb('content.object', '=', build.zip_object), eb('object.kind', '=', 'pack')]))
    .selectAll('content')
    .select('object.bytes as object_bytes')
    .orderBy('content.encoded_bytes')
    .execute();
  // After the end of a licence installs are still repaired, from the zip they came from: see release-access.ts.
  const packs = licensed.kind === 'served' ? found.map(({ object }) => object) : [];
  const usable = await findUsable(db, build, packs);
  const rows = found.filter(({ object }) => object === build.zip_object || usable.has(object));
  const ofRelease = new Set(rows.filter((row) => row.object === build.zip_object).map((row) => row.sha256));
  return digests.map((sha256) => {
    const row = rows.find((candidate) => candidate.sha256 === sha256);
    if (row === undefined || !ofRelease.has(sha256)) {
      throw new UpdaterError('REQUEST_INVALID', `${sha256} is not a content of ${build.application} ${build.version}`, {
        details: { sha256 },
      });
    }
    return row;
  });
}

function zipRoutes(app: App, ports: AppPorts): void {
  const schema = { tags: ['updates'], params: VersionParams, querystring: AskedQuery, headers: AskedHeaders };
  app.route({
    method: ['GET', 'HEAD'],
    url: '/api/v1/updates/download/:version',
    config: { countedAs: 'zip' },
    schema: { ...schema, summary: 'The full zip of a release', response: objectAnswers('application/zip') },
    handler: async (request, reply) => {
      const { licensed, ...asked } = await findAsked(ports, request);
      const build = requireBuild(asked.view, request.principal, { ...asked, version: request.params.version });
      requireOffered(build, request.principal, licensed);
      return sendZip(ports, { request, reply }, build);
    },
  });
  const checksum = {
    ...schema,
    summary: 'SHA-256 of the full zip of a release',
    response: { 200: Type.Object({ checksum: Type.String() }) },
  };
  app.get('/api/v1/updates/checksum/:version', { schema: checksum }, async (request) => {
    const asked = await findAsked(ports, request);
    const build = requireBuild(asked.view, request.principal, { ...asked, version: request.params.version });
    return { checksum: `sha256:${build.zip_object}` };
  });
  const signature = {
    ...schema,
    summary: 'Detached OpenPGP signature of the full zip of a release, armored',
    response: { 200: { description: 'The signature', content: { 'application/pgp-signature': { schema: { type: 'string' } } } } },
  };
  app.get('/api/v1/updates/signature/:version', { schema: signature }, async (request, reply) => {
    const asked = await findAsked(ports, request);
    const build = requireBuild(asked.view, request.principal, { ...asked, version: request.params.version });
    const armored = await readZipSignature(ports.database.db, build);
    return reply.type('application/pgp-signature').send(armored);
  });
}

/** The full zip of a release; which bytes a version has never changes, whether it is offered may. */
export function sendZip(ports: AppPorts, exchange: Parameters<typeof sendObject>[1], build: BuildRecord) {
  return sendObject(ports, exchange, {
    digest: build.zip_object as Digest,
    bytes: build.zip_bytes,
    contentType: 'application/zip',
    cacheControl: 'private, max-age=300, no-transform',
    fileName: zipName(build),
  });
}
