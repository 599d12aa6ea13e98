import { expect, test } from 'vitest';
import { chainBounds, type ReleaseEdge, releaseChains } from './release-chains.js';

const edge = (base: string, target: string, bytes: number): ReleaseEdge => ({ base, target, bytes, derivations: 1 });
const names = (edges: readonly ReleaseEdge[], chains: readonly (readonly number[])[]) =>
  chains.map((chain) => chain.map((index) => edges[index]?.target).join(' '));

test('chains come with the fewest bytes first', () => {
  const edges = [edge('1', '2', 5), edge('2', '3', 5), edge('1', '3', 11), edge('3', '4', 1), edge('2', '4', 20)];
  const { chains, isComplete } = releaseChains(edges, '1', '4');
  expect(names(edges, chains)).toEqual(['2 3 4', '3 4', '2 4']);
  expect(isComplete).toBe(true);
});

test('cycles end, as no release is passed twice', () => {
  const edges = [edge('1', '2', 1), edge('2', '1', 1), edge('2', '2', 1), edge('2', '3', 1), edge('3', '2', 1), edge('3', '1', 1)];
  expect(names(edges, releaseChains(edges, '1', '3').chains)).toEqual(['2 3']);
});

test('there is no chain where no deltas lead, and none from a release to itself', () => {
  expect(releaseChains([edge('1', '2', 1)], '2', '1')).toEqual({ chains: [], isComplete: true });
  expect(releaseChains([edge('1', '1', 1)], '1', '1').chains).toEqual([]);
});

test('two deltas for one pair are two chains', () => {
  expect(releaseChains([edge('1', '2', 9), edge('1', '2', 3)], '1', '2').chains).toEqual([[1], [0]]);
});

test('the enumeration stops at its bounds and says so', () => {
  const releases = Array.from({ length: 16 }, (_, index) => index);
  const edges = releases.flatMap((base) =>
    releases.filter((target) => target > base).map((target) => edge(`${base}`, `${target}`, target - base + 1)),
  );
  const all = releaseChains(edges, '0', '15');
  expect(all.chains.length).toBe(chainBounds.chainsMax);
  expect(all.isComplete).toBe(false);
  expect(all.chains[0]).toHaveLength(1);
  expect(releaseChains(edges, '0', '15', { ...chainBounds, derivationsMax: 6 }).chains.length).toBeLessThan(10);
});

test('a maze of downgrades is left after a bounded number of steps', () => {
  const releases = Array.from({ length: 40 }, (_, index) => `${index}`);
  const edges = releases.flatMap((base) => releases.filter((target) => target !== base).map((target) => edge(base, target, 1)));
  expect(releaseChains(edges, '0', '39', { ...chainBounds, stepsMax: 500 }).isComplete).toBe(false);
});
