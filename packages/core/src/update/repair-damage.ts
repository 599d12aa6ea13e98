/** What is not as it should be in an install whose release is known, and what stands in the way of putting it in order. */
import { join } from 'node:path';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileStat, FileSystem } from '../file-system/file-system.js';
import { limits } from '../limits.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { parseReleasePath, type ReleasePath, releasePathToFilePath } from '../manifest/release-path.js';
import { parseVersionText } from '../manifest/version.js';
import { type OwnChange, ownChanges } from './changes.js';
import type { Installed } from './install-state.js';
import { heldContents, type SurveyedFile, surveyInstall } from './survey-install.js';
import type { UpdateContext } from './update-context.js';

export interface DamagedFile {
  readonly file: ManifestFile;
  readonly filePath: string;
  readonly finding: 'changed' | 'missing' | 'mode';
  /** What stands there; null: nothing. */
  readonly found: FileStat | null;
  /** It is a file, and can not be read: a bad sector. */
  readonly isUnreadable: boolean;
  /** A folder above it is no folder: a file of the user's, or a link. */
  readonly blockedBy: { readonly path: ReleasePath; readonly kind: FileStat['kind'] } | null;
}

export interface Damage {
  readonly manifest: Manifest;
  readonly files: readonly DamagedFile[];
  /** The updater's own files that have to be written: their contents follow from the manifest. */
  readonly own: readonly OwnChange[];
  /** A file on disk for each content that the install root holds intact. */
  readonly held: ReturnType<typeof heldContents>;
}

export interface FindDamageOptions {
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/** Reads every file of the release. What matches a preserve glob counts only when it is missing. */
export async function findDamage(
  context: UpdateContext,
  { manifest, installed }: { readonly manifest: Manifest; readonly installed: Installed },
  options: FindDamageOptions = {},
): Promise<Damage> {
  const { host, layout, isPreserved } = context;
  const survey = await surveyInstall(host.fileSystem, layout.root, manifest, { full: true, ...options });
  const damaged = survey.filter(({ file, finding }) => finding !== 'intact' && (finding === 'missing' || !isPreserved(file.path)));
  const files: DamagedFile[] = [];
  for (const surveyed of damaged) files.push(await describe(host.fileSystem, layout.root, surveyed));
  return { manifest, files, own: await findOwnDamage(context, manifest, installed), held: heldContents(survey) };
}

async function describe(fileSystem: FileSystem, root: string, surveyed: SurveyedFile): Promise<DamagedFile> {
  const { file, filePath, finding, isUnreadable = false } = surveyed;
  const found = await fileSystem.stat(filePath);
  const blockedBy = await findBlock(fileSystem, root, file.path);
  return { file, filePath, finding: finding as DamagedFile['finding'], found, isUnreadable, blockedBy };
}

/** The outermost parent that is there and is no folder. */
async function findBlock(fileSystem: FileSystem, root: string, path: ReleasePath): Promise<DamagedFile['blockedBy']> {
  const segments = path.split('/').slice(0, -1);
  for (let count = 1; count <= segments.length; count++) {
    const parent = parseReleasePath(segments.slice(0, count).join('/'));
    const stat = await fileSystem.stat(releasePathToFilePath(root, parent));
    if (stat === null) return null;
    if (stat.kind !== 'directory') return { path: parent, kind: stat.kind };
  }
  return null;
}

/** Those of the three that are missing, damaged, or speak of another release; how version.txt is written is its writer's business. */
async function findOwnDamage(context: UpdateContext, manifest: Manifest, installed: Installed): Promise<readonly OwnChange[]> {
  const { host, layout } = context;
  const { state } = installed;
  const versionText = await readOrNull(host.fileSystem, layout.versionText);
  const isRight: Readonly<Record<string, boolean>> = {
    'manifest.json': installed.manifest !== null,
    'state.json':
      state?.manifestDigest === manifestDigest(manifest) &&
      state.version === manifest.version &&
      state.application === manifest.application &&
      state.platform === manifest.platform,
    'version.txt': versionText !== null && parseVersionText(versionText)?.version === manifest.version,
  };
  return ownChanges(context, state, manifest).filter(({ change }) => isRight[change.path] !== true);
}

/** What is no file, or far too long, is no version.txt. */
async function readOrNull(fileSystem: FileSystem, path: string): Promise<Uint8Array | null> {
  const stat = await fileSystem.stat(path);
  if (stat?.kind !== 'file' || stat.bytes > limits.versionTextBytesMax) return null;
  return readSmallFile(fileSystem, path, limits.versionTextBytesMax);
}

/** What has to be made before it can be put in place: each content once. */
export interface DamagedContent {
  readonly sha256: ManifestFile['sha256'];
  readonly bytes: number;
  /** The first of the files that shall have it, for messages. */
  readonly path: ReleasePath;
  /** The longest file where it should be: most of it may still be right. Null: there is none with bytes. */
  readonly damagedPath: string | null;
  /** Of that file. */
  readonly damagedBytes: number;
}

/** Of files that differ in more than their mode. */
export function damagedContents(files: readonly DamagedFile[]): readonly DamagedContent[] {
  const contents = new Map<string, DamagedContent>();
  for (const { file, filePath, finding, found, isUnreadable } of files) {
    if (finding === 'mode') continue;
    const { sha256, bytes, path } = file;
    const content = contents.get(sha256) ?? { sha256, bytes, path, damagedPath: null, damagedBytes: 0 };
    const isLonger = found?.kind === 'file' && !isUnreadable && found.bytes > content.damagedBytes;
    contents.set(sha256, isLonger ? { ...content, damagedPath: filePath, damagedBytes: found.bytes } : content);
  }
  return [...contents.values()];
}

/** Where a finished content lies until it is put in place: it is named, and cleared away, like anything downloaded. */
export const mendedPath = ({ layout }: UpdateContext, { sha256 }: Pick<DamagedContent, 'sha256'>): string =>
  join(layout.downloads, sha256);
