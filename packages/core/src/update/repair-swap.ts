/** Puts what was made in place of what is damaged: one transaction, as for an update, that changes those files alone. */
import { UpdaterError } from '../errors.js';
import { copyFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { writeDurably } from '../file-system/write-durably.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import type { ReleasePath } from '../manifest/release-path.js';
import type { Change } from '../transaction/change.js';
import { beginTransaction, type Install } from '../transaction/install.js';
import type { Transaction } from '../transaction/transaction.js';
import { confirmUpdate } from './prove-committed.js';
import { assertUndisturbed } from './put-in-place.js';
import { type Damage, type DamagedFile, mendedPath } from './repair-damage.js';
import type { UpdateContext } from './update-context.js';

/** What stood in a file's place and was no file, or one that can not be read: it lies beside it now. */
export interface MovedAside {
  readonly path: ReleasePath;
  /** Absolute. */
  readonly asidePath: string;
}

/**
 * Afterwards the files hold what lies at their `mendedPath`, which is used up, and the updater's own speak of the release.
 * Folders and links in place of files, and files that can not be read, are moved aside, never removed.
 * @param files that differ in more than their mode and whose contents have been made.
 * @throws UpdaterError INSTALL_IN_USE, what the gate throws, TRANSACTION_…, STORAGE_…: everything is as it was, what was moved
 * aside too.
 */
export async function swapMended(
  context: UpdateContext,
  install: Install,
  options: { readonly damage: Damage; readonly files: readonly DamagedFile[]; readonly signal?: AbortSignal },
): Promise<readonly MovedAside[]> {
  const { damage, files, signal } = options;
  const reference = { version: damage.manifest.version, manifestDigest: manifestDigest(damage.manifest) };
  const assertFree = async (): Promise<void> => {
    if (files.length > 0) await assertUndisturbed(context, 'repair', reference.version);
  };
  // What was made stays for the next repair as long as nothing has begun.
  await assertFree();
  const transaction = await beginTransaction(install, { base: reference, target: reference });
  const moved: MovedAside[] = [];
  try {
    const changes = await fillStaging(context, transaction, options);
    for (const file of files) await moveAside(context.host.fileSystem, file, moved);
    await transaction.stage(changes, signal === undefined ? {} : { signal });
    await assertFree();
    await transaction.commit();
  } catch (error) {
    if (transaction.state === 'begun' || transaction.state === 'staged') await transaction.discard();
    await moveBack(context.host.fileSystem, files, moved);
    throw error;
  }
  context.emit({ kind: 'committed', version: reference.version });
  await confirmUpdate(context, transaction);
  return moved;
}

/** Each content is made once; the last of its files gets it by a rename, the others by copies. */
async function fillStaging(
  context: UpdateContext,
  transaction: Transaction,
  { damage, files, signal }: { readonly damage: Damage; readonly files: readonly DamagedFile[]; readonly signal?: AbortSignal },
): Promise<readonly Change[]> {
  const { fileSystem } = context.host;
  const changes: Change[] = [];
  const lastOf = new Map(files.map(({ file }, index) => [file.sha256, index]));
  for (const [index, { file }] of files.entries()) {
    const { path, bytes, sha256, mode } = file;
    const mended = mendedPath(context, file);
    if (lastOf.get(sha256) === index) await fileSystem.rename(mended, transaction.stagedPath(changes.length));
    else await copyFile(fileSystem, mended, transaction.stagedPath(changes.length), signal);
    changes.push({ place: 'root', path, target: { bytes, sha256, mode } });
  }
  for (const { change, bytes } of damage.own) {
    await writeDurably(fileSystem, transaction.stagedPath(changes.length), bytes);
    changes.push(change);
  }
  const inTheWay = new Set(files.flatMap(({ blockedBy }) => (blockedBy?.kind === 'file' ? blockedBy.path : [])));
  for (const path of inTheWay) changes.push({ place: 'root', path, target: null });
  return changes;
}

/** Also a file that can not be read: a transaction wants to know what it replaces. */
async function moveAside(
  fileSystem: FileSystem,
  { file, filePath, isUnreadable }: DamagedFile,
  moved: MovedAside[],
): Promise<void> {
  const kind = (await fileSystem.stat(filePath))?.kind;
  if (kind === undefined || (kind === 'file' && !isUnreadable)) return;
  if (kind === 'other') throw new UpdaterError('TRANSACTION_PATH_BLOCKED', `${file.path} is in the way: it is no file`);
  // An empty folder is the transaction's business.
  if (kind === 'directory' && (await fileSystem.list(filePath)).length === 0) return;
  for (let number = 1; ; number++) {
    const asidePath = `${filePath}.aside-${number}`;
    if ((await fileSystem.stat(asidePath)) !== null) continue;
    await fileSystem.rename(filePath, asidePath);
    moved.push({ path: file.path, asidePath });
    return;
  }
}

/** Where nothing has come in their place. */
async function moveBack(fileSystem: FileSystem, files: readonly DamagedFile[], moved: readonly MovedAside[]): Promise<void> {
  for (const { path, asidePath } of moved) {
    const filePath = files.find(({ file }) => file.path === path)?.filePath;
    if (filePath !== undefined && (await fileSystem.stat(filePath)) === null) await fileSystem.rename(asidePath, filePath);
  }
}

/** Modes alone need no transaction: one call each, and there is nothing between right and wrong. */
export async function setModes(fileSystem: FileSystem, files: readonly DamagedFile[]): Promise<void> {
  for (const { file, filePath } of files) await fileSystem.setMode(filePath, file.mode);
}
