/**
 * Metadata from outside as values, held against what tuf-js takes for granted. Signatures come afterwards: nothing here is
 * believed yet.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import { Metadata, type MetadataKind, type Root, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import { getPublicKey } from '@tufjs/models/dist/utils/key.js';
import { jsonOutline } from '../bytes/json-outline.js';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { readModelsInLinearTime } from './linear-models.js';
import { signedAtField } from './release-targets.js';

readModelsInLinearTime();

export interface MetadataOfKind {
  readonly root: Metadata<Root>;
  readonly targets: Metadata<Targets>;
  readonly snapshot: Metadata<Snapshot>;
  readonly timestamp: Metadata<Timestamp>;
}

const invalid = (message: string, cause?: unknown): UpdaterError =>
  new UpdaterError('TRUST_INVALID', message, cause === undefined ? {} : { cause });

/**
 * Metadata of one kind; its signatures are not looked at.
 * @throws UpdaterError TRUST_INVALID, LIMIT_EXCEEDED.
 */
export function parseMetadata<Kind extends keyof MetadataOfKind>(kind: Kind, bytes: Uint8Array): MetadataOfKind[Kind] {
  const value = metadataJson(bytes);
  try {
    // The overloads of the library name their kinds one by one.
    return Metadata.fromJSON(kind as MetadataKind.Root, value as never) as unknown as MetadataOfKind[Kind];
  } catch (cause) {
    throw invalid(`this is no metadata of the kind ${kind}`, cause);
  }
}

/**
 * What every kind has to keep to before a library may read it: a bounded depth, a version that counts, an expiry that is a
 * moment (one that is not would never come), and no key that counts twice under two names.
 */
export function assertSaneMetadata(bytes: Uint8Array): void {
  metadataJson(bytes);
}

function metadataJson(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > limits.metadataBytesMax) throw new UpdaterError('LIMIT_EXCEEDED', 'metadata is too long');
  if (jsonOutline(bytes).depth > limits.metadataDepthMax) throw invalid('metadata is nested too deeply');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('metadata is no JSON', cause);
  }
  if (!isRecord(value) || !isRecord(value.signed)) throw invalid('metadata has nothing that is signed');
  const { version, expires, meta, keys, roles, delegations } = value.signed;
  if (!isCount(version, 1)) throw invalid('metadata has no version that counts');
  if (typeof expires !== 'string' || !isMoment(expires)) throw invalid('metadata does not say when it expires');
  if (isRecord(meta)) assertCounting(meta);
  if (keys !== undefined) assertDistinctKeys(keys, isRecord(roles) ? Object.values(roles) : []);
  if (isRecord(delegations)) {
    const { roles: delegated, succinct_roles: succinct } = delegations;
    assertDistinctKeys(delegations.keys, [
      ...(Array.isArray(delegated) ? delegated : []),
      ...(isRecord(succinct) ? [succinct] : []),
    ]);
  }
  return value;
}

/** A JSON number may be 1e300, and nothing comes after that. */
const isCount = (value: unknown, min: number): boolean => Number.isSafeInteger(value) && Number(value) >= min;

/** What a timestamp or a snapshot lists. */
function assertCounting(meta: Record<string, unknown>): void {
  for (const [name, listed] of Object.entries(meta)) {
    if (name.length > limits.metadataNameCharactersMax) throw invalid('the name of a role is too long');
    const { version, length = 0 } = isRecord(listed) ? listed : {};
    if (!isCount(version, 1) || !isCount(length, 0)) throw invalid('metadata lists a version or a length that does not count');
  }
}

/** TUF 4.2.1: a moment in UTC; fractions of a second are let through. */
export const isMoment = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/.test(text) && !Number.isNaN(Date.parse(text));

/** A threshold counts key ids: one key under two ids would count twice. */
function assertDistinctKeys(keys: unknown, roles: readonly unknown[]): void {
  if (!isRecord(keys)) throw invalid('metadata has no list of keys');
  // Once for each key, however many roles name it.
  const materials = new Map<string, string>();
  const materialOf = (id: string): string => {
    const known = materials.get(id) ?? keyMaterial(Object.hasOwn(keys, id) ? keys[id] : undefined) ?? `no key: ${id}`;
    materials.set(id, known);
    return known;
  };
  for (const role of roles) {
    const ids = isRecord(role) && Array.isArray(role.keyids) ? role.keyids : [];
    if (ids.length > limits.metadataKeysMax) throw invalid('a role has too many keys');
    const values = ids.map((id) => materialOf(String(id)));
    if (new Set(values).size !== values.length) throw invalid('a role names one key twice');
  }
}

/** The same for one key in all its spellings: hexadecimal or PEM, small or capital letters. Null: it is no key. */
function keyMaterial(json: unknown): string | null {
  if (!isRecord(json) || !isRecord(json.keyval)) return null;
  const { keytype, scheme, keyval } = json;
  try {
    const { key } = getPublicKey({ keyType: String(keytype), scheme: String(scheme), keyVal: String(keyval.public) });
    return (key as KeyObject).export({ type: 'spki', format: 'der' }).toString('hex');
  } catch {
    return JSON.stringify(keyval);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** When it was signed, in milliseconds since 1970; 0 when it does not say. Believe it after its signatures only. */
export function signedAtMs(signed: { readonly unrecognizedFields?: Record<string, unknown> }): number {
  const text = signed.unrecognizedFields?.[signedAtField];
  return typeof text === 'string' && isMoment(text) ? Date.parse(text) : 0;
}

/** TUF 4.2.1: the SHA-256 of the canonical form of a key. */
export const keyIdOf = (key: { readonly keytype: string; readonly scheme: string; readonly keyval: { readonly public: string } }) =>
  createHash('sha256').update(canonicalize(key)).digest('hex');
