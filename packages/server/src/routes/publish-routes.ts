import { UpdaterError } from '@remendo/core';
import { channels, GroupNames, PublishAnswer, Requirements, releaseTypes } from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { isUnstorable } from '../plugins/request-text.js';
import { type PublishInput, publishRelease, type UploadedZip } from '../releases/publish-release.js';
import { findBuildById } from '../releases/release-records.js';
import { summarizeReleases } from '../releases/summarize-releases.js';
import { readOpenPgpKeys } from '../releases/zip-signature.js';
import type { App, AppPorts } from './app-ports.js';
import { withUpload } from './receive-upload.js';
import { slug } from './request-shapes.js';

const slugSchema = Compile(slug);
const groupNames = Compile(GroupNames);
const requirements = Compile(Requirements);

/** Publishing: the token is asked for before a byte of the body is read. */
export function publishRoutes(app: App, ports: AppPorts): void {
  const onRequest = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'publisher');
  app.post(
    '/api/v1/releases',
    {
      onRequest,
      config: { form: ReleaseForm },
      schema: { ...form, summary: 'Publishes a version', response: { '2xx': PublishAnswer } },
    },
    async (request, reply) => {
      const answer = await publish(ports, request, (fields) => requiredField(fields, 'application'));
      return reply.code(answer.already_published ? 200 : 201).send(answer);
    },
  );
  if (ports.config.oldApi === 'off') return;
  app.post(
    '/upload_update',
    {
      onRequest,
      config: { form: ReleaseForm },
      schema: { ...form, summary: 'Publishes a version, at the old address', response: { 200: PublishAnswer } },
    },
    async (request) => publish(ports, request, async (fields) => fields.get('application') ?? (await defaultSlug(ports))),
  );
}

const form = { tags: ['releases'], consumes: ['multipart/form-data'] };

/** Fields of a form are text; this describes them, and `readFields` reads them. */
const text = Type.Optional(Type.String({ maxLength: 65_536 }));
const oneOf = (values: readonly string[]) => Type.Optional(Type.Unsafe<string>({ type: 'string', enum: [...values] }));
const flag = oneOf(['true', 'false']);
const ReleaseForm = Type.Object({
  file: Type.String({ format: 'binary', description: 'The zip' }),
  application: Type.Optional(slug),
  version: Type.Optional(Type.String({ maxLength: 64, description: "Left out: from the file's name, as v1.0.1.zip" })),
  platform: Type.Optional(slug),
  type: oneOf(releaseTypes),
  channel: oneOf(channels),
  state: oneOf(['draft', 'testing', 'published']),
  title: text,
  description: text,
  changelog: text,
  breaking_changes: text,
  requires_backup: flag,
  requires_downtime: flag,
  rollback_compatible: flag,
  mandatory: flag,
  floor: flag,
  requirements: Type.Optional(Type.String({ maxLength: 65_536, description: 'JSON: component to semver range' })),
  rollout_share: Type.Optional(Type.String({ pattern: '^\\d{1,5}$', description: 'Of 10000' })),
  rollout_groups: Type.Optional(Type.String({ maxLength: 65_536, description: 'Comma between' })),
  rollout_rings: Type.Optional(Type.String({ maxLength: 65_536, description: 'Comma between' })),
  access: oneOf(['public', 'licensed']),
  zip_signature: Type.Optional(
    Type.String({ maxLength: 65_536, description: 'Detached OpenPGP signature of the zip: armored, or binary in base64' }),
  ),
});

type Fields = ReadonlyMap<string, string>;

async function publish(
  ports: AppPorts,
  request: FastifyRequest,
  applicationOf: (fields: Fields) => string | Promise<string>,
): Promise<PublishAnswer> {
  const { database, changes, objects, queue, signer, versions, config } = ports;
  return withUpload(request, { folder: ports.uploadsFolder, bytesMax: config.uploadBytesMax }, async ({ fields, zip }) => {
    const input = readFields(fields, zip, { application: await applicationOf(fields), access: config.newApplicationAccess });
    const openPgpKeys = await readOpenPgpKeys(config);
    const publishing = { database, changes, objects, queue, signer, deltaBases: config.deltaBases, openPgpKeys };
    const recorded = await publishRelease(publishing, input, actorOf(request));
    await versions.write();
    await ports.metadata.write();
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
  const [first] = (await ports.catalogue.view()).applications;
  const found = ports.config.defaultApplication ?? first?.slug;
  if (found === undefined)
    throw new UpdaterError('REQUEST_INVALID', 'the form has no field application, and there is no default application yet');
  return found;
}

interface Destination {
  readonly application: string;
  readonly access: 'public' | 'licensed';
}

function readFields(fields: Fields, zip: UploadedZip, { application, access }: Destination): PublishInput {
  return {
    zip,
    application: slugField('application', application),
    platform: slugField('platform', fields.get('platform') ?? 'any'),
    version: fields.get('version'),
    zipSignature: fields.get('zip_signature'),
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
      isFloor: booleanField(fields, 'floor', false),
      requirements: requirementsField(fields),
      state: oneOfField(fields, 'state', ['draft', 'testing', 'published']) ?? 'published',
      rollout: {
        share: shareField(fields),
        groups: namesField(fields, 'rollout_groups'),
        rings: namesField(fields, 'rollout_rings'),
      },
      access: oneOfField(fields, 'access', ['public', 'licensed']) ?? access,
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

/** 0 … 10,000 of 10,000. */
function shareField(fields: Fields): number {
  const text = fields.get('rollout_share') ?? '10000';
  const share = Number(text);
  if (!/^\d{1,5}$/.test(text) || share > 10_000) throw wrongField('rollout_share', 'a whole number from 0 to 10000');
  return share;
}

/** Names with a comma between. */
function namesField(fields: Fields, name: string): readonly string[] {
  const names = (fields.get(name) ?? '').split(',').filter((part) => part !== '');
  if (!groupNames.Check(names)) throw wrongField(name, 'at most 100 names of at most 64 characters, commas between');
  return names;
}

function requirementsField(fields: Fields): Readonly<Record<string, string>> {
  const text = fields.get('requirements') ?? '{}';
  try {
    const value: unknown = JSON.parse(text);
    if (requirements.Check(value) && !isUnstorable(value)) return value;
  } catch {
    // Told below, like any other mistake.
  }
  throw wrongField('requirements', 'JSON like {"php":">=8.2"}, a range of semver for each component');
}
