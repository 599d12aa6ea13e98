/**
 * A whole repository of metadata as a value: what people and the server sign, step by step. Used by the server for what
 * its own keys sign, and by the publisher's machine for what only the publisher's do.
 */
import type { Metadata, Snapshot, Timestamp } from '@tufjs/models';
import type { Digest } from '../../hash/digest.js';
import {
  applicationRole,
  binOf,
  manifestTarget,
  type SignedBuildName,
  type TargetCustom,
  zipTarget,
} from '../../trust/release-targets.js';
import { binsOf, type OfflineMetadata } from './accept-metadata.js';
import {
  keysOfApplicationRole,
  lifetimeDays,
  type NamedTarget,
  nextApplicationRole,
  nextBin,
  nextRoot,
  nextSnapshot,
  nextTargets,
  nextTimestamp,
  type RoleKeys,
  rolesOfRoot,
  rolesOfTargets,
  type TargetsRoles,
} from './build-metadata.js';
import { type AnyMetadata, countSignatures, signMetadata } from './sign-metadata.js';
import type { SigningKey } from './signing-key.js';

export interface OnlineMetadata {
  readonly snapshot: Metadata<Snapshot>;
  readonly timestamp: Metadata<Timestamp>;
}

/** A role's new version, signed by as many of the keys at hand as may. */
export interface SignedRole {
  readonly role: string;
  readonly metadata: AnyMetadata;
}

export interface FirstKeys {
  readonly root: readonly SigningKey[];
  readonly rootThreshold: number;
  readonly targets: readonly SigningKey[];
  readonly online: SigningKey;
}

const all = (keys: readonly SigningKey[], threshold = 1): RoleKeys => ({ keys: keys.map(({ publicKey }) => publicKey), threshold });

/** The first root and targets: nothing is delegated yet but bundles, to the online key. */
export function newRepository(
  { root: rootKeys, rootThreshold, targets: targetsKeys, online }: FirstKeys,
  nowMs: number,
): OfflineMetadata {
  const roles = {
    root: all(rootKeys, rootThreshold),
    targets: all(targetsKeys),
    snapshot: all([online]),
    timestamp: all([online]),
  };
  const root = nextRoot(null, roles, { nowMs, days: lifetimeDays.root });
  signMetadata(root, roles.root, rootKeys);
  const targets = nextTargets(null, { applications: {}, bundle: all([online]) }, { nowMs, days: lifetimeDays.targets });
  signMetadata(targets, roles.targets, targetsKeys);
  return { root, targets, roles: new Map() };
}

/** A build to sign: the digest and length of its canonical manifest, and its zip. */
export interface BuildToSign extends SignedBuildName {
  readonly manifest: { readonly digest: Digest; readonly bytes: number };
  readonly zip: { readonly digest: Digest; readonly bytes: number };
  /** Terminals with this version or an older one may go back to the build; left out: as it was. */
  readonly downgradeFrom?: string | undefined;
}

const validity = (role: 'root' | 'targets', nowMs: number) => ({ nowMs, days: lifetimeDays[role] });

/** The bins of an application with these builds named in them. The application has to be delegated to. */
export function signBuilds(
  { roles }: Pick<OfflineMetadata, 'roles'>,
  builds: readonly BuildToSign[],
  { keys, nowMs }: { readonly keys: readonly SigningKey[]; readonly nowMs: number },
): readonly SignedRole[] {
  const added = new Map<string, { readonly application: string; readonly targets: NamedTarget[] }>();
  for (const build of builds) {
    for (const target of targetsOf(build, roles)) {
      const bin = binOf(build.application, target.name);
      const { targets } = added.get(bin) ?? { targets: [] };
      added.set(bin, { application: build.application, targets: [...targets, target] });
    }
  }
  return [...added].flatMap(([bin, { application, targets }]) => {
    const role = roles.get(applicationRole(application));
    if (role === undefined) return [];
    const metadata = nextBin(roles.get(bin) ?? null, { role: bin, added: targets }, validity('targets', nowMs));
    signMetadata(metadata, keysOfApplicationRole(role), keys);
    return [{ role: bin, metadata }];
  });
}

function targetsOf(build: BuildToSign, roles: OfflineMetadata['roles']): readonly NamedTarget[] {
  const [manifest, zip] = [manifestTarget(build), zipTarget(build)];
  const before = roles.get(binOf(build.application, manifest))?.signed.targets[manifest]?.custom.downgrade_from;
  const from = build.downgradeFrom ?? (typeof before === 'string' ? before : undefined);
  const custom: TargetCustom | undefined = from === undefined ? undefined : { downgrade_from: from };
  return [
    { name: manifest, sha256: build.manifest.digest, bytes: build.manifest.bytes, custom },
    { name: zip, sha256: build.zip.digest, bytes: build.zip.bytes },
  ];
}

/**
 * Hands an application, new or known, to these keys: the top-level targets name them, and the application's role and all
 * its bins are signed anew by them.
 */
export function delegateApplication(
  current: OfflineMetadata,
  { application, to }: { readonly application: string; readonly to: RoleKeys },
  { keys, nowMs }: { readonly keys: readonly SigningKey[]; readonly nowMs: number },
): readonly SignedRole[] {
  const delegated = rolesOfTargets(current.targets);
  const applications = { ...delegated.applications, [application]: to };
  const targets = signTargets(current, { ...delegated, applications }, { keys, nowMs });
  return [targets, ...signApplication(current, { application, to }, { keys, nowMs })];
}

/** The top-level targets with other delegations. */
export function signTargets(
  { root, targets }: OfflineMetadata,
  delegations: TargetsRoles,
  { keys, nowMs }: { readonly keys: readonly SigningKey[]; readonly nowMs: number },
): SignedRole {
  const metadata = nextTargets(targets, delegations, validity('targets', nowMs));
  signMetadata(metadata, rolesOfRoot(root).targets, keys);
  return { role: 'targets', metadata };
}

/** The role of an application and all its bins, signed anew: for other keys, or for another year. */
export function signApplication(
  { roles }: OfflineMetadata,
  { application, to }: { readonly application: string; readonly to: RoleKeys },
  { keys, nowMs }: { readonly keys: readonly SigningKey[]; readonly nowMs: number },
): readonly SignedRole[] {
  const name = applicationRole(application);
  const role = nextApplicationRole(roles.get(name) ?? null, { application, keys: to }, validity('targets', nowMs));
  const bins = binsOf(application, roles).map(([bin, metadata]) => ({
    role: bin,
    metadata: nextBin(metadata, { role: bin, added: [] }, validity('targets', nowMs)),
  }));
  const signed = [{ role: name, metadata: role }, ...bins];
  for (const { metadata } of signed) signMetadata(metadata, to, keys);
  return signed;
}

/**
 * Snapshot and timestamp for what is signed offline. The snapshot is a new one when a role's version moved, the keys did,
 * or it is half over; the timestamp always is.
 */
export function nextOnline(
  current: OnlineMetadata | null,
  offline: OfflineMetadata,
  { key, nowMs }: { readonly key: SigningKey; readonly nowMs: number },
): OnlineMetadata {
  const { snapshot: snapshotKeys, timestamp: timestampKeys } = rolesOfRoot(offline.root);
  let snapshot = current?.snapshot ?? null;
  if (snapshot === null || !isCurrent(snapshot, offline, nowMs) || countSignatures(snapshot, snapshotKeys).valid === 0) {
    snapshot = nextSnapshot(snapshot, versionsOf(offline), { nowMs, days: lifetimeDays.snapshot });
    signMetadata(snapshot, snapshotKeys, [key]);
  }
  const timestamp = nextTimestamp(current?.timestamp ?? null, snapshot, { nowMs, days: lifetimeDays.timestamp });
  signMetadata(timestamp, timestampKeys, [key]);
  return { snapshot, timestamp };
}

const versionsOf = ({ targets, roles }: OfflineMetadata): Record<string, number> => ({
  targets: targets.signed.version,
  ...Object.fromEntries([...roles].map(([name, { signed }]) => [name, signed.version])),
});

function isCurrent({ signed }: Metadata<Snapshot>, offline: OfflineMetadata, nowMs: number): boolean {
  const isHalfOver = Date.parse(signed.expires) - nowMs < (lifetimeDays.snapshot * 86_400_000) / 2;
  return (
    !isHalfOver && Object.entries(versionsOf(offline)).every(([role, version]) => signed.meta[`${role}.json`]?.version === version)
  );
}
