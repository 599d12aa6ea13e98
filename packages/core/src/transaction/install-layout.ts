import { join } from 'node:path';

/** Where everything of an install lies; absolute paths. */
export interface InstallLayout {
  /** The application's own files, in place. */
  readonly root: string;
  /** The updater's folder. */
  readonly home: string;
  /** First line: the installed version. In no manifest. */
  readonly versionText: string;
  readonly state: string;
  readonly manifest: string;
  /** Versions that were rolled back here; outside every transaction. */
  readonly blocked: string;
  /** How often the swap to a version was begun here, so that a loop of updates ends; outside every transaction. */
  readonly swaps: string;
  /** The mandatory version that the server last told of; outside every transaction. */
  readonly floor: string;
  readonly lock: string;
  readonly journal: string;
  /** One folder per transaction: the target's changed files, numbered. */
  readonly staging: string;
  /** One folder per transaction: what it replaced, numbered. The way back. */
  readonly previous: string;
  /** Root of trust, signed metadata, and what it must not go below; outside every transaction. */
  readonly trust: string;
  /** Partial and finished objects, by digest. */
  readonly downloads: string;
}

/** @param root absolute. @param home absolute, on the same volume as the root: files are renamed between the two. */
export const installLayout = (root: string, home: string = join(root, '.remendo')): InstallLayout => ({
  root,
  home,
  versionText: join(root, 'version.txt'),
  state: join(home, 'state.json'),
  manifest: join(home, 'manifest.json'),
  blocked: join(home, 'blocked.json'),
  swaps: join(home, 'swaps.json'),
  floor: join(home, 'floor.json'),
  lock: join(home, 'lock'),
  journal: join(home, 'journal'),
  staging: join(home, 'staging'),
  previous: join(home, 'previous'),
  trust: join(home, 'trust'),
  downloads: join(home, 'downloads'),
});
