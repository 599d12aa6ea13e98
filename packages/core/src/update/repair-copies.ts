/** Contents that are on this machine already, under whatever name: they cost nothing and need no server. */

import { partPath } from '../download/download-folder.js';
import { hasCode } from '../errors.js';
import { copyFile, digestOfFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { walkFolder } from '../file-system/walk-folder.js';
import { syncNames } from '../file-system/write-durably.js';
import type { Digest } from '../hash/digest.js';
import { isOwnPath } from '../manifest/release-path.js';
import { type Damage, type DamagedContent, mendedPath } from './repair-damage.js';
import type { UpdateContext } from './update-context.js';

/** Files of the same length that are read in search of one content. */
const candidatesMax = 8;

/** A file with each content that is here: proved when it was looked at. */
export type HeldFiles = ReadonlyMap<Digest, string>;

/**
 * Finds what another intact file of the release holds, what an earlier repair finished, what the last update replaced, and
 * what lies in the install root under another name. Changes nothing.
 */
export async function findHeld(
  context: UpdateContext,
  damage: Damage,
  contents: readonly DamagedContent[],
  signal?: AbortSignal,
): Promise<HeldFiles> {
  const { fileSystem } = context.host;
  const found = new Map<Digest, string>();
  for (const content of contents) {
    const mended = mendedPath(context, content);
    const held = (await isContent(fileSystem, mended, content, signal)) ? mended : damage.held.get(content.sha256);
    if (held !== undefined) found.set(content.sha256, held);
  }
  const missing = contents.filter(({ sha256, bytes }) => !found.has(sha256) && bytes > 0);
  if (missing.length === 0) return found;
  for (const [content, paths] of await findBySize(context, missing)) {
    for (const path of paths) {
      if (!(await isContent(fileSystem, path, content, signal))) continue;
      found.set(content.sha256, path);
      break;
    }
  }
  return found;
}

/**
 * Copies what is held to its `mendedPath`; each copy has been proved and is synced.
 * @returns the contents that are made now.
 */
export async function copyHeld(
  context: UpdateContext,
  held: HeldFiles,
  contents: readonly DamagedContent[],
  signal?: AbortSignal,
): Promise<ReadonlySet<Digest>> {
  const made = new Set<Digest>();
  for (const content of contents) {
    const path = held.get(content.sha256);
    const isMade =
      path === mendedPath(context, content) ||
      (content.bytes === 0 && (await makeEmpty(context, content))) ||
      (path !== undefined && (await copyProved(context, path, content, signal)));
    if (isMade) made.add(content.sha256);
  }
  return made;
}

async function makeEmpty(context: UpdateContext, content: DamagedContent): Promise<boolean> {
  const { fileSystem } = context.host;
  await fileSystem.makeDirectory(context.layout.downloads);
  const handle = await fileSystem.open(mendedPath(context, content), 'create');
  await handle.sync();
  await handle.close();
  return true;
}

/** Candidates of each content by their length: below the install root, and among what the last update replaced. */
async function findBySize(
  { host, layout }: UpdateContext,
  contents: readonly DamagedContent[],
): Promise<ReadonlyMap<DamagedContent, readonly string[]>> {
  const found = new Map<DamagedContent, string[]>(contents.map((content) => [content, []]));
  const walks = [
    walkFolder(host.fileSystem, layout.previous, () => true),
    walkFolder(host.fileSystem, layout.root, (relative) => !isOwnPath(relative)),
  ];
  for (const walk of walks) {
    for await (const { filePath, stat } of walk) {
      if (stat.kind !== 'file') continue;
      for (const [content, paths] of found) if (content.bytes === stat.bytes && paths.length < candidatesMax) paths.push(filePath);
    }
  }
  return found;
}

/** A file that can not be read is not it. */
async function isContent(
  fileSystem: FileSystem,
  path: string,
  { bytes, sha256 }: DamagedContent,
  signal?: AbortSignal,
): Promise<boolean> {
  const stat = await fileSystem.stat(path);
  if (stat?.kind !== 'file' || stat.bytes !== bytes) return false;
  try {
    return (await digestOfFile(fileSystem, path, signal)) === sha256;
  } catch (error) {
    if (hasCode(error, 'TRANSACTION_FILE_HELD', 'STORAGE_FAILED')) return false;
    throw error;
  }
}

/** @returns false when what was copied is not the content (any more). */
async function copyProved(context: UpdateContext, source: string, content: DamagedContent, signal?: AbortSignal): Promise<boolean> {
  const { fileSystem } = context.host;
  const part = partPath(mendedPath(context, content));
  await fileSystem.makeDirectory(context.layout.downloads);
  await copyFile(fileSystem, source, part, signal);
  return finishMended(context, content, signal);
}

/**
 * Gives the part of a content its name when it is the content, synced.
 * @returns false, and the part is gone, when it is not.
 */
export async function finishMended(context: UpdateContext, content: DamagedContent, signal?: AbortSignal): Promise<boolean> {
  const { fileSystem } = context.host;
  const path = mendedPath(context, content);
  const part = partPath(path);
  if (!(await isContent(fileSystem, part, content, signal))) {
    await fileSystem.removeFile(part);
    return false;
  }
  const handle = await fileSystem.open(part, 'write');
  await handle.sync().finally(() => handle.close());
  await fileSystem.rename(part, path);
  await syncNames(fileSystem, { files: [path], directories: [context.layout.downloads] });
  return true;
}
