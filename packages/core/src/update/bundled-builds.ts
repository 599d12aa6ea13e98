/** What a bundle holds for who asks. */
import { UpdaterError } from '../errors.js';
import { compareVersions } from '../manifest/version.js';
import type { BundledRelease, BundleIndex } from '../protocol/index.js';
import type { AskingTerminal } from './server-api.js';

/** What a bundle holds of one application for one platform. */
export interface BundledBuilds {
  readonly application: string;
  readonly platform: string;
  /** Newest first. */
  readonly releases: readonly BundledRelease[];
  readonly bases: BundleIndex['bases'];
}

/** @throws UpdaterError BUNDLE_INVALID when there is nothing; CONFIG_INVALID when nobody says which of several is meant. */
export function findBuilds({ releases, bases }: BundleIndex, asked: AskingTerminal): BundledBuilds {
  const application = onlyOne('application', asked.application, releases);
  const ofApplication = releases.filter((release) => release.application === application);
  const platform = onlyOne('platform', asked.platform, ofApplication);
  const isFor = (build: { readonly application: string; readonly platform: string }): boolean =>
    build.application === application && build.platform === platform;
  return {
    application,
    platform,
    releases: releases.filter(isFor).sort((a, b) => compareVersions(b.version, a.version)),
    bases: bases.filter(isFor),
  };
}

/** What was asked for, when the bundle has it; else the only one there is. */
function onlyOne(name: 'application' | 'platform', asked: string | null, releases: readonly BundledRelease[]): string {
  const held = [...new Set(releases.map((release) => release[name]))].sort();
  const [first] = held;
  const details = { asked: asked ?? '', held };
  if (asked !== null && held.includes(asked)) return asked;
  if (asked !== null)
    throw new UpdaterError('BUNDLE_INVALID', `the bundle has nothing of ${name} ${asked}, but of ${held.join(', ')}`, { details });
  if (first === undefined || held.length > 1)
    throw new UpdaterError('CONFIG_INVALID', `the bundle holds more than one ${name}; name one of ${held.join(', ')}`, { details });
  return first;
}

/** @throws UpdaterError RELEASE_NOT_FOUND */
export function requireRelease({ application, platform, releases }: BundledBuilds, version: string): BundledRelease {
  const found = releases.find((release) => release.version === version);
  if (found !== undefined) return found;
  const held = releases.map((release) => release.version).join(', ');
  throw new UpdaterError('RELEASE_NOT_FOUND', `the bundle holds ${application} ${held} for ${platform}, not ${version}`);
}
