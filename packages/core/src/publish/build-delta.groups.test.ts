import { describe, expect, it } from 'vitest';
import { type Derivation, derivationTargets } from '../delta/delta.js';
import { encodeDeltaIndex } from '../delta/delta-index.js';
import { indexDelta } from '../delta/resolve-delta.js';
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { type BuildDeltaInput, type BuiltDelta, buildDelta } from './build-delta.js';
import { type Files, newBuild, noise, reachesTarget, releaseInMemory, solidMaker } from './release-in-memory.test.support.js';

/** One file system and the releases in it; deltas between them are built in folders of their own. */
class Publisher {
  readonly fileSystem = new MemoryFileSystem();
  readonly #packs = new Map<Digest, string>();
  #builds = 0;

  release(version: string, files: Files) {
    return releaseInMemory(this.fileSystem, version, files);
  }

  async build(releases: Pick<BuildDeltaInput, 'base' | 'target'>, options: Partial<BuildDeltaInput> = {}): Promise<BuiltDelta> {
    this.#builds += 1;
    const workFolder = `/work-${this.#builds}`;
    await this.fileSystem.makeDirectory(workFolder);
    const makers = [solidMaker(this.fileSystem)];
    const built = await buildDelta({ fileSystem: this.fileSystem, makers, workFolder, ...releases, ...options });
    if (built.pack !== null) this.#packs.set(built.pack.digest, built.pack.path);
    expect(await reachesTarget(this.fileSystem, built, { base: releases.base, packs: this.#packs })).toBe(true);
    return built;
  }
}

const shapes = (derivations: readonly Derivation[]) =>
  derivations.map((one) => (one.kind === 'whole' ? 'whole' : `${one.bases.length} → ${one.targets.length}`));
const knownOf = ({ delta, pack }: BuiltDelta) =>
  delta.derivations.map((derivation) => ({ derivation, objectBytes: pack?.bytes ?? 0 }));

/** Many small files, each its own. */
const manyFiles = (count: number, isNew = (_index: number): boolean => false): Files =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const text = Buffer.from(noise(index, 350 + (index % 13) * 45)).toString('hex');
      return [`module-${index % 40}/file-${index}.js`, isNew(index) ? `${text} and more` : text];
    }),
  );

describe('small contents share patches', () => {
  it('2,000 of them in a few, and cost the index little more than their digests', async () => {
    const publisher = new Publisher();
    const base = await publisher.release('1.0.0', manyFiles(2_000));
    const target = await publisher.release(
      '1.0.1',
      manyFiles(2_000, () => true),
    );
    const built = await publisher.build({ base, target });
    expect(built.delta.derivations.length).toBeLessThan(15);
    expect(encodeDeltaIndex(indexDelta(built.delta)).length).toBeLessThan(2_000 * 44);
    expect(built.files.reduce((sum, { storedBytes }) => sum + storedBytes, 0)).toBe(built.pack?.bytes);
    expect(built.files.every(({ how }) => how === 'patch')).toBe(true);
  });

  it('of contents at hand and of none', async () => {
    const publisher = new Publisher();
    const base = await publisher.release('1.0.0', { a: noise(1, 9_000), b: noise(2, 9_000), c: 'c' });
    const target = await publisher.release('1.0.1', {
      a: newBuild(noise(1, 9_000)),
      b: newBuild(noise(2, 9_000)),
      new: 'of its own '.repeat(30),
    });
    expect(shapes((await publisher.build({ base, target })).delta.derivations)).toEqual(['2 → 3']);
    const nothing = await publisher.release('0.0.0', {});
    expect(shapes((await publisher.build({ base: nothing, target })).delta.derivations)).toEqual(['whole', 'whole', 'whole']);
    const text = await publisher.release('1.0.2', { a: 'to be or not to be '.repeat(40), b: 'that is not to be '.repeat(50) });
    expect(shapes((await publisher.build({ base: nothing, target: text })).delta.derivations)).toEqual(['0 → 2']);
  });

  it('to the same bytes each time, whatever is done at the same time', async () => {
    const publisher = new Publisher();
    const base = await publisher.release('1.0.0', manyFiles(900));
    const target = await publisher.release(
      '1.0.1',
      manyFiles(900, (index) => index % 3 > 0),
    );
    const [one, other] = [
      await publisher.build({ base, target }, { concurrency: 1 }),
      await publisher.build({ base, target }, { concurrency: 5 }),
    ];
    expect(one.pack?.digest).toBe(other.pack?.digest);
    expect(one.delta).toEqual(other.delta);
  });
});

describe('a group that is stored already', () => {
  it('is not built again, for the same releases or for others with the same contents', async () => {
    const publisher = new Publisher();
    const base = await publisher.release('1.0.0', manyFiles(300));
    const target = await publisher.release(
      '1.0.1',
      manyFiles(300, (index) => index < 100),
    );
    const first = await publisher.build({ base, target });
    const again = await publisher.build({ base, target }, { known: knownOf(first) });
    expect(again.pack).toBeNull();
    expect(again.delta).toEqual(first.delta);
    const later = await publisher.release('1.0.2', { ...manyFiles(300, (index) => index < 100), more: noise(77, 4_000) });
    const second = await publisher.build({ base, target: later }, { known: knownOf(first) });
    expect(second.delta.derivations.slice(0, first.delta.derivations.length)).toEqual(first.delta.derivations);
    expect(second.delta.derivations.slice(first.delta.derivations.length).flatMap(derivationTargets).length).toBe(1);
  });

  it('is left aside when one of its bases is another one', async () => {
    const publisher = new Publisher();
    const files = manyFiles(20);
    const base = await publisher.release('1.0.0', files);
    const target = await publisher.release(
      '1.0.1',
      manyFiles(20, () => true),
    );
    const first = await publisher.build({ base, target });
    const otherBase = await publisher.release('0.9.0', { ...files, 'module-3/file-3.js': noise(1_000, 900) });
    const second = await publisher.build({ base: otherBase, target }, { known: knownOf(first) });
    expect(second.delta.derivations.every(({ blob }) => blob.object === second.pack?.digest)).toBe(true);
  });
});

describe('a group that the first maker can not make', () => {
  it('is made one by one by the next, from what each is most like, or goes whole', async () => {
    const publisher = new Publisher();
    const refuses = solidMaker(publisher.fileSystem, {
      make: async () => {
        throw new UpdaterError('PATCH_INVALID', 'not these');
      },
    });
    const pairs = solidMaker(publisher.fileSystem, { capacity: { basesMax: 1, targetsMax: 1, bytesMax: 1_000_000 } });
    const base = await publisher.release('1.0.0', { a: noise(1, 9_000), b: noise(2, 9_000) });
    const target = await publisher.release('1.0.1', {
      a: newBuild(noise(1, 9_000)),
      b: newBuild(noise(2, 9_000)),
      c: noise(3, 100),
    });
    const built = await publisher.build({ base, target }, { makers: [refuses, pairs] });
    expect(shapes(built.delta.derivations)).toEqual(['1 → 1', '1 → 1', 'whole']);
    expect(built.notices).toEqual(['a (with 2 more) has no bsdiff40 patch: not these']);
  });
});
