/**
 * Trust by signatures (The Update Framework): a release is believed when a chain of signatures leads to it from the root
 * that was shipped with this terminal, nothing in it has expired, and nothing is older than what was seen before.
 *
 * What the specification leaves to its user is decided here. Expiry is held against the later of the clock and the newest
 * time a trusted key has signed, so that a clock that is set back brings no old metadata back. What was checked is kept
 * even when a later step fails. And the floors hold when the metadata itself is lost: see trust-state.ts.
 */
import type { Metadata, Root, Targets } from '@tufjs/models';
import { hasCode, UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { makePrivateDirectory } from '../file-system/make-private-directory.js';
import { writeDurably } from '../file-system/write-durably.js';
import { digestOf } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { Clock } from '../ports.js';
import { floorsOf, floorsUnder, isBelowFloors, raisedFloors, raisedRoot } from './floors.js';
import type { MetadataSource } from './metadata-source.js';
import { openTufSession, type TufSession } from './node-tuf-session.js';
import { assertSaneMetadata, signedAtMs } from './parse-metadata.js';
import type {
  BundleFreshness,
  ReleaseClaim,
  ReleaseTrust,
  TrustStatus,
  VerifiedManifest,
  VerifiedRelease,
} from './release-trust.js';
import { type Floors, readFloors, readTrustState, type TrustState, trustPaths, writeTrust } from './trust-state.js';
import { type ManifestClaim, manifestOf, requireManifest, verifyClaim } from './verify-claim.js';

export interface SignedTrustOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly source: MetadataSource;
  /** Set when the source is an offline bundle: see bundle-metadata.ts. */
  readonly bundle?: BundleCheck;
  /** What is remembered lies here: `.remendo/trust`. */
  readonly folder: string;
  /** A folder of this machine's disk for tuf-js to work in (default: `folder`). */
  readonly scratchFolder?: string;
  /** The root to begin with (default: `root.json` in the folder). */
  readonly root?: Uint8Array;
  /** Without a root, take the server's first one, and keep it (default false). */
  readonly firstUse?: boolean;
  /** Told once, when a root was taken at first use. */
  readonly onRootTaken?: (keyIds: readonly string[]) => void;
}

/** What a session is held to when its files come out of a bundle. */
export interface BundleCheck {
  /** Believed only when `verify` has passed. */
  readonly freshness: BundleFreshness;
  /** @throws UpdaterError TRUST_INVALID, TRUST_EXPIRED. @param now the later of the clock and of all signed time. */
  verify(session: TufSession, now: Date): Promise<void>;
}

/** A clock behind signed time by more than this is wrong; less is a time zone, and does no harm. */
const behindMsMax = 24 * 3_600_000;
/** A clock ahead of signed time by more than this is likelier wrong than that nothing was signed for so long. */
const aheadMsMax = 366 * 24 * 3_600_000;

/** The top of what is signed, verified. */
export interface TrustedTop {
  readonly root: Metadata<Root>;
  readonly targets: Metadata<Targets>;
  /** Of all targets roles, as the snapshot lists them. */
  readonly versions: ReadonlyMap<string, number>;
}

/** What it remembers is on the disk alone: several may work on one folder. */
export class SignedTrust implements ReleaseTrust {
  readonly kind = 'signed';
  readonly #options: SignedTrustOptions;

  constructor(options: SignedTrustOptions) {
    this.#options = options;
  }

  refresh(signal?: AbortSignal): Promise<void> {
    return this.#withRefreshed(signal, async () => {});
  }

  verifyRelease(claim: ReleaseClaim, signal?: AbortSignal): Promise<VerifiedRelease> {
    return this.#withRefreshed(signal, (session) => verifyClaim(session, claim));
  }

  verifyManifest(claim: ManifestClaim, signal?: AbortSignal): Promise<VerifiedManifest> {
    return this.#withRefreshed(signal, async (session) => manifestOf(await requireManifest(session, claim)));
  }

  /** What is signed now, for whoever signs the next version of it. */
  trusted(signal?: AbortSignal): Promise<TrustedTop> {
    return this.#withRefreshed(signal, async ({ trusted }) => {
      const { root, snapshot } = trusted;
      const targets = trusted.getRole('targets');
      if (targets === undefined || snapshot === undefined) throw new TypeError('a refresh leaves nothing out');
      const versions = Object.entries(snapshot.signed.meta).map(
        ([name, { version }]) => [name.replace(/\.json$/, ''), version] as const,
      );
      return { root, targets, versions: new Map(versions) };
    });
  }

  async status(): Promise<TrustStatus> {
    const { fileSystem, folder, bundle } = this.#options;
    const root = await this.#pinnedRoot();
    const { signedAtMs: signed, root: rootVersion } = await readFloors(fileSystem, folder);
    return {
      kind: 'signed',
      hasRoot: root !== null,
      rootVersion,
      newestSignedAtMs: signed === 0 ? null : signed,
      ...(bundle === undefined ? {} : { bundle: bundle.freshness }),
    };
  }

  /** Opens what is remembered, brings it up to date, uses it, and keeps what was checked, whatever came of it. */
  async #withRefreshed<T>(signal: AbortSignal | undefined, use: (session: TufSession) => Promise<T>): Promise<T> {
    const { fileSystem, folder, clock, bundle } = this.#options;
    const root = await this.#requireRoot(signal);
    const pinned = digestOf(root);
    const kept = await readTrustState(fileSystem, folder);
    const floors = floorsOf(await readFloors(fileSystem, folder), pinned);
    const later = (trusted: Metadata<Root>): Date => new Date(Math.max(clock.now(), floorsUnder(trusted, floors).signedAtMs));
    const now = bundle === undefined ? later : () => new Date(bundle.freshness.signedAtMs);
    const session = await this.#open({ root, kept: kept?.pinned === pinned ? kept : null, now, signal });
    const refreshAndUse = async (): Promise<T> => {
      await session.refresh();
      await bundle?.verify(session, later(session.trusted.root));
      return use(session);
    };
    try {
      const [done] = await Promise.allSettled([refreshAndUse()]);
      // Read again: another program may have seen newer ones meanwhile.
      const newest = floorsOf(await readFloors(fileSystem, folder), pinned);
      const isBelow = isBelowFloors(session, newest);
      const raised = (isBelow ? raisedRoot : raisedFloors)(session, { ...newest, pinned });
      await this.#keep(session, { pinned, raised, floors: newest, isBelow });
      if (done.status === 'rejected') throw this.#explained(done.reason, session, floors);
      if (isBelow) throw new UpdaterError('TRUST_ROLLBACK', 'the metadata is older than what this terminal has seen');
      this.#assertClock(raised.signedAtMs);
      return done.value;
    } finally {
      await session.close();
    }
  }

  /** With what is kept; where that does not open, from the root alone. */
  async #open({ root, kept, now, signal }: Opening): Promise<TufSession> {
    const { source, folder, scratchFolder = folder } = this.#options;
    const common = { scratchFolder, source, now, signal };
    if (kept !== null && isSane(kept)) {
      try {
        return await openTufSession({ ...common, files: kept.files });
      } catch (error) {
        if (!hasCode(error, 'TRUST_INVALID')) throw error;
      }
    }
    return openTufSession({ ...common, files: { root: Buffer.from(root).toString('utf8') } });
  }

  async #keep(session: TufSession, { pinned, raised, floors, isBelow }: Keeping): Promise<void> {
    const { fileSystem, folder } = this.#options;
    if (isBelow && raised.root === floors.root) return;
    const all = await session.files();
    const files = isBelow ? onlyRoot(all) : listedFiles(session, all);
    if (JSON.stringify(raised) === JSON.stringify(floors)) {
      const kept = await readTrustState(fileSystem, folder);
      if (kept?.pinned === pinned && sameFiles(kept.files, files)) return;
    }
    await writeTrust(fileSystem, folder, { pinned, files }, raised);
  }

  async #pinnedRoot(): Promise<Uint8Array | null> {
    const { root, fileSystem, folder } = this.#options;
    return root ?? (await readSmallFile(fileSystem, trustPaths(folder).root, limits.rootBytesMax));
  }

  async #requireRoot(signal: AbortSignal | undefined): Promise<Uint8Array> {
    const pinned = await this.#pinnedRoot();
    if (pinned !== null) return pinned;
    if (this.#options.firstUse === true) return this.#takeRoot(signal);
    throw new UpdaterError(
      'TRUST_ROOT_MISSING',
      'no root of trust was shipped with this install: `remendo setup --trust-root` puts one there',
    );
  }

  /** At first use only: afterwards this root is the shipped one. */
  async #takeRoot(signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { source, fileSystem, folder, onRootTaken } = this.#options;
    const bytes = await source.fetch('1.root.json', limits.rootBytesMax, signal);
    if (bytes === null) throw new UpdaterError('TRUST_ROOT_MISSING', 'the server has no signed metadata');
    const session = await this.#open({ root: bytes, kept: null, now: () => new Date(0), signal });
    const { keyIDs } = session.trusted.root.signed.roles.root ?? { keyIDs: [] };
    await session.close();
    await makePrivateDirectory(fileSystem, folder);
    await writeDurably(fileSystem, trustPaths(folder).root, bytes);
    onRootTaken?.(keyIDs);
    return bytes;
  }

  /** An expiry that the clock is to blame for says so. */
  #explained(error: unknown, session: TufSession, floors: Floors): unknown {
    if (!hasCode(error, 'TRUST_EXPIRED')) return error;
    const { root, timestamp } = session.trusted;
    const newest = Math.max(floors.signedAtMs, signedAtMs(root.signed), timestamp === undefined ? 0 : signedAtMs(timestamp.signed));
    const now = this.#options.clock.now();
    return newest > 0 && now - newest > aheadMsMax ? clockError(now, newest, 'ahead of', error) : error;
  }

  #assertClock(newest: number): void {
    const now = this.#options.clock.now();
    if (newest - now > behindMsMax) throw clockError(now, newest, 'before');
  }
}

interface Opening {
  readonly root: Uint8Array;
  readonly kept: TrustState | null;
  readonly now: (root: Metadata<Root>) => Date;
  readonly signal: AbortSignal | undefined;
}

interface Keeping {
  readonly pinned: string;
  readonly raised: Floors;
  /** As they were. */
  readonly floors: Floors;
  /** Then nothing but the root is worth keeping. */
  readonly isBelow: boolean;
}

function clockError(now: number, newest: number, relation: 'ahead of' | 'before', cause?: unknown): UpdaterError {
  const [clock, signed] = [new Date(now).toISOString(), new Date(newest).toISOString()];
  const why = relation === 'before' ? '' : ', or, if it is right, the server has signed nothing since: tell who runs it';
  const message = `this machine's clock says ${clock}, far ${relation} ${signed}, when the newest metadata was signed: set the clock${why}`;
  return new UpdaterError('TRUST_CLOCK', message, { details: { clock, signed }, ...(cause === undefined ? {} : { cause }) });
}

const onlyRoot = ({ root = '' }: TrustState['files']): TrustState['files'] => ({ root });

/** Only what the snapshot lists: a role that is gone from it is nobody's any more. */
function listedFiles({ trusted }: TufSession, files: TrustState['files']): TrustState['files'] {
  const meta = trusted.snapshot?.signed.meta;
  const topLevel = ['root', 'timestamp', 'snapshot', 'targets'];
  if (meta === undefined) return files;
  return Object.fromEntries(
    Object.entries(files).filter(([role]) => topLevel.includes(role) || Object.hasOwn(meta, `${role}.json`)),
  );
}

const sameFiles = (a: TrustState['files'], b: TrustState['files']): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([role, text]) => b[role] === text);

function isSane({ files }: TrustState): boolean {
  try {
    for (const text of Object.values(files)) assertSaneMetadata(Buffer.from(text));
    return true;
  } catch {
    return false;
  }
}
