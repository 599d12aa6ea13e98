/**
 * Which releases a bundle holds, and from which bases it leads to each: a floor that lies between a base and what was asked
 * for is a release of the bundle too. Pure.
 */
import { compareVersions, UpdaterError } from '@remendo/core';
import { bundleBasesMax } from '@remendo/core/protocol';
import { isOpen } from '../releases/release-access.js';
import type { BuildRecord } from '../releases/release-records.js';

/** By target; every target can also be reached from nothing. */
export type BundleWays = Map<BuildRecord, Set<BuildRecord>>;

/** Plans are composed one by one. */
const waysMax = 256;

/** Floors that lie below the build, the lowest first, whatever became of them: see `decideOffer`. */
export const floorsBelow = (target: BuildRecord, builds: readonly BuildRecord[]): readonly BuildRecord[] =>
  builds
    .filter((build) => build.is_floor && compareVersions(build.version, target.version) < 0)
    .filter(({ state }) => state !== 'draft' && (state !== 'testing' || target.state === 'testing'))
    .toSorted((a, b) => compareVersions(a.version, b.version));

/** The newest of all that terminals may have and that can still be read. */
export const anyBase = (target: BuildRecord, builds: readonly BuildRecord[]): readonly BuildRecord[] =>
  builds
    .filter((build) => isOpen(build) && !build.is_removed && compareVersions(build.version, target.version) < 0)
    .slice(0, bundleBasesMax);

/** What stands in the way of a build's being installed from a bundle, whoever asks; null: nothing. */
export function closedBy({ state, rollout, is_removed: isRemoved, version }: BuildRecord): UpdaterError | null {
  if (isRemoved || state === 'withdrawn') return new UpdaterError('RELEASE_NOT_OFFERED', `${version} was withdrawn`);
  if (rollout.state === 'halted') return new UpdaterError('RELEASE_NOT_OFFERED', `the rollout of ${version} was halted`);
  if (state === 'draft') return new UpdaterError('RELEASE_UNSIGNED', `${version} is a draft, or has to be signed first`);
  return null;
}

/**
 * Adds the steps from a base to a target. @param builds of the same application and platform.
 * @throws UpdaterError RELEASE_NOT_OFFERED, RELEASE_UNSIGNED for a floor that is closed, REQUEST_INVALID, LIMIT_EXCEEDED.
 */
export function addWay(
  ways: BundleWays,
  { base, target }: Record<'base' | 'target', BuildRecord>,
  builds: readonly BuildRecord[],
): void {
  if (compareVersions(base.version, target.version) >= 0)
    throw new UpdaterError('REQUEST_INVALID', `${base.version} is not older than ${target.version}`);
  const floors = floorsBelow(target, builds).filter((floor) => compareVersions(floor.version, base.version) > 0);
  for (const floor of floors) {
    const reason = closedBy(floor);
    if (reason !== null) throw reason;
  }
  const stops = [base, ...floors, target];
  for (const [index, stop] of stops.slice(1).entries()) basesOf(ways, stop).add(stops[index] as BuildRecord);
  if ([...ways.values()].reduce((sum, bases) => sum + bases.size + 1, 0) > waysMax)
    throw new UpdaterError('LIMIT_EXCEEDED', `a bundle has plans for at most ${waysMax} pairs of releases`);
}

/** The bases of a target, which is one of the bundle's from then on. */
export function basesOf(ways: BundleWays, target: BuildRecord): Set<BuildRecord> {
  const known = ways.get(target) ?? new Set();
  ways.set(target, known);
  return known;
}
