/**
 * What a repository takes: new versions of roles, signed elsewhere. Either all of them fit together with everything that is
 * there, so that every terminal that verified the metadata before will verify it afterwards, or nothing is taken.
 */
import type { Metadata, Root, Targets } from '@tufjs/models';
import { UpdaterError } from '../../errors.js';
import { parseMetadata } from '../../trust/parse-metadata.js';
import { applicationRole, binBits, binOf, binPrefix, roleField } from '../../trust/release-targets.js';
import { keysOfApplicationRole, type RoleKeys, rolesOfRoot, rolesOfTargets } from './build-metadata.js';
import { type AnyMetadata, countSignatures } from './sign-metadata.js';

/** What people and machines sign offline; snapshot and timestamp are made from it. */
export interface OfflineMetadata {
  readonly root: Metadata<Root>;
  readonly targets: Metadata<Targets>;
  /** Roles of applications and their bins, by name. */
  readonly roles: ReadonlyMap<string, Metadata<Targets>>;
}

/** One new version, as it arrived. */
export interface OfferedMetadata {
  /** `root`, `targets`, `app-erp`, `bin-erp-7f`. */
  readonly role: string;
  readonly bytes: Uint8Array;
}

const refused = (code: 'TRUST_INVALID' | 'TRUST_ROLLBACK' | 'TRUST_EXPIRED', role: string, why: string): UpdaterError =>
  new UpdaterError(code, `${role} ${why}`, { details: { role } });

/**
 * @returns everything as it is afterwards; `current` stays as it was.
 * @throws UpdaterError TRUST_THRESHOLD when keys are missing, TRUST_ROLLBACK when a version is not the next one (somebody
 * else was faster: sign anew), TRUST_EXPIRED, TRUST_INVALID.
 */
export function acceptMetadata(current: OfflineMetadata, offered: readonly OfferedMetadata[], nowMs: number): OfflineMetadata {
  if (new Set(offered.map(({ role }) => role)).size !== offered.length)
    throw refused('TRUST_INVALID', 'a role', 'is offered twice');
  let { root, targets } = current;
  const roles = new Map(current.roles);
  for (const { role, bytes } of offered) {
    if (role === 'root') root = nextOf(role, { before: root, after: parseMetadata('root', bytes), nowMs });
    else {
      const after = parseMetadata('targets', bytes);
      const before = role === 'targets' ? targets : (roles.get(role) ?? null);
      nextOf(role, { before, after, nowMs });
      if (role === 'targets') targets = after;
      else roles.set(role, after);
    }
  }
  if (root !== current.root) assertSigned('root', root, rolesOfRoot(current.root).root);
  assertSound({ root, targets, roles });
  return { root, targets, roles };
}

interface Successor<M> {
  readonly before: AnyMetadata | null;
  readonly after: M;
  readonly nowMs: number;
}

function nextOf<M extends AnyMetadata>(role: string, { before, after, nowMs }: Successor<M>): M {
  const expected = (before?.signed.version ?? 0) + 1;
  const { version, expires } = after.signed;
  if (version !== expected) throw refused('TRUST_ROLLBACK', role, `has version ${version}; the next one is ${expected}`);
  if (Date.parse(expires) <= nowMs) throw refused('TRUST_EXPIRED', role, 'has expired');
  return after;
}

/** Every role is signed by whom the role above it names, and names nothing but what is its own. */
export function assertSound({ root, targets, roles }: OfflineMetadata): void {
  const topLevel = rolesOfRoot(root);
  assertSigned('root', root, topLevel.root);
  assertSigned('targets', targets, topLevel.targets);
  const { applications } = rolesOfTargets(targets);
  const known = new Set<string>();
  for (const [slug, keys] of Object.entries(applications)) {
    const name = applicationRole(slug);
    const role = roles.get(name);
    if (role === undefined) continue;
    known.add(name);
    assertSigned(name, role, keys);
    assertNamed(name, role);
    assertApplicationRole(slug, role);
    for (const [binName, bin] of binsOf(slug, roles)) {
      known.add(binName);
      assertSigned(binName, bin, keysOfApplicationRole(role));
      assertNamed(binName, bin);
      assertBin(slug, binName, bin);
    }
  }
  for (const name of roles.keys()) if (!known.has(name)) throw refused('TRUST_INVALID', name, 'is delegated to by nobody');
}

/** The bins of one application: its prefix, and two digits. */
export function binsOf(slug: string, roles: OfflineMetadata['roles']): readonly (readonly [string, Metadata<Targets>])[] {
  const prefix = `${binPrefix(slug)}-`;
  return [...roles].filter(([name]) => name.startsWith(prefix) && /^[0-9a-f]{2}$/.test(name.slice(prefix.length)));
}

function assertSigned(role: string, metadata: AnyMetadata, keys: RoleKeys): void {
  const { valid, threshold } = countSignatures(metadata, keys);
  if (valid >= threshold) return;
  throw new UpdaterError('TRUST_THRESHOLD', `${role} is signed by ${valid} of the ${threshold} keys that it needs`, {
    details: { role, valid, threshold },
  });
}

function assertNamed(role: string, { signed }: Metadata<Targets>): void {
  if (signed.unrecognizedFields[roleField] !== role) throw refused('TRUST_INVALID', role, 'does not say which role it is of');
}

function assertApplicationRole(slug: string, { signed }: Metadata<Targets>): void {
  const { succinctRoles, roles } = signed.delegations ?? {};
  const isOwn = succinctRoles?.namePrefix === binPrefix(slug) && succinctRoles.bitLength === binBits;
  if (!isOwn || (roles ?? null) !== null || Object.keys(signed.targets).length > 0) {
    throw refused('TRUST_INVALID', applicationRole(slug), 'does not delegate to the bins of its application, and to nothing else');
  }
}

function assertBin(slug: string, name: string, { signed }: Metadata<Targets>): void {
  const isOwn = (target: string): boolean => target.startsWith(`${slug}/`) && binOf(slug, target) === name;
  if (signed.delegations !== undefined || !Object.keys(signed.targets).every(isOwn)) {
    throw refused('TRUST_INVALID', name, 'names what belongs to another bin');
  }
}
