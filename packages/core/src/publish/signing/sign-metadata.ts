/** Signatures on metadata: made by whoever holds keys, counted by whoever takes it. */
import type { Key, Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import type { RoleKeys } from './build-metadata.js';
import type { SigningKey } from './signing-key.js';

export type AnyMetadata = Metadata<Root> | Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>;

/** Adds the signatures of those keys that the role names. @returns how many did. */
export function signMetadata(metadata: AnyMetadata, role: RoleKeys, keys: readonly SigningKey[]): number {
  const allowed = new Set(role.keys.map(({ keyID }) => keyID));
  const signing = keys.filter(({ keyId }) => allowed.has(keyId));
  for (const key of signing) metadata.sign((bytes) => key.sign(Buffer.from(bytes)));
  return signing.length;
}

export interface SignatureCount {
  readonly valid: number;
  readonly threshold: number;
}

/** How many of the role's keys have signed, and how many have to. */
export function countSignatures(metadata: AnyMetadata, { keys, threshold }: RoleKeys): SignatureCount {
  return { valid: keys.filter((key) => isSignedBy(metadata, key)).length, threshold };
}

function isSignedBy(metadata: AnyMetadata, key: Key): boolean {
  try {
    key.verifySignature(metadata as Metadata<Root>);
    return true;
  } catch {
    return false;
  }
}
