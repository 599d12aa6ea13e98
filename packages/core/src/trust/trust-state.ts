/**
 * What a terminal remembers of signed metadata, in two files of `.remendo/trust`. `metadata.json` is what it trusts; when
 * that is torn, missing or of another root, everything is fetched again from the shipped root on. `floors.json` is what it
 * must never go below, whatever became of the other: versions, and the newest time that a trusted key has signed.
 */
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { hasCode } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { makePrivateDirectory } from '../file-system/make-private-directory.js';
import { writeDurably } from '../file-system/write-durably.js';
import { limits } from '../limits.js';
import type { MetadataFiles } from './node-tuf-session.js';

const version = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const TrustState = Type.Object({
  format: Type.Literal('remendo-trust-1'),
  /** SHA-256 of the root that trust began with: with another one it begins anew. */
  pinned: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  files: Type.Record(Type.String(), Type.String({ maxLength: limits.metadataBytesMax })),
});
export interface TrustState {
  readonly pinned: string;
  readonly files: MetadataFiles;
}

const Floors = Type.Object({
  format: Type.Literal('remendo-trust-floors-1'),
  pinned: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Milliseconds since 1970 of the newest `signed_at` ever seen. */
  signedAtMs: version,
  root: version,
  /** Ids of the keys of timestamp and snapshot: what other keys sign starts anew (specification 5.3.11). */
  onlineKeys: Type.String({ maxLength: 20_000 }),
  timestamp: version,
  snapshot: version,
  /** Of targets and delegated roles. */
  roles: Type.Record(Type.String(), version),
});
export type Floors = Omit<Static<typeof Floors>, 'format'>;

export const noFloors: Floors = { pinned: '', signedAtMs: 0, root: 0, onlineKeys: '', timestamp: 0, snapshot: 0, roles: {} };

const stateSchema = Compile(TrustState);
const floorsSchema = Compile(Floors);

export const trustPaths = (folder: string) => ({
  /** Put there by `setup`, or at first use. */
  root: join(folder, 'root.json'),
  metadata: join(folder, 'metadata.json'),
  floors: join(folder, 'floors.json'),
});

/** Null when it is missing or damaged. */
export async function readTrustState(fileSystem: FileSystem, folder: string): Promise<TrustState | null> {
  const value = await readJson(fileSystem, trustPaths(folder).metadata);
  return stateSchema.Check(value) ? value : null;
}

/** Zeros when they are missing or damaged. */
export async function readFloors(fileSystem: FileSystem, folder: string): Promise<Floors> {
  const value = await readJson(fileSystem, trustPaths(folder).floors);
  return floorsSchema.Check(value) ? value : noFloors;
}

/** The floors last: what is trusted may be newer than they say, never older. */
export async function writeTrust(
  fileSystem: FileSystem,
  folder: string,
  { pinned, files }: TrustState,
  floors: Floors,
): Promise<void> {
  await makePrivateDirectory(fileSystem, folder);
  const { metadata, floors: floorsPath } = trustPaths(folder);
  await writeDurably(fileSystem, metadata, jsonBytes({ format: 'remendo-trust-1', pinned, files }));
  await writeDurably(fileSystem, floorsPath, jsonBytes({ format: 'remendo-trust-floors-1', ...floors }));
}

const jsonBytes = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);

async function readJson(fileSystem: FileSystem, path: string): Promise<unknown> {
  try {
    const bytes = await readSmallFile(fileSystem, path, limits.trustStateBytesMax);
    return bytes === null ? null : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (hasCode(error, 'LIMIT_EXCEEDED') || error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}
