/** What the commands about keys sign: each gives the new versions of the roles that it is about. */
import { UpdaterError } from '@remendo/core';
import {
  keysOfApplicationRole,
  lifetimeDays,
  nextRoot,
  type OfflineMetadata,
  type RoleKeys,
  rolesOfRoot,
  rolesOfTargets,
  type SignedRole,
  type SigningKey,
  signApplication,
  signMetadata,
  signTargets,
  type TopLevelRole,
} from '@remendo/core/publish';

export interface Signers {
  readonly keys: readonly SigningKey[];
  readonly nowMs: number;
}

/** A root with other roles. The keys of the root before sign it too, as many as are at hand. */
export function signRoot(
  current: OfflineMetadata,
  roles: Readonly<Record<TopLevelRole, RoleKeys>>,
  { keys, nowMs }: Signers,
): SignedRole {
  const metadata = nextRoot(current.root, roles, { nowMs, days: lifetimeDays.root });
  const before = rolesOfRoot(current.root).root;
  signMetadata(metadata, { keys: [...before.keys, ...roles.root.keys], threshold: 1 }, keys);
  return { role: 'root', metadata };
}

/** Root and targets to other keys; what is delegated stays. */
export function handOver(
  current: OfflineMetadata,
  to: { readonly root: RoleKeys; readonly targets: RoleKeys },
  signers: Signers,
): readonly SignedRole[] {
  const root = signRoot(current, { ...rolesOfRoot(current.root), ...to }, signers);
  const after = { ...current, root: root.metadata as OfflineMetadata['root'] };
  return [root, signTargets(after, rolesOfTargets(current.targets), signers)];
}

export interface KeyChange {
  readonly add: RoleKeys['keys'];
  /** Ids, or the beginnings of them. */
  readonly remove: readonly string[];
  /** Null: as it was, or all when there are fewer now. */
  readonly threshold: number | null;
}

/** @throws UpdaterError CONFIG_INVALID when an id is none of the role's. */
export function changedKeys(before: RoleKeys, { add, remove, threshold }: KeyChange): RoleKeys {
  for (const id of remove) {
    if (id.length < 8 || !before.keys.some(({ keyID }) => keyID.startsWith(id))) {
      throw new UpdaterError('CONFIG_INVALID', `${id} is no key of the role (at least 8 digits of its id are needed)`);
    }
  }
  const kept = before.keys.filter(({ keyID }) => !remove.some((id) => keyID.startsWith(id)));
  const keys = [...kept, ...add.filter(({ keyID }) => !kept.some((key) => key.keyID === keyID))];
  return { keys, threshold: threshold ?? Math.min(before.threshold, keys.length) };
}

/** Other keys for root or targets. */
export function rotateTopLevel(
  current: OfflineMetadata,
  role: 'root' | 'targets',
  change: KeyChange,
  signers: Signers,
): readonly SignedRole[] {
  const roles = rolesOfRoot(current.root);
  const root = signRoot(current, { ...roles, [role]: changedKeys(roles[role], change) }, signers);
  if (role === 'root') return [root];
  const after = { ...current, root: root.metadata as OfflineMetadata['root'] };
  return [root, signTargets(after, rolesOfTargets(current.targets), signers)];
}

/** Other keys for snapshot, timestamp and bundles: all of them are the server's online key. */
export function rotateOnline(current: OfflineMetadata, online: RoleKeys, signers: Signers): readonly SignedRole[] {
  const root = signRoot(current, { ...rolesOfRoot(current.root), snapshot: online, timestamp: online }, signers);
  return [root, signTargets(current, { ...rolesOfTargets(current.targets), bundle: online }, signers)];
}

/** Everything with a key that is not to be trusted any more, without it. @throws UpdaterError CONFIG_INVALID when nobody uses it. */
export function revokeKey(current: OfflineMetadata, keyId: string, add: RoleKeys['keys'], signers: Signers): readonly SignedRole[] {
  const without = (before: RoleKeys): RoleKeys | null =>
    before.keys.some(({ keyID }) => keyID.startsWith(keyId))
      ? changedKeys(before, { add, remove: [keyId], threshold: null })
      : null;
  const top = rolesOfRoot(current.root);
  const [root, targets] = [without(top.root), without(top.targets)];
  const delegated = rolesOfTargets(current.targets);
  const applications = Object.entries(delegated.applications).flatMap(([slug, keys]) => {
    const after = without(keys);
    return after === null ? [] : [[slug, after] as const];
  });
  if (root === null && targets === null && applications.length === 0) {
    throw new UpdaterError('CONFIG_INVALID', `${keyId} signs neither root, nor targets, nor an application`);
  }
  const signedRoot =
    root === null && targets === null
      ? null
      : signRoot(current, { ...top, ...(root && { root }), ...(targets && { targets }) }, signers);
  const after = signedRoot === null ? current : { ...current, root: signedRoot.metadata as OfflineMetadata['root'] };
  const needsTargets = targets !== null || applications.length > 0;
  return [
    ...(signedRoot === null ? [] : [signedRoot]),
    ...(needsTargets
      ? [
          signTargets(
            after,
            { ...delegated, applications: { ...delegated.applications, ...Object.fromEntries(applications) } },
            signers,
          ),
        ]
      : []),
    ...applications.flatMap(([application, to]) => signApplication(current, { application, to }, signers)),
  ];
}

/** For another year, whatever the keys at hand may sign. */
export function renew(current: OfflineMetadata, signers: Signers): readonly SignedRole[] {
  const may = ({ keys }: RoleKeys): boolean => signers.keys.some(({ keyId }) => keys.some(({ keyID }) => keyID === keyId));
  const top = rolesOfRoot(current.root);
  const delegated = rolesOfTargets(current.targets);
  return [
    ...(may(top.root) ? [signRoot(current, top, signers)] : []),
    ...(may(top.targets) ? [signTargets(current, delegated, signers)] : []),
    ...Object.entries(delegated.applications).flatMap(([application, to]) => {
      const role = current.roles.get(`app-${application}`);
      return role !== undefined && may(keysOfApplicationRole(role)) ? signApplication(current, { application, to }, signers) : [];
    }),
  ];
}
