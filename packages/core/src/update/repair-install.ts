/**
 * Puts the installed release in order, at a cost in proportion to the damage: which release it is, what of it is damaged, what
 * of that is on this machine already, what has to come from the server (blocks of a file, else the file), and one
 * transaction that swaps those files alone. Whatever stops it, each file is what it was or what it should be.
 */
import { type ErrorCode, hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import type { Manifest } from '../manifest/manifest.js';
import type { ReleasePath } from '../manifest/release-path.js';
import { compareVersions } from '../manifest/version.js';
import type { Install } from '../transaction/install.js';
import type { Transaction } from '../transaction/transaction.js';
import { assertRoom } from './download-update.js';
import { type Identified, identifyInstall } from './identify-install.js';
import { type Installed, readInstalled } from './install-state.js';
import { offerPlans } from './offer-plans.js';
import { confirmUpdate } from './prove-committed.js';
import { assertUndisturbed } from './put-in-place.js';
import { mendByBlocks } from './repair-blocks.js';
import { copyHeld, findHeld, type HeldFiles } from './repair-copies.js';
import { repairCost } from './repair-cost.js';
import { type Damage, type DamagedContent, type DamagedFile, damagedContents, findDamage } from './repair-damage.js';
import { type MovedAside, setModes, swapMended } from './repair-swap.js';
import { fetchWholes } from './repair-wholes.js';
import { downloadAndStage } from './run-update.js';
import { isNoAnswer } from './server-api.js';
import type { UpdateContext } from './update-context.js';

export interface RepairOptions {
  /**
   * Shown what is damaged and what it costs before anything is fetched for it or changed; false: leave it so. Asks the server
   * which blocks differ, to know (default: nobody is asked).
   */
  readonly approve?: (plan: RepairPlan) => boolean | Promise<boolean>;
  /** reading: files of the release, in bytes of it · comparing: one damaged file with the server's. */
  readonly onProgress?: (what: 'reading' | 'comparing', bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

export interface RepairPlan {
  readonly version: string;
  /** How sure that is where the install did not say so itself; null: it did. */
  readonly identified: Pick<Identified, 'matched' | 'asked'> | null;
  readonly damaged: readonly {
    readonly path: ReleasePath;
    readonly finding: DamagedFile['finding'];
    /** Of the file as it should be. */
    readonly bytes: number;
  }[];
  /** The updater's own files that are missing, damaged, or of another release. */
  readonly own: readonly string[];
  /** Of contents, at most; null: the server did not say. */
  readonly fetchBytes: number | null;
}

export interface RepairReport {
  readonly kind: 'intact' | 'repaired' | 'partly-repaired' | 'declined';
  readonly version: string;
  readonly identified: RepairPlan['identified'];
  readonly damaged: RepairPlan['damaged'];
  readonly own: readonly string[];
  /** Of contents: blocks and whole files, as they came over the wire. */
  readonly fetchedBytes: number;
  /** To find the blocks that differ. */
  readonly sentBytes: number;
  readonly movedAside: readonly MovedAside[];
  /** What is still damaged, and why. */
  readonly left: readonly { readonly path: ReleasePath; readonly code: ErrorCode | null; readonly reason: string }[];
}

/**
 * @param install opened with `setDamagedJournalAside`: everything is held against a manifest here.
 * @throws UpdaterError INSTALL_UNKNOWN when it can not be told which release it is; RELEASE_DOWNGRADE when its files are those
 * of an older release than it says; TRANSACTION_STATE while an update has still to prove itself; INSTALL_IN_USE, and what the gate throws, before
 * anything is fetched; DOWNLOAD_…,
 * STORAGE_…, TRUST_…, TRANSACTION_… when nothing could be repaired.
 */
export async function repairInstall(context: UpdateContext, install: Install, options: RepairOptions = {}): Promise<RepairReport> {
  const installed = await readInstalled(context.host.fileSystem, context.layout);
  const { manifest, identified } = await knowRelease(context, installed, options.signal);
  const damage = await findDamage(context, { manifest, installed }, readingOptions(options));
  assertIsInstalled(damage, { installed, identified });
  const report = reportOf(damage, identified);
  if (damage.files.length === 0 && damage.own.length === 0) return { ...report, kind: 'intact' };
  const contents = damagedContents(damage.files.filter(isReachable));
  const held = await findHeld(context, damage, contents, options.signal);
  if (options.approve !== undefined) {
    const fetchBytes = await repairCost(context, { version: manifest.version, contents, held }, options.signal);
    const { version, damaged, own } = report;
    if (!(await options.approve({ version, identified: report.identified, damaged, own, fetchBytes })))
      return { ...report, kind: 'declined' };
  }
  await setModes(
    context.host.fileSystem,
    damage.files.filter(({ finding }) => finding === 'mode'),
  );
  return repairFiles(context, install, { damage, held, report, options });
}

const readingOptions = ({ onProgress, signal }: RepairOptions) => ({
  ...(onProgress === undefined
    ? {}
    : { onProgress: (bytesDone: number, bytesTotal: number) => onProgress('reading', bytesDone, bytesTotal) }),
  ...(signal === undefined ? {} : { signal }),
});

const reportOf = ({ manifest, files, own }: Damage, identified: Identified | null) => ({
  version: manifest.displayVersion ?? manifest.version,
  identified: identified === null ? null : { matched: identified.matched, asked: identified.asked },
  damaged: files.map(({ file, finding }) => ({ path: file.path, finding, bytes: file.bytes })),
  own: own.map(({ change }) => change.path as string),
  fetchedBytes: 0,
  sentBytes: 0,
  movedAside: [],
  left: [],
});

/** By what the install says of itself, else by what its files hold. */
async function knowRelease(
  context: UpdateContext,
  installed: Installed,
  signal?: AbortSignal,
): Promise<{ readonly manifest: Manifest; readonly identified: Identified | null }> {
  if (installed.manifest !== null) return { manifest: installed.manifest, identified: null };
  const { root } = context.layout;
  if (context.openPgpKeys !== null)
    throw new UpdaterError('INSTALL_UNKNOWN', `${root} has lost its manifest, and only a whole install is signed by OpenPGP`);
  const claimedVersion = installed.version?.version ?? installed.state?.version ?? null;
  const identified = await identifyInstall(context, { claimedVersion, ...(signal === undefined ? {} : { signal }) });
  if (identified === null) throw new UpdaterError('INSTALL_UNKNOWN', `no release that is known has the files of ${root}`);
  const { manifest, matched, asked } = identified;
  context.emit({ kind: 'base-identified', version: manifest.version, matched, files: asked });
  return { manifest, identified };
}

/**
 * What was only recognised may be something else that shares a library or two; and a server that lies may say that a newer
 * install is an older release. Neither is overwritten.
 */
function assertIsInstalled(
  { manifest, files }: Damage,
  { installed, identified }: { readonly installed: Installed; readonly identified: Identified | null },
): void {
  const damaged = files.filter(({ finding }) => finding !== 'mode').length;
  if (identified === null || damaged === 0) return;
  const { version } = manifest;
  const claimed = installed.version?.version ?? installed.state?.version ?? null;
  const details = { version, damaged, files: manifest.files.length };
  if (claimed !== null && compareVersions(version, claimed) < 0)
    throw new UpdaterError('RELEASE_DOWNGRADE', `its files are most like ${version}, which is older than the ${claimed} it says`, {
      details,
    });
  if (claimed !== version && damaged * 2 > manifest.files.length)
    throw new UpdaterError(
      'INSTALL_UNKNOWN',
      `its files are most like ${version}, but ${damaged} of ${manifest.files.length} differ`,
      {
        details,
      },
    );
}

/** A folder above it can be made, or stands there. */
const isReachable = ({ blockedBy }: DamagedFile): boolean => blockedBy === null || blockedBy.kind === 'file';

interface Repairing {
  readonly damage: Damage;
  readonly held: HeldFiles;
  readonly report: Omit<RepairReport, 'kind'>;
  readonly options: RepairOptions;
}

async function repairFiles(context: UpdateContext, install: Install, repairing: Repairing): Promise<RepairReport> {
  const { damage, report, options } = repairing;
  const { signal } = options;
  const files = damage.files.filter(({ finding }) => finding !== 'mode');
  if (files.length === 0 && damage.own.length === 0) return { ...report, kind: 'repaired' };
  assertSettled(install);
  if (files.length > 0) await assertUndisturbed(context, 'repair', damage.manifest.version);
  const reachable = files.filter(isReachable);
  const { failures, ...costs } = await makeContents(context, damagedContents(reachable), repairing);
  const failed = reachable.filter(({ file }) => failures.has(file.sha256));
  if (failed.some(({ file }) => isWorthTheRelease(failures.get(file.sha256)))) {
    if (await installAgain(context, install, damage.manifest.version, signal)) return { ...report, ...costs, kind: 'repaired' };
  }
  const left = [...failed.map((file) => leftBecause(file, failures.get(file.file.sha256))), ...blockedFiles(files)];
  const ready = reachable.filter(({ file }) => !failures.has(file.sha256));
  if (ready.length === 0 && damage.own.length === 0 && failed[0] !== undefined) throw failures.get(failed[0].file.sha256);
  const movedAside =
    ready.length === 0 && damage.own.length === 0
      ? []
      : await swapMended(context, install, { damage, files: ready, ...(signal === undefined ? {} : { signal }) });
  return { ...report, ...costs, kind: left.length === 0 ? 'repaired' : 'partly-repaired', movedAside, left };
}

/** An update that has not proved itself goes back by itself when its files are damaged: that is better than a repair. */
function assertSettled({ transaction }: Install): void {
  if (transaction?.state !== 'committed') return;
  const { version } = transaction.target;
  throw new UpdaterError(
    'TRANSACTION_STATE',
    `the update to ${version} has still to prove itself: start the application, or roll it back`,
    {
      details: { version },
    },
  );
}

const blockedFiles = (files: readonly DamagedFile[]): RepairReport['left'] =>
  files.flatMap(({ file, blockedBy }) =>
    blockedBy === null || blockedBy.kind === 'file'
      ? []
      : { path: file.path, code: 'TRANSACTION_PATH_BLOCKED' as const, reason: `${blockedBy.path} is a ${blockedBy.kind}` },
  );

const leftBecause = ({ file }: DamagedFile, error: unknown): RepairReport['left'][number] => ({
  path: file.path,
  code: isUpdaterError(error) ? error.code : null,
  reason: error instanceof Error ? error.message : String(error),
});

interface MadeContents {
  readonly failures: ReadonlyMap<Digest, unknown>;
  readonly fetchedBytes: number;
  readonly sentBytes: number;
}

/** From this machine, else by blocks, else whole. What can not be made now does not keep the others from being repaired. */
async function makeContents(
  context: UpdateContext,
  contents: readonly DamagedContent[],
  { damage, held, options }: Repairing,
): Promise<MadeContents> {
  const { signal, onProgress } = options;
  const abort = signal === undefined ? {} : { signal };
  const { version } = damage.manifest;
  await assertRoom(
    context,
    contents.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const copied = await copyHeld(context, held, contents, signal);
  const missing = contents.filter(({ sha256 }) => !copied.has(sha256));
  const comparing = (bytesDone: number, bytesTotal: number) => onProgress?.('comparing', bytesDone, bytesTotal);
  const mended = await mendByBlocks(context, missing, { version, onProgress: comparing, ...abort });
  const { sentBytes } = mended;
  const rest = missing.filter(({ sha256 }) => !mended.made.has(sha256));
  if (rest.length === 0) return { failures: new Map(), fetchedBytes: mended.fetchedBytes, sentBytes };
  try {
    const { failures, fetchedBytes } = await fetchWholes(context, version, rest, signal);
    return { failures, fetchedBytes: mended.fetchedBytes + fetchedBytes, sentBytes };
  } catch (error) {
    signal?.throwIfAborted();
    if (hasCode(error, 'STORAGE_NO_SPACE')) throw error;
    return { failures: new Map(rest.map(({ sha256 }) => [sha256, error])), fetchedBytes: mended.fetchedBytes, sentBytes };
  }
}

/** Where the server answers and a single content is not to be had, the release may still be: by a delta, or by its zip. */
const isWorthTheRelease = (error: unknown): boolean =>
  isUpdaterError(error) &&
  !isNoAnswer(error) &&
  !hasCode(error, 'LICENSE_EXPIRED', 'LICENSE_SUSPENDED', 'AUTH_REQUIRED', 'STORAGE_FAILED');

/** @returns false when that did not work out either: what is left says why it was tried. */
async function installAgain(context: UpdateContext, install: Install, version: string, signal?: AbortSignal): Promise<boolean> {
  let transaction: Transaction | null = null;
  try {
    const plan = await offerPlans(context, version, signal === undefined ? {} : { signal });
    ({ transaction } = await downloadAndStage(context, install, plan, signal));
    await assertUndisturbed(context, 'repair', version);
    await transaction.commit();
    context.emit({ kind: 'committed', version });
    await confirmUpdate(context, transaction);
    return true;
  } catch (error) {
    if (transaction?.state === 'staged') await transaction.discard();
    signal?.throwIfAborted();
    const isFinal = hasCode(error, 'STORAGE_NO_SPACE', 'TRANSACTION_ROLLBACK_PENDING', 'INSTALL_IN_USE', 'INSTALL_ON_HOLD');
    if (isFinal || !isUpdaterError(error)) throw error;
    return false;
  }
}
