import { compareVersions } from '@remendo/core';

export interface VersionedBuild {
  readonly buildId: number;
  readonly version: string;
}

export interface DeltaPair {
  readonly baseBuildId: number;
  readonly targetBuildId: number;
}

/**
 * Which deltas a newly published build calls for: to it from its `basesMax` next older ones, and, when it was published
 * out of order, from it to every newer build that it is now one of the next older ones of. Newest bases first: most
 * terminals are there.
 */
export function wantedDeltas(builds: readonly VersionedBuild[], newBuildId: number, basesMax: number): readonly DeltaPair[] {
  const ascending = [...builds].sort((a, b) => compareVersions(a.version, b.version));
  const position = ascending.findIndex((build) => build.buildId === newBuildId);
  if (position < 0) return [];
  const older = ascending.slice(Math.max(0, position - basesMax), position).reverse();
  const newer = ascending.slice(position + 1, position + 1 + basesMax);
  return [
    ...older.map((base) => ({ baseBuildId: base.buildId, targetBuildId: newBuildId })),
    ...newer.map((target) => ({ baseBuildId: newBuildId, targetBuildId: target.buildId })),
  ];
}
