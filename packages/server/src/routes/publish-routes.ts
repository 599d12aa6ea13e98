import { UpdaterError } from '@remendo/core';
import { channels, PublishAnswer, releaseTypes } from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Compile } from 'typebox/compile';
import { requirePublisher } from '../operators/publisher-token.js';
import { type PublishInput, publishRelease, type UploadedZip } from '../releases/publish-release.js';
import { findBuildById } from '../releases/release-records.js';
import { summarizeReleases } from '../releases/summarize-releases.js';
import type { App, AppPorts } from './app-ports.js';
import { withUpload } from './receive-upload.js';
import { slug } from './request-shapes.js';

const slugSchema = Compile(slug);

/** Publishing: the token is asked for before a byte of the body is read. */
export function publishRoutes(app: App, ports: AppPorts): void {
  const onRequest = (request: FastifyRequest) => requirePublisher(ports.database.db, request.headers.authorization);
  app.post('/api/v1/releases', { onRequest, schema: { response: { '2xx': PublishAnswer } } }, async (request, reply) => {
    const answer = await publish(ports, request, (fields) => requiredField(fields, 'application'));
    return reply.code(answer.already_published ? 200 : 201).send(answer);
  });
  if (ports.config.oldApi === 'off') return;
  app.post('/upload_update', { onRequest, schema: { response: { 200: PublishAnswer } } }, async (request) =>
    publish(ports, request, async (fields) => fields.get('application') ?? (await defaultSlug(ports))),
  );
}

type Fields = ReadonlyMap<string, string>;

async function publish(
  ports: AppPorts,
  request: FastifyRequest,
  applicationOf: (fields: Fields) => string | Promise<string>,
): Promise<PublishAnswer> {
  const { database, objects, deltas, versions, config } = ports;
  return withUpload(request, { folder: ports.uploadsFolder, bytesMax: config.uploadBytesMax }, async ({ fields, zip }) => {
    const input = readFields(fields, zip, await applicationOf(fields));
    const recorded = await publishRelease({ database, objects, deltas, deltaBases: config.deltaBases }, input);
    await versions.write();
    const build = await findBuildById(database.db, recorded.buildId);
    const [release] = build === null ? [] : await summarizeReleases(database.db, [build]);
    if (release === undefined) throw new UpdaterError('SERVER_FAILED', 'the release that was just recorded is gone');
    request.log.info(
      { event: 'release_published', application: release.application, version: release.version },
      'release published',
    );
    return { success: true, already_published: recorded.alreadyPublished, release };
  });
}

/** Where the old upload goes, which names no application. */
async function defaultSlug(ports: AppPorts): Promise<string> {
  const first = await ports.database.db.selectFrom('application').select('slug').orderBy('id').limit(1).executeTakeFirst();
  const found = ports.config.defaultApplication ?? first?.slug;
  if (found === undefined)
    throw new UpdaterError('REQUEST_INVALID', 'the form has no field application, and there is no default application yet');
  return found;
}

function readFields(fields: Fields, zip: UploadedZip, application: string): PublishInput {
  return {
    zip,
    application: slugField('application', application),
    platform: slugField('platform', fields.get('platform') ?? 'any'),
    version: fields.get('version'),
    fields: {
      type: oneOfField(fields, 'type', releaseTypes) ?? oneOfField(fields, 'channel', channels) ?? 'stable',
      title: fields.get('title') ?? '',
      description: fields.get('description') ?? '',
      changelog: fields.get('changelog') ?? '',
      breakingChanges: fields.get('breaking_changes') ?? '',
      requiresBackup: booleanField(fields, 'requires_backup', true),
      requiresDowntime: booleanField(fields, 'requires_downtime', false),
      rollbackCompatible: booleanField(fields, 'rollback_compatible', true),
      mandatory: booleanField(fields, 'mandatory', false),
    },
  };
}

const wrongField = (name: string, expected: string): UpdaterError =>
  new UpdaterError('REQUEST_INVALID', `the field ${name} has to be ${expected}`, { details: { field: name } });

function requiredField(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw new UpdaterError('REQUEST_INVALID', `the form has no field ${name}`, { details: { field: name } });
  return value;
}

function slugField(name: string, value: string): string {
  if (!slugSchema.Check(value)) throw wrongField(name, 'lower-case letters, digits and - . _ between them, at most 64');
  return value;
}

function oneOfField<const T extends readonly string[]>(fields: Fields, name: string, values: T): T[number] | undefined {
  const value = fields.get(name);
  if (value !== undefined && !values.includes(value)) throw wrongField(name, `one of ${values.join(', ')}`);
  return value;
}

function booleanField(fields: Fields, name: string, fallback: boolean): boolean {
  const value = oneOfField(fields, name, ['true', 'false']);
  return value === undefined ? fallback : value === 'true';
}
