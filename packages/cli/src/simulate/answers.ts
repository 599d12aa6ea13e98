/** The server's answers, as far as a simulated terminal goes by them; checked before they are believed. */
import { isDigest, UpdaterError } from '@remendo/core';
import type { ObjectRange } from './object-receiver.js';

export interface Offer {
  readonly application: string;
  readonly platform: string;
  /** Null: nothing to install. */
  readonly version: string | null;
}

export interface OfferedPlan {
  readonly version: string;
  readonly ranges: readonly ObjectRange[];
  readonly fetchBytes: number;
  readonly zipBytes: number;
}

type Fields = Readonly<Record<string, unknown>>;

const malformed = (name: string): UpdaterError => new UpdaterError('DOWNLOAD_FAILED', `the server's answer has no proper ${name}`);

export function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw malformed(name);
}

export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value.length <= 10_000) return value;
  throw malformed(name);
}

export function bytesOf(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(name);
}

export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (Array.isArray(value)) return value;
  throw malformed(name);
}

/** @throws UpdaterError DOWNLOAD_FAILED */
export function parseOffer(value: unknown): Offer {
  const fields = fieldsOf(value, 'check');
  return {
    application: textOf(fields, 'application'),
    platform: textOf(fields, 'platform'),
    version: fields.update_available === true ? textOf(fields, 'latest_version') : null,
  };
}

/** The best of the plans. @throws UpdaterError DOWNLOAD_FAILED */
export function parsePlan(value: unknown): OfferedPlan {
  const fields = fieldsOf(value, 'plan');
  const target = fieldsOf(fields.target, 'target');
  const [first] = listOf(fields, 'plans');
  const plan = fieldsOf(first, 'plan');
  const ranges = listOf(plan, 'fetches').flatMap((fetch) => rangesOf(fieldsOf(fetch, 'fetch')));
  return {
    version: textOf(target, 'version'),
    ranges,
    fetchBytes: ranges.reduce((sum, { bytes }) => sum + bytes, 0),
    zipBytes: bytesOf(fieldsOf(target.zip, 'zip').bytes, 'bytes of the zip'),
  };
}

function rangesOf(fetch: Fields): readonly ObjectRange[] {
  const digest = textOf(fetch, 'digest');
  if (!isDigest(digest)) throw malformed('digest');
  const objectBytes = bytesOf(fetch.object_bytes, 'object_bytes');
  return listOf(fetch, 'ranges').map((range) => {
    if (!Array.isArray(range)) throw malformed('range');
    return { digest, objectBytes, offset: bytesOf(range[0], 'offset'), bytes: bytesOf(range[1], 'bytes of a range') };
  });
}
