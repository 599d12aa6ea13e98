/** What holds of offers whatever the releases, the rollouts and the terminal: invariants of the fleet, not examples. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareVersions } from '../manifest/version.js';
import { checkProperty } from '../testing/check-property.js';
import { decideOffer, isLetOutTo } from './decide-offer.js';
import { type Offer, type OfferableRelease, type OfferInput, orderReleases, type Rollout } from './offer.js';

/** Few of everything, so that they meet. */
const version = fc.tuple(fc.constantFrom(1, 2), fc.integer({ min: 0, max: 3 }), fc.constantFrom('0', '1-beta', '1', '1+b'));
const anyVersion = version.map((parts) => parts.join('.'));
const names = fc.subarray(['a', 'b', 'c']);
const name = fc.option(fc.constantFrom('a', 'b', 'c'));
const share = fc.oneof(fc.constantFrom(0, 10_000), fc.integer({ min: 0, max: 10_000 }));

const mostly = <T>(usual: T, ...others: T[]) => fc.oneof({ arbitrary: fc.constant(usual), weight: 3 }, fc.constantFrom(...others));

const rollout: fc.Arbitrary<Rollout> = fc.record({
  seed: fc.constantFrom('x', 'y'),
  share,
  groups: names,
  rings: names,
  state: mostly<Rollout['state']>('running', 'paused', 'halted'),
});

const release: fc.Arbitrary<OfferableRelease> = fc.record({
  version: anyVersion,
  type: mostly<OfferableRelease['type']>('stable', 'development', 'hotfix'),
  state: mostly<OfferableRelease['state']>('published', 'draft', 'testing', 'deprecated', 'withdrawn'),
  isFloor: mostly(false, true),
  isMandatory: mostly(false, true),
  rollout,
});

const releases = fc.uniqueArray(release, { selector: (of) => of.version, maxLength: 10 });

const input: fc.Arbitrary<OfferInput> = fc.record({
  channel: fc.constantFrom('stable' as const, 'development' as const),
  pointer: fc.option(anyVersion, { freq: 10 }),
  releases: releases.map(orderReleases),
  terminal: fc.record({
    version: fc.option(anyVersion, { freq: 10 }),
    key: fc.option(fc.string(), { freq: 10 }),
    group: name,
    ring: name,
    pinnedVersion: fc.oneof({ arbitrary: fc.constant(null), weight: 3 }, anyVersion),
    allowDowngrade: fc.boolean(),
    blocked: fc.oneof({ arbitrary: fc.constant([]), weight: 2 }, fc.array(anyVersion, { maxLength: 3 })),
  }),
});

const byVersion = (of: OfferInput, wanted: string) => of.releases.find((candidate) => candidate.version === wanted);

interface Growth {
  readonly share: number;
  readonly groups: readonly string[];
  readonly rings: readonly string[];
  readonly isForAllGroups: boolean;
}

const growth: fc.Arbitrary<Growth> = fc.record({ share, groups: names, rings: names, isForAllGroups: fc.boolean() });

function grown(of: Rollout, by: Growth): Rollout {
  const isForAll = by.isForAllGroups || of.groups.length === 0;
  return {
    ...of,
    share: Math.max(of.share, by.share),
    groups: isForAll ? [] : [...new Set([...of.groups, ...by.groups])],
    rings: [...new Set([...of.rings, ...by.rings])],
  };
}

it('growing rollouts never takes an offer away, and leads nobody to something older', async () => {
  await checkProperty(
    fc.property(input, fc.array(growth, { minLength: 10, maxLength: 10 }), (given, growths) => {
      const before = decideOffer(given);
      if (before.kind === 'none') return;
      const larger = given.releases.map((of, index) => {
        const by = growths[index];
        return by === undefined ? of : { ...of, rollout: grown(of.rollout, by) };
      });
      const after = decideOffer({ ...given, releases: orderReleases(larger) });
      if (after.kind === 'none') throw new Error(`${before.finalVersion} was taken away: ${after.reason}`);
      expect(compareVersions(after.finalVersion, before.finalVersion)).toBeGreaterThanOrEqual(0);
    }),
    20_000,
  );
});

it('what is offered may be had by this terminal, and is newer than what it has unless its pin goes back', async () => {
  await checkProperty(
    fc.property(input, (given) => {
      const offer = decideOffer(given);
      if (offer.kind === 'none') return;
      const { terminal } = given;
      for (const wanted of [offer.version, offer.finalVersion]) {
        const offered = byVersion(given, wanted);
        const isOfRing = terminal.ring !== null && offered?.rollout.rings.includes(terminal.ring) === true;
        expect(isOfRing ? ['testing', 'published', 'deprecated'] : ['published', 'deprecated']).toContain(offered?.state);
        expect(offered?.rollout.state).toBe('running');
        expect(offered !== undefined && isLetOutTo(offered, terminal)).toBe(true);
        expect(terminal.blocked).not.toContain(wanted);
        if (terminal.version === null) continue;
        const order = compareVersions(wanted, terminal.version);
        if (offer.isDowngrade) expect([order < 0, terminal.allowDowngrade, terminal.pinnedVersion]).toEqual([true, true, wanted]);
        else expect(order).toBeGreaterThan(0);
      }
    }),
    10_000,
  );
});

it('who follows the offers comes to where they lead, floor by floor', async () => {
  await checkProperty(
    fc.property(input, (given) => {
      let offer = decideOffer(given);
      let installed = given.terminal.version;
      const [first, passed] = [offer, new Set<string>()];
      for (; offer.kind === 'offer'; offer = decideOffer({ ...given, terminal: { ...given.terminal, version: installed } })) {
        if (first.kind === 'offer') expect(compareVersions(offer.finalVersion, first.finalVersion)).toBeGreaterThanOrEqual(0);
        expect(offer.isFloorStep).toBe(offer.version !== offer.finalVersion);
        expect(passed.has(offer.version)).toBe(false);
        installed = offer.version;
        passed.add(installed);
      }
      if (first.kind === 'none') return;
      // Or further: a floor in testing that was in the way may lie behind the terminal after its first step.
      expect(compareVersions(installed ?? first.finalVersion, first.finalVersion)).toBeGreaterThanOrEqual(0);
      // Build metadata orders nothing: of two floors that differ in that only, one is enough.
      const isPassed = (floor: string) => [...passed].some((one) => compareVersions(one, floor) === 0);
      expect(publicFloorsBetween(given, first.finalVersion).filter((floor) => !isPassed(floor))).toEqual([]);
    }),
    10_000,
  );
});

function publicFloorsBetween({ releases: all, terminal }: OfferInput, final: string): readonly string[] {
  const { version: installed } = terminal;
  if (installed === null) return [];
  return all
    .filter(({ isFloor, state }) => isFloor && state !== 'draft' && state !== 'testing')
    .map((floor) => floor.version)
    .filter((floor) => compareVersions(floor, installed) > 0 && compareVersions(floor, final) < 0);
}

it('the same releases in any order give the same offer', async () => {
  const twice = input.chain((given) => {
    const shuffled = fc.shuffledSubarray([...given.releases], { minLength: given.releases.length });
    return shuffled.map((other): [Offer, Offer] => [decideOffer(given), decideOffer({ ...given, releases: orderReleases(other) })]);
  });
  await checkProperty(
    fc.property(twice, ([offer, again]) => {
      expect(again).toEqual(offer);
    }),
    5_000,
  );
});
