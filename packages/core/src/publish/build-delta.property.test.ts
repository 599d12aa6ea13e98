import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDeltaIndex, encodeDeltaIndex } from '../delta/delta-index.js';
import { indexDelta, resolveDelta } from '../delta/resolve-delta.js';
import { checkProperty } from '../testing/check-property.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { buildDelta } from './build-delta.js';
import { type Files, newBuild, noise, reachesTarget, releaseInMemory, solidMaker } from './release-in-memory.test.support.js';

/** Contents that are alike, one after the other: new builds of each other, or parts, or nothing of the kind. */
const content = fc
  .record({ seed: fc.nat(5), bytes: fc.constantFrom(0, 1, 300, 5_000, 40_000), builds: fc.nat(3), tail: fc.nat(2) })
  .map(({ seed, bytes, builds, tail }) => {
    let made: Uint8Array = noise(seed, bytes);
    for (let build = 0; build < builds && made.length > 2_000; build += 1) made = newBuild(made, 997 * (build + 1));
    return Buffer.concat([made, noise(seed + 9, tail * 700)]);
  });
const path = fc.constantFrom('a', 'b.js', 'bin/app.exe', 'bin/lib-1.dll', 'bin/lib-2.dll', 'lib-1/x.js', 'lib-2/x.js', 'z');
const files: fc.Arbitrary<Files> = fc.dictionary(path, content, { maxKeys: 8, noNullPrototype: true });

describe('whatever two releases are', () => {
  it('the delta between them leads from the one to the other, with makers or without, and again with what is stored then', async () => {
    await checkProperty(
      fc.asyncProperty(files, files, fc.boolean(), async (from, to, isSolid) => {
        const fileSystem = new MemoryFileSystem();
        const base = await releaseInMemory(fileSystem, '1.0.0', from);
        const target = await releaseInMemory(fileSystem, '1.0.1', to);
        const makers = isSolid ? [solidMaker(fileSystem)] : [];
        const build = async (workFolder: string, options = {}) => {
          await fileSystem.makeDirectory(workFolder);
          return buildDelta({ fileSystem, base, target, makers, workFolder, ...options });
        };
        const built = await build('/work');
        const packs = new Map(built.pack === null ? [] : [[built.pack.digest, built.pack.path]]);
        expect(await reachesTarget(fileSystem, built, { base, packs })).toBe(true);
        expect(resolveDelta(decodeDeltaIndex(encodeDeltaIndex(indexDelta(built.delta))), base.manifest)).toEqual(built.delta);
        const patches = built.delta.derivations.filter(({ kind }) => kind === 'patch');
        const known = patches.map((derivation) => ({ derivation, objectBytes: built.pack?.bytes ?? 0 }));
        const again = await build('/again', { known, concurrency: 1 });
        if (again.pack !== null) packs.set(again.pack.digest, again.pack.path);
        expect(await reachesTarget(fileSystem, again, { base, packs })).toBe(true);
      }),
      60,
    );
  });
});
