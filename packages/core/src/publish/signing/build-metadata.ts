/**
 * Metadata of The Update Framework as the repository's side makes it: each function gives the next version of one role,
 * unsigned. Nothing is changed in place.
 */
import { type Key, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { Delegations } from '@tufjs/models/dist/delegations.js';
import { DelegatedRole, Role, SuccinctRoles } from '@tufjs/models/dist/role.js';
import { UpdaterError } from '../../errors.js';
import { type Digest, digestOf } from '../../hash/digest.js';
import {
  applicationPaths,
  applicationRole,
  binBits,
  binPrefix,
  bundlePaths,
  bundleRole,
  roleField,
  signedAtField,
  type TargetCustom,
} from '../../trust/release-targets.js';

const specVersion = '1.0.31';
const dayMs = 86_400_000;

/** How long each role holds, in days; offline ones are signed by people, online ones by a job. */
export const lifetimeDays = { root: 730, targets: 365, snapshot: 60, timestamp: 7, bundle: 90 } as const;

/** When a version is signed, and how long it holds. */
export interface Validity {
  readonly nowMs: number;
  readonly days: number;
}

/** Who may sign a role: any `threshold` of the keys. */
export interface RoleKeys {
  readonly keys: readonly Key[];
  readonly threshold: number;
}

export type TopLevelRole = 'root' | 'targets' | 'snapshot' | 'timestamp';

const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export const signedOf = (version: number, { nowMs, days }: Validity, role?: string) => ({
  version,
  specVersion,
  expires: moment(nowMs + days * dayMs),
  unrecognizedFields: { [signedAtField]: moment(nowMs), ...(role === undefined ? {} : { [roleField]: role }) },
});

function roleOf({ keys, threshold }: RoleKeys): Role {
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) {
    throw new UpdaterError('CONFIG_INVALID', `${threshold} of ${keys.length} keys can not be asked for`);
  }
  return new Role({ keyIDs: keys.map(({ keyID }) => keyID), threshold });
}

const keysById = (keys: readonly Key[]): Record<string, Key> => Object.fromEntries(keys.map((key) => [key.keyID, key]));

/** @param current null: the first root. */
export function nextRoot(
  current: Metadata<Root> | null,
  roles: Readonly<Record<TopLevelRole, RoleKeys>>,
  validity: Validity,
): Metadata<Root> {
  return new Metadata(
    new Root({
      ...signedOf((current?.signed.version ?? 0) + 1, validity),
      keys: keysById(Object.values(roles).flatMap(({ keys }) => keys)),
      roles: Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, roleOf(role)])),
      consistentSnapshot: true,
    }),
  );
}

/** Who signs the roles of a root. */
export function rolesOfRoot({ signed }: Metadata<Root>): Record<TopLevelRole, RoleKeys> {
  const of = (name: TopLevelRole): RoleKeys => {
    const role = signed.roles[name];
    return { keys: keysOf(role?.keyIDs ?? [], signed.keys), threshold: role?.threshold ?? 1 };
  };
  return { root: of('root'), targets: of('targets'), snapshot: of('snapshot'), timestamp: of('timestamp') };
}

const keysOf = (ids: readonly string[], keys: Readonly<Record<string, Key>>): readonly Key[] =>
  ids.flatMap((id) => (keys[id] === undefined ? [] : [keys[id]]));

/** Who signs for each application, and who signs bundles. */
export interface TargetsRoles {
  readonly applications: Readonly<Record<string, RoleKeys>>;
  readonly bundle: RoleKeys;
}

export function nextTargets(
  current: Metadata<Targets> | null,
  { applications, bundle }: TargetsRoles,
  validity: Validity,
): Metadata<Targets> {
  const roles: Record<string, DelegatedRole> = {};
  const delegate = (name: string, path: string, of: RoleKeys): void => {
    const { keyIDs, threshold } = roleOf(of);
    roles[name] = new DelegatedRole({ name, keyIDs, threshold, terminating: true, paths: [path] });
  };
  for (const [slug, of] of Object.entries(applications)) delegate(applicationRole(slug), applicationPaths(slug), of);
  delegate(bundleRole, bundlePaths, bundle);
  const keys = keysById([...Object.values(applications), bundle].flatMap((of) => of.keys));
  return new Metadata(
    new Targets({
      ...signedOf((current?.signed.version ?? 0) + 1, validity),
      targets: {},
      delegations: new Delegations({ keys, roles }),
    }),
  );
}

export function rolesOfTargets({ signed }: Metadata<Targets>): TargetsRoles {
  const { keys = {}, roles = {} } = signed.delegations ?? {};
  const of = (role: DelegatedRole | undefined): RoleKeys => ({
    keys: keysOf(role?.keyIDs ?? [], keys),
    threshold: role?.threshold ?? 1,
  });
  const prefix = applicationRole('');
  const applications = Object.entries(roles ?? {}).filter(([name]) => name.startsWith(prefix));
  return {
    applications: Object.fromEntries(applications.map(([name, role]) => [name.slice(prefix.length), of(role)])),
    bundle: of(roles?.[bundleRole]),
  };
}

/** The role of an application: everything it names lies in its bins, which the same keys sign. */
export function nextApplicationRole(
  current: Metadata<Targets> | null,
  { application, keys }: { readonly application: string; readonly keys: RoleKeys },
  validity: Validity,
): Metadata<Targets> {
  const { keyIDs, threshold } = roleOf(keys);
  const succinctRoles = new SuccinctRoles({ keyIDs, threshold, bitLength: binBits, namePrefix: binPrefix(application) });
  const delegations = new Delegations({ keys: keysById(keys.keys), succinctRoles } as ConstructorParameters<typeof Delegations>[0]);
  return new Metadata(
    new Targets({
      ...signedOf((current?.signed.version ?? 0) + 1, validity, applicationRole(application)),
      targets: {},
      delegations,
    }),
  );
}

/** Who signs the bins of an application. */
export function keysOfApplicationRole({ signed }: Metadata<Targets>): RoleKeys {
  const { keys = {}, succinctRoles } = signed.delegations ?? {};
  return { keys: keysOf(succinctRoles?.keyIDs ?? [], keys), threshold: succinctRoles?.threshold ?? 1 };
}

export interface NamedTarget {
  readonly name: string;
  readonly sha256: Digest;
  readonly bytes: number;
  readonly custom?: TargetCustom | undefined;
}

/** The bin that is called `role` with these targets added; one of the same name is replaced. */
export function nextBin(
  current: Metadata<Targets> | null,
  { role, added }: { readonly role: string; readonly added: readonly NamedTarget[] },
  validity: Validity,
): Metadata<Targets> {
  const targets: Record<string, TargetFile> = { ...current?.signed.targets };
  for (const { name, sha256, bytes, custom } of added) {
    const unrecognizedFields = custom === undefined ? {} : { custom: { ...custom } };
    targets[name] = new TargetFile({ path: name, length: bytes, hashes: { sha256 }, unrecognizedFields });
  }
  return new Metadata(new Targets({ ...signedOf((current?.signed.version ?? 0) + 1, validity, role), targets }));
}

/** @param roles versions of all targets roles: those given go before those of the current one. */
export function nextSnapshot(
  current: Metadata<Snapshot> | null,
  roles: Readonly<Record<string, number>>,
  validity: Validity,
): Metadata<Snapshot> {
  const meta: Record<string, MetaFile> = { ...current?.signed.meta };
  for (const [role, version] of Object.entries(roles)) meta[`${role}.json`] = new MetaFile({ version });
  return new Metadata(new Snapshot({ ...signedOf((current?.signed.version ?? 0) + 1, validity), meta }));
}

export function nextTimestamp(
  current: Metadata<Timestamp> | null,
  snapshot: Metadata<Snapshot>,
  validity: Validity,
): Metadata<Timestamp> {
  const bytes = encodeMetadata(snapshot);
  const snapshotMeta = new MetaFile({
    version: snapshot.signed.version,
    length: bytes.length,
    hashes: { sha256: digestOf(bytes) },
  });
  return new Metadata(new Timestamp({ ...signedOf((current?.signed.version ?? 0) + 1, validity), snapshotMeta }));
}

/** As it is stored and fetched. */
export const encodeMetadata = (metadata: { toJSON(): object }): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(metadata.toJSON()));
