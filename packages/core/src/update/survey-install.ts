/**
 * What the install root really holds, compared with what a manifest says. Size and xxHash64 are the fast first look:
 * they find every accident. Whatever is built from a file is proved by SHA-256 afterwards.
 */
import pLimit from 'p-limit';
import { hasCode } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { xxh64OfFile } from '../file-system/hash-file.js';
import type { Digest } from '../hash/digest.js';
import { type Manifest, type ManifestFile, manifestBytes } from '../manifest/manifest.js';
import { type ReleasePath, releasePathToFilePath } from '../manifest/release-path.js';

export type FileFinding = 'intact' | 'changed' | 'missing' | 'mode';

export interface SurveyedFile {
  readonly file: ManifestFile;
  readonly filePath: string;
  readonly finding: FileFinding;
  /** Set: it is there and can not be read, as on a bad sector; only `full` finds that out instead of throwing. */
  readonly isUnreadable?: true;
}

export interface SurveyOptions {
  /** Compare SHA-256 instead: for proof instead of speed. */
  readonly full?: boolean;
  /** Files that are not read: what is there counts as changed (default: none). Another program may hold them. */
  readonly isSkipped?: (path: ReleasePath) => boolean;
  /** Files read at the same time (default 4). */
  readonly concurrency?: number;
  /** Told after every file; the total is that of the manifest. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
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
  const bytesTotal = manifestBytes(manifest);
  let bytesDone = 0;
  return Promise.all(
    manifest.files.map((file) =>
      limit(async (): Promise<SurveyedFile> => {
        options.signal?.throwIfAborted();
        const filePath = releasePathToFilePath(root, file.path);
        const found = await findingOf(fileSystem, filePath, file, options).catch((error: unknown): 'unreadable' => {
          if (options.full === true && hasCode(error, 'STORAGE_FAILED')) return 'unreadable';
          throw error;
        });
        bytesDone += file.bytes;
        options.onProgress?.(bytesDone, bytesTotal);
        return found === 'unreadable'
          ? { file, filePath, finding: 'changed', isUnreadable: true }
          : { file, filePath, finding: found };
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
    if ((await digestOfFile(fileSystem, filePath, options.signal)) !== file.sha256) return 'changed';
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
