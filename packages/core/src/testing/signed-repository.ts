/**
 * A repository of signed metadata in memory, as a server has it, for terminals to verify against: honest by itself, and
 * open to be made hostile. `forge` signs whatever is to be said, with stolen keys or with others, and lists it as the
 * server that holds the online key could; everything else is a change of `files`.
 */
import { canonicalize } from '@tufjs/canonical-json';
import { digestOf } from '../hash/digest.js';
import {
  type BuildToSign,
  createSigningKey,
  delegateApplication,
  encodeMetadata,
  lifetimeDays,
  newRepository,
  nextOnline,
  nextRoot,
  type OfflineMetadata,
  type OnlineMetadata,
  rolesOfTargets,
  type SignedRole,
  type SigningKey,
  signBuilds,
  signMetadata,
  signTargets,
} from '../publish/index.js';
import { type MetadataSource, mapMetadataSource } from '../trust/metadata-source.js';

export interface Listed {
  version: number;
  length?: number;
  hashes?: Record<string, string>;
}

/** The signed part of any metadata; a kind has only some of the fields. */
export interface SignedJson {
  version: number;
  expires: string;
  meta: Record<string, Listed>;
  keys: Record<string, { keytype: string; scheme: string; keyval: { public: string } }>;
  roles: Record<string, { keyids: string[]; threshold: number }>;
  targets: Record<string, { length: number; hashes: Record<string, string> }>;
  delegations: { keys: SignedJson['keys']; roles: object[] };
  [field: string]: unknown;
}

/** Metadata of these keys, well-formed or not. */
export function signJson(signed: object, keys: readonly SigningKey[]): Uint8Array {
  const bytes = Buffer.from(canonicalize(signed) ?? '');
  const signatures = keys.map((key) => key.sign(bytes).toJSON());
  return Buffer.from(JSON.stringify({ signatures, signed }));
}

const all = (keys: readonly SigningKey[], threshold = keys.length) => ({ keys: keys.map(({ publicKey }) => publicKey), threshold });

export class SignedRepository {
  /** What is served: `1.root.json`, `timestamp.json`, `3.snapshot.json`, … */
  readonly files = new Map<string, Uint8Array>();
  /** Names that were asked for, and the bytes that were answered. */
  readonly fetched: { readonly name: string; readonly bytes: number }[] = [];
  /** `application` are those of all applications. */
  keys: { root: SigningKey[]; targets: SigningKey[]; application: SigningKey[]; online: SigningKey };
  offline: OfflineMetadata;
  online: OnlineMetadata | null = null;
  /** The newest of each role that was served, honest or not. */
  readonly #newest = new Map<string, Uint8Array>();

  /** @param options how many keys a role has; all of them have to sign. */
  constructor(
    public nowMs: number,
    options: { readonly rootKeys?: number; readonly applicationKeys?: number } = {},
  ) {
    const root = Array.from({ length: options.rootKeys ?? 1 }, createSigningKey);
    const application = Array.from({ length: options.applicationKeys ?? 1 }, createSigningKey);
    this.keys = { root, targets: [createSigningKey()], application, online: createSigningKey() };
    this.offline = newRepository({ ...this.keys, rootThreshold: root.length }, nowMs);
    this.renew();
  }

  /** The root that is shipped with terminals. */
  get shippedRoot(): Uint8Array {
    return this.files.get('1.root.json') ?? new Uint8Array();
  }

  readonly source: MetadataSource = {
    fetch: async (name, bytesMax, signal) => {
      const bytes = await mapMetadataSource(this.files).fetch(name, bytesMax, signal);
      this.fetched.push({ name, bytes: bytes?.length ?? 0 });
      return bytes;
    },
  };

  /** Names builds, all of one application, which is delegated to the application's keys by the first of them. */
  sign(...builds: readonly BuildToSign[]): void {
    const [{ application } = { application: '' }] = builds;
    const keys = [...this.keys.targets, ...this.keys.application];
    if (!this.offline.roles.has(`app-${application}`)) {
      this.take(delegateApplication(this.offline, { application, to: all(this.keys.application) }, { keys, nowMs: this.nowMs }));
    }
    this.take(signBuilds(this.offline, builds, { keys, nowMs: this.nowMs }));
    this.renew();
  }

  /** Hands an application to other keys, all of which have to sign from then on. */
  hand(application: string, keys: SigningKey[]): void {
    this.keys.application = keys;
    const by = { keys: [...this.keys.targets, ...keys], nowMs: this.nowMs };
    this.take(delegateApplication(this.offline, { application, to: all(keys) }, by));
    this.renew();
  }

  /** A new root that names other keys in the place of those given, signed by the old root keys and the new. */
  rotate(keys: { readonly root?: SigningKey[]; readonly targets?: SigningKey[]; readonly online?: SigningKey }): void {
    const before = this.keys;
    this.keys = { ...before, ...keys };
    const online = all([this.keys.online]);
    const metadata = nextRoot(
      this.offline.root,
      { root: all(this.keys.root), targets: all(this.keys.targets), snapshot: online, timestamp: online },
      { nowMs: this.nowMs, days: lifetimeDays.root },
    );
    for (const signing of [before.root, this.keys.root]) signMetadata(metadata, all(signing), signing);
    this.take([{ role: 'root', metadata }]);
    const { applications } = rolesOfTargets(this.offline.targets);
    this.take([signTargets(this.offline, { applications, bundle: online }, { keys: this.keys.targets, nowMs: this.nowMs })]);
    this.renew();
  }

  /** Takes signed roles as they are, whoever signed them; `renew` then lets terminals see them. */
  take(signed: readonly SignedRole[]): void {
    const roles = new Map(this.offline.roles);
    let { root, targets } = this.offline;
    for (const { role, metadata } of signed) {
      if (role === 'root') root = metadata as typeof root;
      else if (role === 'targets') targets = metadata as typeof targets;
      else roles.set(role, metadata as typeof targets);
    }
    this.offline = { root, targets, roles };
  }

  /** A new timestamp, and a new snapshot where it is due; all of it is served afterwards. */
  renew(): void {
    this.online = nextOnline(this.online, this.offline, { key: this.keys.online, nowMs: this.nowMs });
    const { root, targets, roles } = this.offline;
    const { snapshot, timestamp } = this.online;
    for (const [role, metadata] of [
      ['root', root],
      ['targets', targets],
      ...roles,
      ['snapshot', snapshot],
      ['timestamp', timestamp],
    ] as const) {
      this.#serveBytes(role, metadata.signed.version, encodeMetadata(metadata));
    }
  }

  /** A copy of what is signed in the newest version of a role that was served. */
  signedOf(role: string): SignedJson {
    const bytes = this.#newest.get(role);
    if (bytes === undefined) throw new Error(`there is no ${role}`);
    return (JSON.parse(Buffer.from(bytes).toString()) as { signed: SignedJson }).signed;
  }

  /** The keys that have to sign a role. */
  keysOf(role: string): readonly SigningKey[] {
    if (role === 'root' || role === 'targets') return this.keys[role];
    return role === 'snapshot' || role === 'timestamp' ? [this.keys.online] : this.keys.application;
  }

  /**
   * Serves a next version of a role with a change, signed by `keys` (default: those that should), listed by a snapshot
   * and a timestamp of the online key.
   */
  forge(role: string, change: (signed: SignedJson) => void, keys: readonly SigningKey[] = this.keysOf(role)): void {
    const signed = this.signedOf(role);
    signed.version += 1;
    change(signed);
    const bytes = this.serve(role, signed, keys);
    if (role === 'root' || role === 'timestamp') return;
    const { version } = signed;
    if (role === 'snapshot') {
      const listed = { version, length: bytes.length, hashes: { sha256: digestOf(bytes) } };
      this.forge('timestamp', ({ meta }) => Object.assign(meta, { 'snapshot.json': listed }));
    } else this.forge('snapshot', ({ meta }) => Object.assign(meta, { [`${role}.json`]: { version } }));
  }

  /** Serves one file, whatever it says and whoever signed it. @returns its bytes. */
  serve(role: string, signed: SignedJson, keys: readonly SigningKey[] = this.keysOf(role)): Uint8Array {
    const bytes = signJson(signed, keys);
    this.#serveBytes(role, signed.version, bytes);
    return bytes;
  }

  /**
   * The honest server again, after `attack`: all that is signed stands as before, with versions above everything that was
   * served meanwhile, and is fresh.
   */
  async attackedBy(attack: () => unknown): Promise<() => void> {
    const honest = [...this.offline.roles.keys(), 'targets'].map((role) => [role, this.signedOf(role)] as const);
    const root = new Map([...this.files].filter(([name]) => name.endsWith('.root.json')));
    const listed = this.signedOf('snapshot').meta;
    await attack();
    return () => {
      for (const name of [...this.files.keys()]) if (name.endsWith('.root.json')) this.files.delete(name);
      for (const [name, bytes] of root) this.files.set(name, bytes);
      const expires = `${new Date(this.nowMs + 7 * 86_400_000).toISOString().slice(0, 19)}Z`;
      for (const [role, signed] of honest) {
        const version = Math.max(this.signedOf(role).version, listed[`${role}.json`]?.version ?? 0) + 1;
        this.serve(role, { ...signed, version });
        listed[`${role}.json`] = { version };
      }
      const fresh = (signed: SignedJson) => Object.assign(signed, { expires, signed_at: new Date(this.nowMs).toISOString() });
      this.forge('snapshot', (signed) => Object.assign(fresh(signed), { meta: listed }));
      this.forge('timestamp', fresh);
    };
  }

  #serveBytes(role: string, version: number, bytes: Uint8Array): void {
    this.files.set(role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`, bytes);
    this.#newest.set(role, bytes);
  }
}
