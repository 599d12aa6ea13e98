/**
 * The server's side of signed metadata (The Update Framework). Everything that changes what is signed happens in one
 * transaction, under one lock, and ends with a new snapshot and timestamp: whoever reads sees all of it or nothing.
 */
import { type Digest, encodeManifest, UpdaterError } from '@remendo/core';
import {
  acceptMetadata,
  applicationRole,
  assertSound,
  type BuildToSign,
  binOf,
  delegateApplication,
  encodeMetadata,
  encodePublicKey,
  manifestTarget,
  newRepository,
  nextBundle,
  nextOnline,
  type OfferedMetadata,
  type OfflineMetadata,
  type RoleKeys,
  rolesOfRoot,
  rolesOfTargets,
  type SignedBuildName,
  type SignedRole,
  type SigningKey,
  signBuilds,
  zipTarget,
} from '@remendo/core/publish';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Tx } from '../database/open-database.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import { cosign } from './cosign.js';
import { lockSigning, readRepository, readRoots, type StoredRepository, writeRoles } from './metadata-rows.js';
import type { OpenKeys, ServerKeys } from './server-keys.js';

export interface SigningNow {
  readonly stored: StoredRepository;
  readonly keys: OpenKeys;
  readonly nowMs: number;
}

export class Signer {
  readonly #keys: ServerKeys;
  readonly #manifests: ManifestReader;
  readonly #allowsHandOver: boolean;

  constructor(ports: { readonly keys: ServerKeys; readonly manifests: ManifestReader; readonly allowsHandOver: boolean }) {
    this.#keys = ports.keys;
    this.#allowsHandOver = ports.allowsHandOver;
    this.#manifests = ports.manifests;
  }

  /** The repository and the server's keys, held until the transaction ends; made when this is the first start. */
  async take(tx: Tx, nowMs = Date.now()): Promise<SigningNow> {
    await lockSigning(tx);
    const stored = await readRepository(tx);
    if (stored !== null) return { stored, keys: await this.#keys.open(tx), nowMs };
    const [root, targets, online] = [
      await this.#keys.create(tx, 'root'),
      await this.#keys.create(tx, 'targets'),
      await this.#keys.create(tx, 'online'),
    ];
    const offline = newRepository({ root: [root], rootThreshold: 1, targets: [targets], online }, nowMs);
    const made: SigningNow = {
      stored: { offline, online: null },
      keys: { root: [root], targets: [targets], online: [online] },
      nowMs,
    };
    await this.put(tx, made, offline);
    return made;
  }

  /** Stores what is new of `offline`, with a new snapshot and timestamp. */
  async put(tx: Tx, { stored, keys, nowMs }: SigningNow, offline: OfflineMetadata): Promise<void> {
    const key = onlineKeyOf(offline, keys);
    const online = nextOnline(stored.online, offline, { key, nowMs });
    const changed: SignedRole[] = [
      { role: 'root', metadata: offline.root },
      { role: 'targets', metadata: offline.targets },
      ...[...offline.roles].map(([role, metadata]) => ({ role, metadata })),
      { role: 'snapshot', metadata: online.snapshot },
      { role: 'timestamp', metadata: online.timestamp },
    ];
    await writeRoles(tx, stored.online === null ? changed : changed.filter((one) => !isStored(stored, one)));
  }

  /** A newer timestamp over the same: terminals that see it take no bundle any more that was made before. */
  async renewTimestamp(tx: Tx): Promise<void> {
    const now = await this.take(tx);
    await this.put(tx, now, now.stored.offline);
  }

  /** Signs what the server may sign and has not yet: builds of before there was signed metadata. */
  async signWaiting(tx: Tx): Promise<void> {
    const waiting = await tx
      .selectFrom('build')
      .innerJoin('release', 'release.id', 'build.release_id')
      .innerJoin('application', 'application.id', 'release.application_id')
      .innerJoin('object as zip', 'zip.digest', 'build.zip_object')
      .where('build.signed_at', 'is', null)
      .where('application.signing_mode', '=', 'server')
      .where('zip.removed_at', 'is', null)
      .select(['build.id', 'application.slug'])
      .orderBy('build.id')
      .execute();
    for (const slug of new Set(waiting.map((build) => build.slug))) {
      const ids = waiting.filter((build) => build.slug === slug).map(({ id }) => id);
      await this.signBuilds(tx, slug, ids);
    }
    if (waiting.length === 0) await this.take(tx);
  }

  /**
   * Signs builds of an application with the server's key, where it has the right to: afterwards terminals believe them.
   * @returns whether it has.
   */
  async signBuilds(tx: Tx, application: string, buildIds: readonly number[], downgradeFrom?: string): Promise<boolean> {
    const ofApplication = tx.selectFrom('application').where('slug', '=', application).select('signing_mode').forUpdate();
    if ((await ofApplication.executeTakeFirstOrThrow()).signing_mode !== 'server') return false;
    const now = await this.take(tx);
    const by = { keys: now.keys.targets, nowMs: now.nowMs };
    const delegated = delegatedTo(now, application);
    if (delegated === null) {
      // The keys were handed over before this application came.
      await tx.updateTable('application').set({ signing_mode: 'offline' }).where('slug', '=', application).execute();
      return false;
    }
    const builds: BuildToSign[] = [];
    // One after the other: they share the transaction's connection.
    for (const id of buildIds) builds.push(await this.#buildToSign(tx, id, downgradeFrom));
    const signed = signBuilds(delegated, builds, by);
    const offline = merged(delegated, signed);
    assertSound(offline);
    await this.put(tx, now, offline);
    await tx
      .updateTable('build')
      .set({ signed_at: new Date(now.nowMs) })
      .where('id', 'in', buildIds)
      .where('signed_at', 'is', null)
      .execute();
    return true;
  }

  async #buildToSign(tx: Tx, buildId: number, downgradeFrom: string | undefined): Promise<BuildToSign> {
    const build = await tx
      .selectFrom('build')
      .innerJoin('release', 'release.id', 'build.release_id')
      .innerJoin('application', 'application.id', 'release.application_id')
      .innerJoin('object as zip', 'zip.digest', 'build.zip_object')
      .where('build.id', '=', buildId)
      .select(['application.slug', 'build.platform', 'release.version', 'build.manifest_digest', 'build.manifest_object'])
      .select(['build.manifest_bytes', 'build.zip_object', 'zip.bytes as zip_bytes'])
      .executeTakeFirstOrThrow();
    const manifestBytes = build.manifest_bytes ?? encodeManifest(await this.#manifests.read(build)).length;
    return {
      application: build.slug,
      platform: build.platform,
      version: build.version,
      manifest: { digest: build.manifest_digest as Digest, bytes: manifestBytes },
      zip: { digest: build.zip_object as Digest, bytes: build.zip_bytes },
      downgradeFrom,
    };
  }

  /**
   * Takes metadata that was signed elsewhere. With `isCosigned` the server adds its own signatures where its keys may: so
   * that roles can be handed over from it.
   * @returns everything as it is now, and the keys of the server's. @throws UpdaterError TRUST_…, AUTH_FORBIDDEN.
   */
  async accept(tx: Tx, actor: Actor, offer: MetadataOffer) {
    if (offer.isCosigned && !this.#allowsHandOver) {
      throw new UpdaterError('AUTH_FORBIDDEN', "the server's keys sign for others only while it runs with --hand-over on");
    }
    const now = await this.take(tx);
    const offered = offer.isCosigned ? cosign(now.stored.offline, now.keys, offer.offered) : offer.offered;
    const offline = acceptMetadata(now.stored.offline, offered, now.nowMs);
    await this.put(tx, now, offline);
    await this.#forgetKeys(tx, offline);
    await recordAudit(tx, actor, {
      action: 'metadata_accepted',
      subjectKind: 'metadata',
      subject: offered
        .map(({ role }) => role)
        .join(' ')
        .slice(0, 1_000),
      reason: offer.reason,
      detail: { is_cosigned: offer.isCosigned, root_version: offline.root.signed.version },
    });
    return { offline, own: now.keys.targets };
  }

  /**
   * The metadata of an offline bundle with this index, by its names: all that a terminal needs to verify these builds, from
   * the first root on. @throws UpdaterError TRUST_EXPIRED when the server has not renewed its own.
   */
  async signBundle(
    tx: Tx,
    { index, builds }: { readonly index: Uint8Array; readonly builds: readonly SignedBuildName[] },
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const { stored, keys, nowMs } = await this.take(tx);
    const { offline, online } = stored;
    if (online === null || online.timestamp.signed.isExpired(new Date(nowMs)))
      throw new UpdaterError('TRUST_EXPIRED', 'the server has yet to renew its timestamp, which it does within the hour');
    const bundle = nextBundle(online.timestamp, { key: onlineKeyOf(offline, keys), nowMs, index });
    const files = new Map<string, Uint8Array>([
      ...(await readRoots(tx)),
      ['timestamp.json', encodeMetadata(online.timestamp)],
      ['bundle.json', encodeMetadata(bundle)],
    ]);
    const add = (role: string, metadata: { toJSON(): object; readonly signed: { readonly version: number } } | undefined): void => {
      if (metadata !== undefined) files.set(`${metadata.signed.version}.${role}.json`, encodeMetadata(metadata));
    };
    add('snapshot', online.snapshot);
    add('targets', offline.targets);
    for (const build of builds) {
      const { application } = build;
      for (const role of [
        applicationRole(application),
        ...[manifestTarget, zipTarget].map((name) => binOf(application, name(build))),
      ])
        add(role, offline.roles.get(role));
    }
    return files;
  }

  /** A key to take the place of the online one. One that no root names by then is forgotten with the next change. */
  async createOnlineKey(tx: Tx, actor: Actor) {
    await lockSigning(tx);
    const key = await this.#keys.create(tx, 'online');
    await recordAudit(tx, actor, { action: 'online_key_made', subjectKind: 'metadata', subject: key.keyId });
    return { key_id: key.keyId, public_key: encodePublicKey(key) };
  }

  /** A key that signs nothing any more is removed for good. */
  async #forgetKeys(tx: Tx, { root, targets, roles }: OfflineMetadata): Promise<void> {
    const used = [root, targets, ...roles.values()].flatMap(({ signed }) =>
      Object.keys(('keys' in signed ? signed.keys : signed.delegations?.keys) ?? {}),
    );
    await tx.deleteFrom('signing_key').where('key_id', 'not in', used).execute();
  }
}

/** With the application delegated to the server's key; null when that is not the server's to do. */
function delegatedTo({ stored: { offline }, keys, nowMs }: SigningNow, application: string): OfflineMetadata | null {
  const to = rolesOfTargets(offline.targets).applications[application];
  if (to !== undefined) return canSign(to, keys.targets) ? offline : null;
  if (!canSign(rolesOfRoot(offline.root).targets, keys.targets)) return null;
  const own = { keys: keys.targets.map(({ publicKey }) => publicKey), threshold: 1 };
  return merged(offline, delegateApplication(offline, { application, to: own }, { keys: keys.targets, nowMs }));
}

export interface MetadataOffer {
  readonly offered: readonly OfferedMetadata[];
  readonly isCosigned: boolean;
  readonly reason: string;
}

/** Whether keys of the server's are enough for a role. */
export const canSign = ({ keys, threshold }: RoleKeys, own: readonly SigningKey[]): boolean =>
  own.filter(({ keyId }) => keys.some(({ keyID }) => keyID === keyId)).length >= threshold;

const isStored = ({ offline, online }: StoredRepository, { role, metadata }: SignedRole): boolean =>
  [offline.root, offline.targets, online?.snapshot].includes(metadata as never) || offline.roles.get(role) === metadata;

function onlineKeyOf(offline: OfflineMetadata, keys: OpenKeys) {
  const { snapshot, timestamp } = rolesOfRoot(offline.root);
  const key = keys.online.find(({ keyId }) =>
    [snapshot, timestamp].every((role) => role.keys.some(({ keyID }) => keyID === keyId)),
  );
  if (key !== undefined && snapshot.threshold === 1 && timestamp.threshold === 1) return key;
  throw new UpdaterError('TRUST_THRESHOLD', "the root does not name the server's online key for snapshot and timestamp alone");
}

export function merged({ root, targets, roles }: OfflineMetadata, signed: readonly SignedRole[]): OfflineMetadata {
  const offered = new Map(signed.map(({ role, metadata }) => [role, metadata]));
  const delegated = [...offered].filter(([role]) => role !== 'root' && role !== 'targets');
  return {
    root: (offered.get('root') as typeof root | undefined) ?? root,
    targets: (offered.get('targets') as typeof targets | undefined) ?? targets,
    roles: new Map([...roles, ...delegated]) as OfflineMetadata['roles'],
  };
}
