/** Which files an update touches, from what the install root holds and what the target wants there. */
import type { FileSystem } from '../file-system/file-system.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { encodeManifest, manifestDigest } from '../manifest/encode-manifest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { parseReleasePath, type ReleasePath, releasePathToFilePath } from '../manifest/release-path.js';
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
 * files that neither manifest names are not looked at; a file that is right already is no change.
 */
export async function findChanges(
  context: UpdateContext,
  plan: UpdatePlan,
  target: Manifest,
  signal?: AbortSignal,
): Promise<InstallChanges> {
  const { fileSystem } = context.host;
  const { root } = context.layout;
  const options = signal === undefined ? {} : { signal };
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
  const isIntact = (file: ManifestFile): boolean =>
    (isKept(file) ? surveyedBase : surveyedNew).get(file.path)?.finding === 'intact';

  const changes: Change[] = [];
  for (const file of target.files) {
    if (isIntact(file)) continue;
    if (context.isPreserved(file.path) && (await exists(fileSystem, root, file.path))) continue;
    changes.push({ place: 'root', path: file.path, target: { bytes: file.bytes, sha256: file.sha256, mode: file.mode } });
  }
  const targetPaths = new Set(target.files.map((file) => file.path));
  for (const { file } of baseSurvey) {
    if (targetPaths.has(file.path) || context.isPreserved(file.path)) continue;
    if (await exists(fileSystem, root, file.path)) changes.push({ place: 'root', path: file.path, target: null });
  }
  const own = ownChanges(context, plan, target);
  const ownContents = new Map(own.map(({ bytes }, index) => [changes.length + index, bytes]));
  return {
    changes: [...changes, ...own.map(({ change }) => change)],
    ownContents,
    held: heldContents([...baseSurvey, ...newSurvey]),
  };
}

const exists = async (fileSystem: FileSystem, root: string, path: ReleasePath): Promise<boolean> =>
  (await fileSystem.stat(releasePathToFilePath(root, path)))?.kind === 'file';

/** version.txt, state.json and manifest.json change with the files they speak of. */
function ownChanges(context: UpdateContext, plan: UpdatePlan, target: Manifest): readonly { change: Change; bytes: Uint8Array }[] {
  const version =
    target.displayVersion === undefined
      ? { version: target.version }
      : { version: target.version, displayVersion: target.displayVersion };
  const before = plan.installed.state;
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
