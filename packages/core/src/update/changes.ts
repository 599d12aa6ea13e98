/** Which files an update touches, from what the install root holds and what the target wants there. */

import { type Derivation, derivationTargets } from '../delta/delta.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { encodeManifest, manifestDigest } from '../manifest/encode-manifest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { foldPath, parseReleasePath, type ReleasePath, releasePathToFilePath } from '../manifest/release-path.js';
import { encodeVersionText } from '../manifest/version.js';
import type { Change } from '../transaction/change.js';
import { encodeState, type InstallState } from './install-state.js';
import type { UpdatePlan } from './offer-plans.js';
import { heldContents, surveyInstall } from './survey-install.js';
import type { UpdateContext } from './update-context.js';

export interface InstallChanges {
  /** Release files first, the updater's own last; staged files are numbered by position. */
  readonly changes: readonly Change[];
  /** Contents that the updater writes itself, by position in `changes`. */
  readonly ownContents: ReadonlyMap<number, Uint8Array>;
  /** A file on disk for each content that the install root holds intact. */
  readonly held: ReadonlyMap<Digest, string>;
}

/**
 * Compares the install root with the target. Preserved files that exist are left out, whatever the release holds;
 * files that neither manifest names are not looked at; a file that is right already is no change. When the base is only
 * what the server took the files for, a file that differs from it may be the user's own: it is not removed.
 */
export async function findChanges(
  context: UpdateContext,
  plan: UpdatePlan,
  target: Manifest,
  signal?: AbortSignal,
): Promise<InstallChanges> {
  const { fileSystem } = context.host;
  const { root } = context.layout;
  const options = { isSkipped: context.isPreserved, ...(signal === undefined ? {} : { signal }) };
  const baseSurvey = await surveyInstall(fileSystem, root, plan.base, options);
  const surveyedBase = new Map(baseSurvey.map((surveyed) => [surveyed.file.path, surveyed]));
  const isKept = (file: ManifestFile): boolean => {
    const base = surveyedBase.get(file.path)?.file;
    return base?.sha256 === file.sha256 && base.mode === file.mode;
  };
  // What the target keeps has been read for the base already.
  const newSurvey = await surveyInstall(
    fileSystem,
    root,
    { ...target, files: target.files.filter((file) => !isKept(file)) },
    options,
  );
  const surveyedNew = new Map(newSurvey.map((surveyed) => [surveyed.file.path, surveyed]));
  const targetPaths = new Set(target.files.map((file) => file.path));
  const leaving = plan.base.files.filter((file) => !targetPaths.has(file.path));
  // Where case does not count, the old spelling of a file answers to its new one: it is not there yet all the same.
  const leavingNames = new Set(leaving.map((file) => foldPath(file.path)));
  const isIntact = (file: ManifestFile): boolean =>
    !leavingNames.has(foldPath(file.path)) && (isKept(file) ? surveyedBase : surveyedNew).get(file.path)?.finding === 'intact';

  const changes: Change[] = [];
  for (const file of target.files) {
    if (isIntact(file)) continue;
    // Whatever stands there: the user may have put a link or a folder in its place.
    if (context.isPreserved(file.path) && (await fileSystem.stat(releasePathToFilePath(root, file.path))) !== null) continue;
    changes.push({ place: 'root', path: file.path, target: { bytes: file.bytes, sha256: file.sha256, mode: file.mode } });
  }
  const isRemembered = plan.installed.manifest !== null;
  for (const { path } of leaving) {
    if (context.isPreserved(path)) continue;
    if (!isRemembered && surveyedBase.get(path)?.finding === 'changed') continue;
    if (await exists(fileSystem, root, path)) changes.push({ place: 'root', path, target: null });
  }
  const own = ownChanges(context, plan.installed.state, target);
  const ownContents = new Map(own.map(({ bytes }, index) => [changes.length + index, bytes]));
  return {
    changes: [...changes, ...own.map(({ change }) => change)],
    ownContents,
    held: heldContents([...baseSurvey, ...newSurvey]),
  };
}

/** What staging writes at most: every changed file, and contents that only lead to others. */
export function stagingBytes({ changes }: InstallChanges, derivations: readonly Derivation[]): number {
  const targets = changes.flatMap(({ target }) => target ?? []);
  const wanted = new Set(targets.map(({ sha256 }) => sha256));
  const steps = derivations.flatMap(derivationTargets).filter(({ sha256 }) => !wanted.has(sha256));
  return [...targets, ...steps].reduce((sum, { bytes }) => sum + bytes, 0);
}

const exists = async (fileSystem: FileSystem, root: string, path: ReleasePath): Promise<boolean> =>
  (await fileSystem.stat(releasePathToFilePath(root, path)))?.kind === 'file';

/** A file of the updater's own that changes with the release's, and what it shall hold. */
export interface OwnChange {
  readonly change: Change;
  readonly bytes: Uint8Array;
}

/** version.txt, state.json and manifest.json change with the files they speak of. @param before keeps the terminal's id. */
export function ownChanges(context: UpdateContext, before: InstallState | null, target: Manifest): readonly OwnChange[] {
  const version =
    target.displayVersion === undefined
      ? { version: target.version }
      : { version: target.version, displayVersion: target.displayVersion };
  const state: InstallState = {
    format: 'remendo-state-1',
    application: target.application,
    platform: target.platform,
    ...version,
    manifestDigest: manifestDigest(target),
    channel: context.channel,
    terminalId: before?.terminalId ?? context.host.random.id(),
  };
  const change = (place: 'root' | 'home', path: string, bytes: Uint8Array) => ({
    change: { place, path: parseReleasePath(path), target: { bytes: bytes.length, sha256: digestOf(bytes), mode: 0o644 } },
    bytes,
  });
  return [
    change('home', 'manifest.json', encodeManifest(target)),
    change('home', 'state.json', encodeState(state)),
    change('root', 'version.txt', encodeVersionText(version)),
  ];
}
