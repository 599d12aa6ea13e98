/** What the server says about a release, as far as the publisher's commands show it; checked before it is believed. */
import { UpdaterError } from '@remendo/core';

export interface DeltaStatus {
  readonly baseVersion: string;
  readonly state: 'wanted' | 'building' | 'ready' | 'rejected';
  /** Null before it is ready. */
  readonly bytes: number | null;
  readonly detail: string | null;
}

export interface PublishedRelease {
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  /** As its publisher writes it. */
  readonly shownVersion: string;
  readonly type: string;
  readonly state: string;
  readonly manifestDigest: string;
  readonly files: number;
  readonly installedBytes: number;
  readonly zipBytes: number;
  readonly zipDigest: string;
  readonly deltas: readonly DeltaStatus[];
}

type Fields = Readonly<Record<string, unknown>>;

const malformed = (name: string): UpdaterError => new UpdaterError('DOWNLOAD_FAILED', `the server's answer has no proper ${name}`);

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw malformed(name);
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value.length <= 10_000) return value;
  throw malformed(name);
}

function countOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(name);
}

const deltaStates: readonly string[] = ['wanted', 'building', 'ready', 'rejected'];

function parseDelta(value: unknown): DeltaStatus {
  const fields = fieldsOf(value, 'delta');
  const state = textOf(fields, 'state');
  if (!deltaStates.includes(state)) throw malformed('state of a delta');
  return {
    baseVersion: textOf(fields, 'base_version'),
    state: state as DeltaStatus['state'],
    bytes: fields.bytes === null ? null : countOf(fields, 'bytes'),
    detail: typeof fields.detail === 'string' ? fields.detail : null,
  };
}

/** @throws UpdaterError DOWNLOAD_FAILED */
export function parseReleaseAnswer(value: unknown): PublishedRelease {
  const fields = fieldsOf(value, 'release');
  const zip = fieldsOf(fields.zip, 'zip');
  const { deltas } = fields;
  if (!Array.isArray(deltas)) throw malformed('deltas');
  return {
    application: textOf(fields, 'application'),
    platform: textOf(fields, 'platform'),
    version: textOf(fields, 'version'),
    shownVersion: typeof fields.display_version === 'string' ? fields.display_version : textOf(fields, 'version'),
    type: textOf(fields, 'type'),
    state: textOf(fields, 'state'),
    manifestDigest: textOf(fields, 'manifest_digest'),
    files: countOf(fields, 'files'),
    installedBytes: countOf(fields, 'installed_bytes'),
    zipBytes: countOf(zip, 'bytes'),
    zipDigest: textOf(zip, 'digest'),
    deltas: deltas.map(parseDelta),
  };
}

/** @throws UpdaterError DOWNLOAD_FAILED */
export function parsePublishAnswer(value: unknown): { readonly alreadyPublished: boolean; readonly release: PublishedRelease } {
  const fields = fieldsOf(value, 'answer');
  if (typeof fields.already_published !== 'boolean') throw malformed('already_published');
  return { alreadyPublished: fields.already_published, release: parseReleaseAnswer(fields.release) };
}
