/**
 * What a terminal never goes below again, however old the metadata that it is shown: versions, and the newest time that was
 * signed. They belong to the online keys that signed them.
 */
import type { Metadata, Root } from '@tufjs/models';
import type { TufSession } from './node-tuf-session.js';
import { signedAtMs } from './parse-metadata.js';
import { type Floors, noFloors } from './trust-state.js';

/** Floors of a root that was replaced by hand hold for its keys only: the new one may count anew. */
export const floorsOf = (floors: Floors, pinned: string): Floors =>
  floors.pinned === pinned || floors.pinned === '' ? floors : { ...floors, root: 0 };

const onlineKeysOf = ({ signed: { roles } }: Metadata<Root>): string =>
  [...(roles.timestamp?.keyIDs ?? []), '|', ...(roles.snapshot?.keyIDs ?? [])].join(' ');

/**
 * What holds under a root: what other online keys have signed does not (specification 5.3.11), neither versions nor times,
 * so that new keys undo what stolen ones did.
 */
export function floorsUnder(root: Metadata<Root>, floors: Floors): Floors {
  const onlineKeys = onlineKeysOf(root);
  if (onlineKeys === floors.onlineKeys) return floors;
  return { ...noFloors, pinned: floors.pinned, root: floors.root, onlineKeys, signedAtMs: signedAtMs(root.signed) };
}

export const raisedRoot = ({ trusted: { root } }: TufSession, floors: Floors): Floors => ({
  ...floors,
  root: Math.max(floors.root, root.signed.version),
});

/** What must not be undercut from now on. */
export function raisedFloors({ trusted: { root, timestamp, snapshot } }: TufSession, floors: Floors): Floors {
  const before = floorsUnder(root, floors);
  // A map: a role may be called `constructor`.
  const roles = new Map(Object.entries(before.roles));
  for (const [name, { version }] of Object.entries(snapshot?.signed.meta ?? {})) {
    const role = name.replace(/\.json$/, '');
    roles.set(role, Math.max(roles.get(role) ?? 0, version));
  }
  // An online key can not put the clock further than the root that names it reaches.
  const signed = Math.min(timestamp === undefined ? 0 : signedAtMs(timestamp.signed), Date.parse(root.signed.expires));
  return {
    ...before,
    signedAtMs: Math.max(before.signedAtMs, signed),
    root: Math.max(before.root, root.signed.version),
    timestamp: Math.max(before.timestamp, timestamp?.signed.version ?? 0),
    snapshot: Math.max(before.snapshot, snapshot?.signed.version ?? 0),
    roles: Object.fromEntries(roles),
  };
}

export function isBelowFloors(session: TufSession, floors: Floors): boolean {
  const { root, timestamp, snapshot } = session.trusted;
  if (root.signed.version < floors.root) return true;
  if (onlineKeysOf(root) !== floors.onlineKeys) return false;
  if (timestamp !== undefined && timestamp.signed.version < floors.timestamp) return true;
  if (snapshot === undefined) return false;
  if (snapshot.signed.version < floors.snapshot) return true;
  return Object.entries(floors.roles).some(([role, version]) => (snapshot.signed.meta[`${role}.json`]?.version ?? 0) < version);
}
