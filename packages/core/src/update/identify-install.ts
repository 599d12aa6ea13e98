/** Which release an install is when it does not say so itself, told by what its files hold (product row A1). */
import { hasCode } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type WalkedEntry, walkFolder } from '../file-system/walk-folder.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import { isOwnPath, parseReleasePath } from '../manifest/release-path.js';
import type { IdentifyAnswer } from '../protocol/index.js';
import type { ServerApi } from './server-api.js';

/** The largest files tell releases apart best. */
const filesAskedMax = 128;

export type Identified = Pick<IdentifyAnswer, 'application' | 'platform'> & IdentifyAnswer['candidates'][number];

/**
 * The release whose files agree with the install's best; null when none has one. Ties go to the version the install
 * claims, then to the newest as the server orders them.
 */
export async function identifyInstall(
  fileSystem: FileSystem,
  root: string,
  options: { readonly api: ServerApi; readonly claimedVersion: string | null; readonly signal?: AbortSignal },
): Promise<Identified | null> {
  const largest = await largestFiles(fileSystem, root);
  const files: { path: string; sha256: Digest }[] = [];
  for (const { relative, filePath } of largest) {
    const sha256 = await digestOrNull(fileSystem, filePath, options.signal);
    if (sha256 !== null) files.push({ path: relative.normalize('NFC'), sha256 });
  }
  if (files.length === 0) return null;
  const { application, platform, candidates } = await options.api.identify(files, options.signal);
  const best = candidates.reduce((most, candidate) => Math.max(most, candidate.matched), 0);
  const equal = candidates.filter((candidate) => candidate.matched === best && best > 0);
  const candidate = equal.find(({ version }) => version === options.claimedVersion) ?? equal[0];
  return candidate === undefined ? null : { application, platform, ...candidate };
}

/** A database that is in use, or a file on a bad sector, tells nothing and stops nothing. */
async function digestOrNull(fileSystem: FileSystem, filePath: string, signal?: AbortSignal): Promise<Digest | null> {
  try {
    return await digestOfFile(fileSystem, filePath, signal);
  } catch (error) {
    if (hasCode(error, 'TRANSACTION_FILE_HELD', 'STORAGE_FAILED')) return null;
    throw error;
  }
}

async function largestFiles(fileSystem: FileSystem, root: string): Promise<readonly WalkedEntry[]> {
  const found: WalkedEntry[] = [];
  for await (const entry of walkFolder(fileSystem, root, (relative) => !isOwnPath(relative))) {
    if (entry.stat.kind === 'file' && entry.stat.bytes > 0 && canBeReleased(entry.relative)) found.push(entry);
    if (found.length >= limits.manifestFilesMax) break;
  }
  return found.sort((a, b) => b.stat.bytes - a.stat.bytes || (a.relative < b.relative ? -1 : 1)).slice(0, filesAskedMax);
}

/** A user's file with a name that no release can have tells nothing. */
function canBeReleased(relative: string): boolean {
  try {
    parseReleasePath(relative.normalize('NFC'));
    return true;
  } catch {
    return false;
  }
}
