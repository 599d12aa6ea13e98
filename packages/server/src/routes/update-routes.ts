/** What terminals ask: is there something new, how do I get there, where is a content, which release am I. */
import { type Digest, digestOf, UpdaterError } from '@remendo/core';
import { CheckAnswer, ContentsAnswer, ContentsRequest, IdentifyAnswer, IdentifyRequest, PlanAnswer } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { Type } from 'typebox';
import { checkForUpdate } from '../plans/check-for-update.js';
import { identifyRelease } from '../plans/identify-release.js';
import {
  type BuildRecord,
  findApplication,
  findBuild,
  findOffered,
  findPlatform,
  requireBuild,
} from '../releases/release-records.js';
import { zipName } from '../releases/versions-folder.js';
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
  version,
} from './request-shapes.js';
import { sendObject } from './send-object.js';

/** Answers that are for this caller and may change with the next release. */
const privateCaching = 'private, no-cache';
const VersionParams = Type.Object({ version });

type Asked = ReturnType<typeof askedOf>;

async function findAsked(ports: AppPorts, asked: Asked) {
  const { db } = ports.database;
  const application = await findApplication(db, asked.application, ports.config.defaultApplication);
  return { application, platform: await findPlatform(db, application.id, asked.platform) };
}

async function askedBuild(ports: AppPorts, asked: Asked, of: string): Promise<BuildRecord> {
  return requireBuild(ports.database.db, { ...(await findAsked(ports, asked)), version: of });
}

export function updateRoutes(app: App, ports: AppPorts): void {
  checkRoute(app, ports);
  planRoute(app, ports);
  contentRoutes(app, ports);
  zipRoutes(app, ports);
}

function checkRoute(app: App, ports: AppPorts): void {
  const schema = {
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
      'x-terminal-id': Type.Optional(Type.String({ maxLength: 128 })),
    }),
    response: { 200: CheckAnswer, 304: Type.Null() },
  };
  app.get('/api/v1/updates/check', { schema }, async (request, reply) => {
    const { query, headers } = request;
    const asked = askedOf(request);
    const application = await findApplication(ports.database.db, asked.application, ports.config.defaultApplication);
    const answer = await checkForUpdate(
      { db: ports.database.db, plans: ports.plans },
      {
        application,
        platform: asked.platform,
        version: query.version ?? headers['x-client-version'],
        channel: query.channel ?? headers['x-release-channel'] ?? 'stable',
        codecs: codecsOf(query.codecs),
      },
    );
    const etag = `"${digestOf(JSON.stringify(answer)).slice(0, 32)}"`;
    reply.headers({
      etag,
      'cache-control': privateCaching,
      vary: 'x-client-version, x-release-channel, x-application, x-platform',
    });
    if (isNotModified(headers['if-none-match'] as string | undefined, etag)) return reply.code(304).send(null);
    return answer;
  });
}

function planRoute(app: App, ports: AppPorts): void {
  const schema = {
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
    headers: AskedHeaders,
    response: { 200: PlanAnswer },
  };
  app.get('/api/v1/updates/plan', { schema }, async (request, reply) => {
    const { db } = ports.database;
    const { query } = request;
    const { application, platform } = await findAsked(ports, askedOf(request));
    const target =
      query.target === undefined
        ? await findOffered(db, { applicationId: application.id, platform, channel: query.channel ?? 'stable' })
        : await requireBuild(db, { application, platform, version: query.target });
    if (target === null)
      throw new UpdaterError('RELEASE_NOT_FOUND', `${application.slug} has no release for ${platform} in this channel`);
    const named =
      query.base === undefined ? null : await findBuild(db, { applicationId: application.id, platform, version: query.base });
    const isThatBase = query.base_manifest === undefined || query.base_manifest === named?.manifest_digest;
    reply.header('cache-control', privateCaching);
    return ports.plans.plan(isThatBase ? named : null, target, codecsOf(query.codecs));
  });
}

function contentRoutes(app: App, ports: AppPorts): void {
  const asked = { querystring: AskedQuery, headers: AskedHeaders };
  const contents = { ...asked, body: ContentsRequest, response: { 200: ContentsAnswer } };
  app.post('/api/v1/updates/contents', { schema: contents }, async (request) => {
    const build = await askedBuild(ports, askedOf(request), request.body.version);
    return { contents: await locateContents(ports, build, request.body.contents) };
  });
  const identify = { ...asked, body: IdentifyRequest, response: { 200: IdentifyAnswer } };
  app.post('/api/v1/updates/identify', { schema: identify }, async (request) => {
    const { application, platform } = await findAsked(ports, askedOf(request));
    const { db } = ports.database;
    return identifyRelease(
      { db, manifests: ports.manifests },
      { applicationId: application.id, platform, files: request.body.files },
    );
  });
}

/** Each content of the release in its smallest stored form. @throws UpdaterError REQUEST_INVALID for a content that is not the release's. */
async function locateContents(
  ports: AppPorts,
  build: BuildRecord,
  digests: readonly string[],
): Promise<ContentsAnswer['contents']> {
  const { db } = ports.database;
  const rows = await db
    .selectFrom('content')
    .innerJoin('object', 'object.digest', 'content.object')
    .where('content.sha256', '=', sql<string>`any(${[...new Set(digests)]}::text[])`)
    .where((eb) => eb.or([eb('content.object', '=', build.zip_object), eb('object.kind', '=', 'pack')]))
    .selectAll('content')
    .select('object.bytes as object_bytes')
    .orderBy('content.encoded_bytes')
    .execute();
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
  const schema = { params: VersionParams, querystring: AskedQuery, headers: AskedHeaders };
  app.route({
    method: ['GET', 'HEAD'],
    url: '/api/v1/updates/download/:version',
    schema,
    handler: async (request, reply) => {
      const build = await askedBuild(ports, askedOf(request), request.params.version);
      return sendZip(ports, { request, reply }, build);
    },
  });
  const checksum = { ...schema, response: { 200: Type.Object({ checksum: Type.String() }) } };
  app.get('/api/v1/updates/checksum/:version', { schema: checksum }, async (request) => {
    const build = await askedBuild(ports, askedOf(request), request.params.version);
    return { checksum: `sha256:${build.zip_object}` };
  });
}

/** The full zip of a release; which bytes a version has never changes, whether it is offered may. */
export function sendZip(ports: AppPorts, exchange: Parameters<typeof sendObject>[1], build: BuildRecord) {
  return sendObject(ports.objects, exchange, {
    digest: build.zip_object as Digest,
    bytes: build.zip_bytes,
    contentType: 'application/zip',
    cacheControl: 'public, max-age=300, no-transform',
    fileName: zipName(build),
  });
}
