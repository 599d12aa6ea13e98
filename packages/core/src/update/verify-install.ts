import { UpdaterError } from '../errors.js';
import { walkFolder } from '../file-system/walk-folder.js';
import { foldPath, isOwnPath, type ReleasePath } from '../manifest/release-path.js';
import { readInstalled } from './install-state.js';
import { surveyInstall } from './survey-install.js';
import type { UpdateContext } from './update-context.js';

export interface VerifyReport {
  readonly version: string;
  readonly files: number;
  readonly bytes: number;
  /** True when every file is the manifest's, preserved ones aside. */
  readonly intact: boolean;
  readonly damaged: readonly { readonly path: ReleasePath; readonly finding: 'changed' | 'missing' | 'mode' }[];
  /** Files of the release that differ and may: their path matches a preserve glob. */
  readonly preserved: readonly ReleasePath[];
  /** Files in the install root that no manifest names: the users' own. */
  readonly foreign: readonly string[];
}

export interface VerifyOptions {
  /** Told after every file, in bytes of the release. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/** Holds every installed file against the manifest by SHA-256. @throws UpdaterError INSTALL_UNKNOWN without a manifest. */
export async function verifyInstall(context: UpdateContext, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { fileSystem } = context.host;
  const { root } = context.layout;
  const { manifest } = await readInstalled(fileSystem, context.layout);
  if (manifest === null) throw new UpdaterError('INSTALL_UNKNOWN', `${root} has no manifest of what is installed`);
  const survey = await surveyInstall(fileSystem, root, manifest, { full: true, ...options });
  const differing = survey.filter(({ finding }) => finding !== 'intact');
  const isAllowed = ({ file, finding }: (typeof survey)[number]): boolean =>
    finding !== 'missing' && context.isPreserved(file.path);
  const damaged = differing
    .filter((surveyed) => !isAllowed(surveyed))
    .map(({ file, finding }) => ({ path: file.path, finding: finding as 'changed' | 'missing' | 'mode' }));
  const named = new Set(manifest.files.map((file) => foldPath(file.path)));
  const foreign: string[] = [];
  for await (const { relative } of walkFolder(fileSystem, root, (name) => !isOwnPath(name)))
    if (!named.has(foldPath(relative))) foreign.push(relative);
  return {
    version: manifest.displayVersion ?? manifest.version,
    files: manifest.files.length,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    intact: damaged.length === 0,
    damaged,
    preserved: differing.filter(isAllowed).map(({ file }) => file.path),
    foreign: foreign.sort(),
  };
}
