/**
 * What the install root really holds, compared with what a manifest says. Size and xxHash64 are the fast first look:
 * they find every accident. Whatever is built from a file is proved by SHA-256 afterwards.
 */
import pLimit from 'p-limit';
import type { FileSystem } from '../file-system/file-system.js';
import { hashFile, xxh64OfFile } from '../file-system/hash-file.js';
import type { Digest } from '../hash/digest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { type ReleasePath, releasePathToFilePath } from '../manifest/release-path.js';

export type FileFinding = 'intact' | 'changed' | 'missing' | 'mode';

export interface SurveyedFile {
  readonly file: ManifestFile;
  readonly filePath: string;
  readonly finding: FileFinding;
}

export interface SurveyOptions {
  /** Compare SHA-256 as well: for proof instead of speed. */
  readonly full?: boolean;
  /** Files that are not read: what is there counts as changed (default: none). Another program may hold them. */
  readonly isSkipped?: (path: ReleasePath) => boolean;
  /** Files read at the same time (default 4). */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
}

/** One finding per file of the manifest, in its order. Modes count where the system has an executable bit. */
export async function surveyInstall(
  fileSystem: FileSystem,
  root: string,
  manifest: Manifest,
  options: SurveyOptions = {},
): Promise<readonly SurveyedFile[]> {
  const limit = pLimit(options.concurrency ?? 4);
  return Promise.all(
    manifest.files.map((file) =>
      limit(async () => {
        options.signal?.throwIfAborted();
        const filePath = releasePathToFilePath(root, file.path);
        return { file, filePath, finding: await findingOf(fileSystem, filePath, file, options) };
      }),
    ),
  );
}

async function findingOf(
  fileSystem: FileSystem,
  filePath: string,
  file: ManifestFile,
  options: SurveyOptions,
): Promise<FileFinding> {
  const stat = await fileSystem.stat(filePath);
  if (stat === null) return 'missing';
  if (stat.kind !== 'file' || stat.bytes !== file.bytes || options.isSkipped?.(file.path) === true) return 'changed';
  if (options.full === true) {
    if ((await hashFile(fileSystem, filePath, options.signal)).sha256 !== file.sha256) return 'changed';
  } else if ((await xxh64OfFile(fileSystem, filePath, options.signal)) !== file.xxh64) return 'changed';
  return fileSystem.hasModes && isExecutable(stat.mode) !== isExecutable(file.mode) ? 'mode' : 'intact';
}

const isExecutable = (mode: number): boolean => (mode & 0o111) !== 0;

/** A file on disk for each content that the survey found. */
export function heldContents(survey: readonly SurveyedFile[]): ReadonlyMap<Digest, string> {
  const held = new Map<Digest, string>();
  for (const { file, filePath, finding } of survey) {
    if ((finding === 'intact' || finding === 'mode') && !held.has(file.sha256)) held.set(file.sha256, filePath);
  }
  return held;
}
