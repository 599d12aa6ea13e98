/**
 * tuf-js, the client of The Update Framework, for one refresh. It checks what it fetches step by step as the specification
 * says (5.3 … 5.6) and keeps what it checked in a folder, by plain writes; so it works in a folder of its own, and whoever
 * called takes out what it kept. Ours are the fetcher, the time, and what its failures are called.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metadata, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { Updater } from 'tuf-js';
import tufErrors from 'tuf-js/dist/error.js';
import { isUpdaterError, UpdaterError } from '../errors.js';
import { isSystemError } from '../file-system/storage-error.js';
import { limits } from '../limits.js';
import type { MetadataSource } from './metadata-source.js';
import { assertSaneMetadata } from './parse-metadata.js';
import { roleField } from './release-targets.js';

/** Texts of trusted metadata by role: `root`, `timestamp`, `snapshot`, `targets`, and delegated ones. */
export type MetadataFiles = Readonly<Record<string, string>>;

export interface TufSessionOptions {
  /** A folder on the disk of this machine; a folder in it is made, and removed by `close`. */
  readonly scratchFolder: string;
  /** What was trusted before; `root` has to be among it. */
  readonly files: MetadataFiles;
  readonly source: MetadataSource;
  /** What expiry is held against, under the root that is trusted by then. */
  readonly now: (root: Metadata<Root>) => Date;
  readonly signal?: AbortSignal | undefined;
}

/** The part of the library's state that is looked at: its types keep it private. */
interface TrustedSet {
  referenceTime: Date;
  /** By role. */
  readonly trustedSet: Record<string, unknown>;
  readonly root: Metadata<Root>;
  readonly timestamp?: Metadata<Timestamp>;
  readonly snapshot?: Metadata<Snapshot>;
  getRole(name: string): Metadata<Targets> | undefined;
}

const checks = ['updateRoot', 'updateTimestamp', 'updateSnapshot', 'updateDelegatedTargets'] as const;

const topLevelRoles = ['root', 'timestamp', 'snapshot', 'targets'];

export interface TufSession {
  /** What is trusted by now, also after a failure: every step that succeeded counts. */
  readonly trusted: Pick<TrustedSet, 'root' | 'timestamp' | 'snapshot' | 'getRole'>;
  /** @throws UpdaterError TRUST_INVALID, TRUST_EXPIRED, TRUST_ROLLBACK, DOWNLOAD_NOT_FOUND; what the source throws. */
  refresh(): Promise<void>;
  /** What is signed under a name; null when no trusted role names it. @throws as `refresh` does. */
  target(name: string): Promise<TargetFile | null>;
  /** All that is trusted, as texts to keep. @throws UpdaterError STORAGE_FAILED. */
  files(): Promise<MetadataFiles>;
  close(): Promise<void>;
}

const baseUrl = 'https://metadata.invalid';

/** @throws UpdaterError TRUST_INVALID when the root to begin with is none, STORAGE_FAILED, STORAGE_NO_SPACE. */
export async function openTufSession(options: TufSessionOptions): Promise<TufSession> {
  const folder = await makeFolder(options);
  try {
    return new NodeTufSession(folder, options);
  } catch (error) {
    await removeFolder(folder);
    throw isUpdaterError(error) ? error : new UpdaterError('TRUST_INVALID', 'the root of trust is none', { cause: error });
  }
}

const folderPrefix = 'refresh-';
/** No refresh takes so long: its folder was left by a power cut. */
const abandonedMs = 24 * 3_600_000;

async function makeFolder({ scratchFolder, files }: TufSessionOptions): Promise<string> {
  let folder: string | null = null;
  try {
    await mkdir(scratchFolder, { recursive: true });
    folder = await mkdtemp(join(scratchFolder, folderPrefix));
    await removeAbandoned(scratchFolder, (await stat(folder)).mtimeMs);
    for (const [role, text] of Object.entries(files)) await writeFile(join(folder, fileOf(role)), text);
    return folder;
  } catch (cause) {
    // Half of it would keep room on a full disk for a day, once more with every try.
    if (folder !== null) await removeFolder(folder);
    throw diskFailure('there is no folder to check metadata in', cause);
  }
}

/** @param nowMs by the disk's clock, which told the ages of the others too. */
async function removeAbandoned(scratchFolder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(scratchFolder)) {
    if (!name.startsWith(folderPrefix)) continue;
    const path = join(scratchFolder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
    if (nowMs - mtimeMs > abandonedMs) await removeFolder(path);
  }
}

/** What can not be removed now, because somebody looks into it, is removed a day later. */
const removeFolder = (path: string): Promise<void> => rm(path, { recursive: true, force: true }).catch(() => undefined);

const fileOf = (role: string): string => `${encodeURIComponent(role)}.json`;

class NodeTufSession implements TufSession {
  readonly trusted: TrustedSet;
  readonly #folder: string;
  readonly #updater: Updater;
  readonly #now: TufSessionOptions['now'];
  /** What the source threw last: the library forgets causes. */
  #fetchFailure: unknown;
  /** What the last check said that failed on what was fetched since. */
  #checkFailure: unknown;

  constructor(folder: string, { files, source, now, signal }: TufSessionOptions) {
    this.#folder = folder;
    for (const text of Object.values(files)) assertSaneMetadata(Buffer.from(text));
    this.#updater = new Updater({
      metadataDir: folder,
      metadataBaseUrl: baseUrl,
      fetcher: {
        downloadBytes: (url, bytesMax) => this.#fetch(source, { url, bytesMax, signal }),
        downloadFile: () => Promise.reject(new Error('targets are not fetched here')),
      },
      config: {
        maxRootRotations: limits.rootRotationsMax,
        rootMaxLength: limits.rootBytesMax,
        timestampMaxLength: limits.timestampBytesMax,
        snapshotMaxLength: limits.snapshotBytesMax,
        targetsMaxLength: limits.targetsBytesMax,
      },
    });
    this.trusted = (this.#updater as unknown as { trustedSet: TrustedSet }).trustedSet;
    this.trusted.referenceTime = now(this.trusted.root);
    for (const check of checks) this.#watch(this.trusted, check);
    this.#watch(this.#updater, 'persistMetadata');
    this.#now = now;
  }

  refresh(): Promise<void> {
    return this.#telling(() => this.#updater.refresh());
  }

  target(name: string): Promise<TargetFile | null> {
    return this.#telling(async () => {
      this.#forgetDelegated();
      return (await this.#updater.getTargetInfo(name)) ?? null;
    });
  }

  /** A role that was verified for who delegated to it on one way holds for that way alone: the library keeps it for all. */
  #forgetDelegated(): void {
    const { trustedSet } = this.trusted;
    for (const role of Object.keys(trustedSet)) if (!topLevelRoles.includes(role)) delete trustedSet[role];
  }

  async files(): Promise<MetadataFiles> {
    try {
      const names = await readdir(this.#folder);
      const texts = await Promise.all(
        names.map(async (name) => [roleOf(name), await readFile(join(this.#folder, name), 'utf8')] as const),
      );
      return Object.fromEntries(texts);
    } catch (cause) {
      throw diskFailure('the metadata that was checked can not be read back', cause);
    }
  }

  close(): Promise<void> {
    return removeFolder(this.#folder);
  }

  async #fetch(
    source: MetadataSource,
    { url, bytesMax, signal }: { readonly url: string; readonly bytesMax: number; readonly signal: AbortSignal | undefined },
  ): Promise<Buffer> {
    this.#checkFailure = undefined;
    const name = url.slice(baseUrl.length + 1);
    try {
      const bytes = await source.fetch(name, Math.min(bytesMax, limits.metadataBytesMax), signal);
      // That is how the library is told that there is no newer root.
      if (bytes === null && name.endsWith('.root.json')) throw new tufErrors.DownloadHTTPError('not there', 404);
      if (bytes === null) throw new UpdaterError('DOWNLOAD_NOT_FOUND', `the server does not have ${name}`);
      assertSaneMetadata(bytes);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      if (!(error instanceof tufErrors.DownloadHTTPError)) this.#fetchFailure = error;
      throw error;
    }
  }

  /** The library wraps a failure of these into another's text: what they throw is remembered. */
  #watch(object: object, method: string): void {
    const methods = object as Record<string, (...args: unknown[]) => unknown>;
    const original = methods[method]?.bind(object);
    if (original === undefined) throw new TypeError(`tuf-js has no ${method}`);
    methods[method] = (...args) => {
      try {
        const done = original(...args);
        if (method === 'updateRoot') this.trusted.referenceTime = this.#now(this.trusted.root);
        if (method === 'updateDelegatedTargets') this.#assertRole(String(args[1]));
        return done;
      } catch (error) {
        this.#checkFailure = error;
        throw error;
      }
    };
  }

  /** One key signs many roles: metadata that says which it is of is taken for no other, and not kept as one. */
  #assertRole(role: string): void {
    const { trustedSet } = this.trusted;
    const named = this.trusted.getRole(role)?.signed.unrecognizedFields[roleField];
    if (named === undefined || named === role) return;
    delete trustedSet[role];
    throw new UpdaterError('TRUST_INVALID', `the metadata served as ${role} is that of another role`);
  }

  async #telling<T>(use: () => Promise<T>): Promise<T> {
    this.#fetchFailure = this.#checkFailure = undefined;
    try {
      return await use();
    } catch (error) {
      throw this.#fetchFailure ?? failureOf(this.#checkFailure ?? error, error);
    }
  }
}

/** The library keeps only the text of what the system said. */
function diskFailure(message: string, cause: unknown): UpdaterError {
  const isFull =
    isSystemError(cause, 'ENOSPC', 'EDQUOT') || (cause instanceof tufErrors.PersistError && /ENOSPC|EDQUOT/.test(cause.message));
  if (isFull) return new UpdaterError('STORAGE_NO_SPACE', 'there is no room to check metadata in', { cause });
  return new UpdaterError('STORAGE_FAILED', message, { cause });
}

const roleOf = (fileName: string): string => decodeURIComponent(fileName.slice(0, -'.json'.length));

function failureOf(checked: unknown, cause: unknown): UpdaterError {
  if (isUpdaterError(checked)) return checked;
  if (checked instanceof tufErrors.PersistError) return diskFailure('metadata could not be kept', checked);
  const why = checked instanceof Error ? checked.message : 'a check failed';
  if (checked instanceof tufErrors.ExpiredMetadataError) return new UpdaterError('TRUST_EXPIRED', why, { cause });
  if (checked instanceof tufErrors.BadVersionError) return new UpdaterError('TRUST_ROLLBACK', why, { cause });
  return new UpdaterError('TRUST_INVALID', why, { cause });
}
