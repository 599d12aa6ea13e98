/**
 * What the public suite calls its repository simulator: metadata as plain JSON that a test changes and then publishes,
 * signed by a second implementation (Node's crypto and a canonical form of ten lines), and served over HTTP with a list
 * of what was asked for.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type KeyKind = 'ecdsa' | 'ed25519' | 'rsa';

interface KeyJson {
  keytype: string;
  scheme: string;
  keyval: { public: string };
  [field: string]: unknown;
}

export interface Signer {
  keyid: string;
  readonly key: KeyJson;
  readonly signature: (bytes: Buffer) => string;
}

interface Listed {
  version: number;
  length?: number;
  hashes?: Record<string, string>;
}

interface Delegations {
  keys: Record<string, KeyJson>;
  roles: DelegatedRole[];
}

export interface DelegatedRole {
  name: string;
  keyids: string[];
  threshold: number;
  terminating: boolean;
  paths: string[];
}

export interface Signed {
  version: number;
  expires: string;
  meta: Record<string, Listed>;
  keys: Record<string, KeyJson>;
  roles: Record<string, { keyids: string[]; threshold: number; [field: string]: unknown }>;
  targets: Record<string, { length: number; hashes: Record<string, string> }>;
  delegations?: Delegations;
  [field: string]: unknown;
}

const topLevel = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export const allRoles = ['root', 'targets', 'snapshot', 'timestamp'];

/** Canonical JSON: sorted keys, no spaces, nothing escaped but quotes and backslashes. */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, of]) => `${canonical(name)}:${canonical(of)}`).join(',')}}`;
}

export const inDays = (days: number, from = new Date()): string =>
  `${new Date(from.getTime() + days * 86_400_000).toISOString().slice(0, 19)}Z`;

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The id is made anew where a test changed the key. */
export const keyIdOf = (key: KeyJson): string => sha256(canonical(key));

export function newSigner(kind: KeyKind = 'ecdsa'): Signer {
  const { publicKey, privateKey } = pairOf(kind);
  const pem = String(publicKey.export({ format: 'pem', type: 'spki' }));
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const scheme = { ecdsa: 'ecdsa-sha2-nistp256', ed25519: 'ed25519', rsa: 'rsassa-pss-sha256' }[kind];
  const key = { keytype: kind, scheme, keyval: { public: kind === 'ed25519' ? raw : pem } };
  const padding = kind === 'rsa' ? { padding: 6, saltLength: 32 } : {};
  const signature = (bytes: Buffer) =>
    sign(kind === 'ed25519' ? null : 'sha256', bytes, { key: privateKey, ...padding }).toString('hex');
  return { keyid: keyIdOf(key), key, signature };
}

function pairOf(kind: KeyKind): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  return kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2_048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export class ConformanceRepository {
  readonly signed: Record<string, Signed> = {};
  /** Every version of each role that was published. */
  readonly published: Record<string, Buffer[]> = {};
  readonly signers: Record<string, Map<string, Signer>> = {};
  readonly artifacts = new Map<string, Buffer>();
  computesHashes = false;
  /** `role version`, as the client asked for them. */
  readonly metadataRequests: string[] = [];
  readonly artifactRequests: string[] = [];

  constructor() {
    const common = { spec_version: '1.0.31', version: 1, expires: inDays(30) };
    this.signed.targets = { _type: 'targets', ...common, targets: {} } as unknown as Signed;
    this.signed.snapshot = { _type: 'snapshot', ...common, meta: { 'targets.json': { version: 1 } } } as unknown as Signed;
    this.signed.timestamp = { _type: 'timestamp', ...common, meta: { 'snapshot.json': { version: 1 } } } as unknown as Signed;
    const roles = Object.fromEntries(topLevel.map((role) => [role, { keyids: [], threshold: 1 }]));
    this.signed.root = { _type: 'root', ...common, consistent_snapshot: true, keys: {}, roles } as unknown as Signed;
    for (const role of topLevel) this.addKey(role);
    this.publish('targets', 'snapshot', 'timestamp', 'root');
  }

  of(role: string): Signed {
    const signed = this.signed[role];
    if (signed === undefined) throw new Error(`there is no ${role}`);
    return signed;
  }

  get root(): Signed {
    return this.of('root');
  }

  get snapshotMeta(): Record<string, Listed> {
    return this.of('snapshot').meta;
  }

  /** What the timestamp says of the snapshot. */
  get listedSnapshot(): Listed {
    const listed = this.of('timestamp').meta['snapshot.json'];
    if (listed === undefined) throw new Error('the timestamp lists nothing');
    return listed;
  }

  rootRole(role: string): { keyids: string[]; threshold: number; [field: string]: unknown } {
    const found = this.root.roles[role];
    if (found === undefined) throw new Error(`there is no ${role}`);
    return found;
  }

  /** The next version of each, in order, signed by its signers; listed as it is published. */
  publish(...roles: readonly string[]): void {
    for (const role of roles) {
      const signed = this.of(role);
      const versions = this.published[role];
      if (versions !== undefined) signed.version += 1;
      const bytes = this.signedBytes(role);
      this.published[role] = [...(versions ?? []), bytes];
      const listed = {
        version: signed.version,
        ...(this.computesHashes ? { length: bytes.length, hashes: { sha256: sha256(bytes) } } : {}),
      };
      if (role === 'snapshot') this.of('timestamp').meta['snapshot.json'] = listed;
      else if (role !== 'root' && role !== 'timestamp') this.snapshotMeta[`${role}.json`] = listed;
    }
  }

  signedBytes(role: string): Buffer {
    const signed = this.of(role);
    const bytes = Buffer.from(canonical(signed));
    const signatures = [...(this.signers[role]?.values() ?? [])].map(({ keyid, signature }) => ({ keyid, sig: signature(bytes) }));
    return Buffer.from(JSON.stringify({ signatures, signed }, null, 1));
  }

  /** Changes the newest published bytes of a role, as JSON, without signing them anew. */
  alter(role: string, change: (metadata: { signatures: { keyid: string; sig: string }[]; signed: Signed }) => void): void {
    const versions = this.published[role] ?? [];
    const metadata = JSON.parse(String(versions.pop()));
    change(metadata);
    versions.push(Buffer.from(JSON.stringify(metadata)));
  }

  addSigner(role: string, signer: Signer): void {
    this.signers[role] = (this.signers[role] ?? new Map()).set(signer.keyid, signer);
  }

  /** Also when the role has the key already. */
  nameKey(role: string, { keyid, key }: Signer, delegator = 'root'): void {
    const { keys, of } =
      delegator === 'root' ? { keys: this.root.keys, of: this.rootRole(role) } : this.#delegated(role, delegator);
    keys[keyid] = key;
    of.keyids.push(keyid);
  }

  #delegated(role: string, delegator: string): { readonly keys: Record<string, KeyJson>; readonly of: DelegatedRole } {
    const { delegations } = this.of(delegator);
    const of = delegations?.roles.find(({ name }) => name === role);
    if (delegations === undefined || of === undefined) throw new Error(`${delegator} does not delegate to ${role}`);
    return { keys: delegations.keys, of };
  }

  addKey(role: string, delegator = 'root', signer = newSigner()): Signer {
    this.nameKey(role, signer, delegator);
    this.addSigner(role, signer);
    return signer;
  }

  rotateKeys(role: string): void {
    this.clearKeys(role);
    for (let count = 0; count < this.rootRole(role).threshold; count++) this.addKey(role);
  }

  clearKeys(role: string): void {
    this.rootRole(role).keyids.length = 0;
    this.signers[role]?.clear();
  }

  /** The last key of a role no longer signs. */
  dropSigner(role: string): void {
    const signers = this.signers[role];
    signers?.delete([...signers.keys()].at(-1) ?? '');
  }

  addArtifact(role: string, path: string, text: string): void {
    const data = Buffer.from(text);
    this.of(role).targets[path] = { length: data.length, hashes: { sha256: sha256(data) } };
    this.artifacts.set(path, data);
  }

  addDelegation(delegator: string, role: Partial<DelegatedRole> & { name: string }): void {
    const by = this.of(delegator);
    by.delegations ??= { keys: {}, roles: [] };
    by.delegations.roles.push({ keyids: [], threshold: 1, terminating: false, paths: ['*'], ...role });
    this.addKey(role.name, delegator);
    this.signed[role.name] ??= {
      _type: 'targets',
      spec_version: '1.0.31',
      version: 1,
      expires: inDays(30),
      targets: {},
    } as unknown as Signed;
  }

  /** Roles are published from their first version on again. */
  restart(role: string, version = 1): void {
    delete this.published[role];
    this.of(role).version = version;
  }

  metadata(role: string, version?: number): Buffer | undefined {
    return version === undefined ? this.published[role]?.at(-1) : this.published[role]?.[version - 1];
  }

  /** @param path below the address of this repository, as it was asked for. */
  answer(path: string): Buffer | undefined {
    const [, kind, rest = ''] = /^(metadata|targets)\/(.*)$/.exec(path) ?? [];
    if (kind === 'targets') return this.#artifact(rest);
    const [, version, name = ''] = /^(?:(\d+)\.)?(.*)\.json$/.exec(rest) ?? [];
    this.metadataRequests.push(version === undefined ? name : `${name} ${version}`);
    return this.metadata(decodeURIComponent(name), version === undefined ? undefined : Number(version));
  }

  #artifact(path: string): Buffer | undefined {
    const [, folder = '', hash = '', name = ''] = /^(.*\/)?([0-9a-f]+)\.([^/]+)$/.exec(decodeURIComponent(path)) ?? [];
    const target = `${folder}${name}`;
    this.artifactRequests.push(target);
    const hashes = Object.values(this.signed).flatMap(({ targets = {} }) => Object.values(targets[target]?.hashes ?? {}));
    return hashes.includes(hash) ? this.artifacts.get(target) : undefined;
  }
}
