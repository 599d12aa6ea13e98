/** The server's own signatures on metadata that somebody else made: how roles are handed over from its keys to others. */
import { parseMetadata } from '@remendo/core';
import {
  type AnyMetadata,
  encodeMetadata,
  keysOfApplicationRole,
  type OfferedMetadata,
  type OfflineMetadata,
  type RoleKeys,
  rolesOfRoot,
  rolesOfTargets,
  signMetadata,
} from '@remendo/core/publish';
import type { OpenKeys } from './server-keys.js';

/** @returns what was offered, each role signed by those keys that it names; what they may not sign is as it was. */
export function cosign(current: OfflineMetadata, keys: OpenKeys, offered: readonly OfferedMetadata[]): readonly OfferedMetadata[] {
  const parsed = new Map<string, AnyMetadata>(
    offered.map(({ role, bytes }) => [role, role === 'root' ? parseMetadata('root', bytes) : parseMetadata('targets', bytes)]),
  );
  const after = <M extends AnyMetadata>(role: string, before: M): M => (parsed.get(role) as M | undefined) ?? before;
  const root = after('root', current.root);
  const targets = after('targets', current.targets);
  const keysOf = (role: string): RoleKeys => {
    if (role === 'root') return rolesOfRoot(current.root).root;
    if (role === 'targets') return rolesOfRoot(root).targets;
    const [kind, slug = ''] = /^(app|bin)-(.*?)(?:-[0-9a-f]{2})?$/.exec(role)?.slice(1) ?? [];
    const name = kind === 'app' ? role : `app-${slug}`;
    const application = parsed.get(name) ?? current.roles.get(name);
    if (kind === 'bin' && application !== undefined) return keysOfApplicationRole(application as typeof targets);
    return rolesOfTargets(targets).applications[name.slice('app-'.length)] ?? { keys: [], threshold: 1 };
  };
  return [...parsed].map(([role, metadata]) => {
    signMetadata(metadata, keysOf(role), [...keys.root, ...keys.targets]);
    return { role, bytes: encodeMetadata(metadata) };
  });
}
