import { describe, expect, it } from 'vitest';
import { wantedDeltas } from './wanted-deltas.js';

const builds = (...versions: readonly string[]) => versions.map((version, index) => ({ buildId: index + 1, version }));
const pairs = (all: ReturnType<typeof builds>, version: string, basesMax: number) => {
  const nameOf = (buildId: number) => all.find((build) => build.buildId === buildId)?.version;
  const newBuildId = all.find((build) => build.version === version)?.buildId ?? 0;
  return wantedDeltas(all, newBuildId, basesMax).map((pair) => `${nameOf(pair.baseBuildId)} → ${nameOf(pair.targetBuildId)}`);
};

describe('wantedDeltas', () => {
  it('leads from the next older releases to the new one, the newest first', () => {
    const all = builds('1.0.0', '1.0.10', '1.0.2', '1.1.0');
    expect(pairs(all, '1.1.0', 2)).toEqual(['1.0.10 → 1.1.0', '1.0.2 → 1.1.0']);
  });

  it('leads from a release published late to the newer ones, too', () => {
    const all = builds('1.0.0', '1.0.2', '1.0.3', '1.0.1');
    expect(pairs(all, '1.0.1', 1)).toEqual(['1.0.0 → 1.0.1', '1.0.1 → 1.0.2']);
  });

  it('wants nothing for the first release and with no bases', () => {
    expect(pairs(builds('1.0.0'), '1.0.0', 5)).toEqual([]);
    expect(pairs(builds('1.0.0', '1.0.1'), '1.0.1', 0)).toEqual([]);
  });
});
