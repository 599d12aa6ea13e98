import { describe, expect, it } from 'vitest';
import { bucketOf } from './bucket-of.js';
import { decideOffer } from './decide-offer.js';
import { type OfferableRelease, type OfferInput, type OfferTerminal, orderReleases, type Rollout } from './offer.js';

type ReleaseChanges = Partial<Omit<OfferableRelease, 'rollout' | 'version'>> & { readonly rollout?: Partial<Rollout> };

const release = (version: string, { rollout, ...changes }: ReleaseChanges = {}): OfferableRelease => ({
  version,
  type: 'stable',
  state: 'published',
  isFloor: false,
  isMandatory: false,
  ...changes,
  rollout: { seed: version, share: 10_000, groups: [], rings: [], state: 'running', ...rollout },
});

const [floor, paused, halted] = [{ isFloor: true }, { rollout: { state: 'paused' } }, { rollout: { state: 'halted' } }] as const;

const decided = (
  releases: readonly OfferableRelease[],
  terminal: Partial<OfferTerminal> = {},
  options: Partial<Pick<OfferInput, 'channel' | 'pointer'>> = {},
) =>
  decideOffer({
    channel: 'stable',
    pointer: '2.0.0',
    ...options,
    releases: orderReleases(releases),
    terminal: {
      version: '1.0.0',
      key: 'T-0001',
      group: null,
      ring: null,
      pinnedVersion: null,
      allowDowngrade: false,
      blocked: [],
      ...terminal,
    },
  });

/** The offer in short: the version, or the step and where it leads, or the reason. */
function outcome(...args: Parameters<typeof decided>): string {
  const offer = decided(...args);
  if (offer.kind === 'none') return `${offer.reason}, latest ${offer.latestVersion}`;
  return offer.isFloorStep ? `${offer.version} on the way to ${offer.finalVersion}` : offer.finalVersion;
}

describe('a channel', () => {
  const releases = [release('1.0.0'), release('1.1.0', { type: 'hotfix' }), release('1.2.0', { type: 'development' })];

  it('offers the newest of its types up to where it points', () => {
    expect(outcome(releases)).toBe('1.1.0');
    expect(outcome(releases, {}, { channel: 'development' })).toBe('1.2.0');
    expect(outcome(releases, {}, { pointer: '1.0.5', channel: 'development' })).toBe('up_to_date, latest 1.0.0');
  });

  it('offers nothing older than what is installed, and tells who is newer from who is up to date', () => {
    expect(outcome(releases, { version: '1.1.0' })).toBe('up_to_date, latest 1.1.0');
    expect(outcome(releases, { version: '1.1.0+rebuilt' })).toBe('up_to_date, latest 1.1.0');
    expect(outcome(releases, { version: '3.0.0' })).toBe('newer_installed, latest 1.1.0');
  });

  it('that points nowhere, or at nothing that may be offered, has nothing', () => {
    expect(outcome(releases, {}, { pointer: null })).toBe('nothing_published, latest null');
    for (const state of ['draft', 'deprecated', 'withdrawn'] as const) {
      expect(outcome([release('2.0.0', { state })], { version: null })).toBe('nothing_published, latest null');
    }
  });

  it('has something for a terminal that does not know its version', () => {
    expect(outcome([...releases, release('1.0.5', floor)], { version: null })).toBe('1.1.0');
  });
});

describe('a rollout', () => {
  const share = (of: number) => [release('1.1.0'), release('2.0.0', { rollout: { share: of } })];
  const bucket = bucketOf('2.0.0', 'T-0001');

  it('takes in the terminals below its share; the others get the newest that is for them', () => {
    expect(outcome(share(bucket))).toBe('1.1.0');
    expect(outcome(share(bucket + 1))).toBe('2.0.0');
    expect(outcome(share(bucket), { version: '1.1.0' })).toBe('not_in_rollout, latest 2.0.0');
  });

  it('takes a terminal that nobody knows last', () => {
    expect(outcome(share(9_999), { key: null })).toBe('1.1.0');
    expect(outcome(share(10_000), { key: null })).toBe('2.0.0');
  });

  it('of groups takes its share of their terminals only', () => {
    const releases = (of: number) => [release('2.0.0', { rollout: { groups: ['north'], share: of } })];
    expect(outcome(releases(10_000), { group: 'north' })).toBe('2.0.0');
    expect(outcome(releases(bucket), { group: 'north' })).toBe('not_in_rollout, latest 2.0.0');
    expect(outcome(releases(10_000), { group: 'south' })).toBe('not_in_rollout, latest 2.0.0');
    expect(outcome(releases(10_000))).toBe('not_in_rollout, latest 2.0.0');
  });

  it('lets its rings in whatever the share and the groups', () => {
    const releases = [release('2.0.0', { rollout: { rings: ['early'], groups: ['north'], share: 0 } })];
    expect(outcome(releases, { ring: 'early' })).toBe('2.0.0');
    expect(outcome(releases, { ring: 'late' })).toBe('not_in_rollout, latest 2.0.0');
  });

  it('that is paused or halted, or was rolled back here, leaves the terminal with the next older release', () => {
    expect(outcome([release('1.1.0'), release('2.0.0', paused)])).toBe('1.1.0');
    expect(outcome([release('2.0.0', paused)])).toBe('paused, latest 2.0.0');
    expect(outcome([release('1.1.0'), release('2.0.0', halted)])).toBe('1.1.0');
    expect(outcome([release('2.0.0', halted)])).toBe('halted, latest 2.0.0');
    expect(outcome([release('1.1.0'), release('2.0.0')], { blocked: ['2.0.0'] })).toBe('1.1.0');
    expect(outcome([release('2.0.0')], { blocked: ['2.0.0'] })).toBe('blocked, latest 2.0.0');
  });

  it('that is stopped says so to everybody, in it or not', () => {
    const stopped = release('2.0.0', { rollout: { state: 'halted', share: 0 } });
    expect(outcome([stopped], { blocked: ['2.0.0'] })).toBe('halted, latest 2.0.0');
  });

  it('stops being looked at when its release is withdrawn', () => {
    const releases = [release('1.1.0'), release('2.0.0', { state: 'withdrawn' })];
    expect(outcome(releases)).toBe('1.1.0');
    expect(outcome(releases, { version: '2.0.0' })).toBe('newer_installed, latest 1.1.0');
  });
});

describe('a release in testing', () => {
  const releases = [release('2.0.0'), release('2.1.0', { state: 'testing', rollout: { rings: ['staging'], share: 0 } })];

  it('is for its rings only, also above where the channel points', () => {
    expect(outcome(releases, { ring: 'staging' })).toBe('2.1.0');
    expect(outcome(releases, { ring: 'staging' }, { pointer: null })).toBe('2.1.0');
    expect(outcome(releases, { ring: 'other' })).toBe('2.0.0');
    expect(outcome(releases, { version: '2.0.0' })).toBe('up_to_date, latest 2.0.0');
  });

  it('of another type than the channel takes is not for its rings either', () => {
    const [development] = [release('2.1.0', { type: 'development', state: 'testing', rollout: { rings: ['staging'] } })];
    expect(outcome([development], { ring: 'staging' })).toBe('nothing_published, latest null');
  });
});

describe('a mandatory release', () => {
  const mandatory = (releases: readonly OfferableRelease[], terminal: Partial<OfferTerminal> = {}) => {
    const offer = decided(releases, terminal);
    return offer.kind === 'offer' && offer.isMandatory;
  };

  it('waits for its rollout like any other: it says how, not who', () => {
    const releases = [release('2.0.0', { isMandatory: true, rollout: { share: 0 } })];
    expect(outcome(releases)).toBe('not_in_rollout, latest 2.0.0');
  });

  it('makes an offer mandatory that it is, or that skips it', () => {
    const releases = [release('1.5.0', { isMandatory: true, rollout: { share: 0 } }), release('2.0.0')];
    expect(mandatory(releases)).toBe(true);
    expect(mandatory(releases, { version: '1.5.0' })).toBe(false);
    expect(mandatory([release('1.5.0'), release('2.0.0', { isMandatory: true })])).toBe(true);
  });

  it('makes the first step mandatory when it waits behind a floor', () => {
    expect(mandatory([release('1.5.0', floor), release('2.0.0', { isMandatory: true })])).toBe(true);
  });

  it('concerns nobody where it was never to be had', () => {
    for (const state of ['draft', 'testing', 'withdrawn'] as const) {
      expect(mandatory([release('1.5.0', { isMandatory: true, state }), release('2.0.0')])).toBe(false);
    }
    expect(mandatory([release('1.5.0', { isMandatory: true, type: 'development' }), release('2.0.0')])).toBe(false);
    expect(mandatory([release('1.5.0'), release('2.0.0', { isMandatory: true, rollout: { share: 0 } })])).toBe(false);
  });
});

describe('a floor', () => {
  it('is installed before what lies above it, the lowest first', () => {
    const releases = [release('1.2.0', floor), release('1.3.0'), release('1.5.0', floor), release('2.0.0')];
    expect(outcome(releases)).toBe('1.2.0 on the way to 2.0.0');
    expect(outcome(releases, { version: '1.2.0' })).toBe('1.5.0 on the way to 2.0.0');
    expect(outcome(releases, { version: '1.5.0' })).toBe('2.0.0');
  });

  it('that is the newest release is an offer like another', () => {
    expect(outcome([release('2.0.0', floor)])).toBe('2.0.0');
  });

  it('lets everybody pass whatever its own share and type, deprecated or not', () => {
    const ways = [{ rollout: { share: 0, groups: ['north'] } }, { state: 'deprecated' }, { type: 'development' }] as const;
    for (const way of ways) {
      expect(outcome([release('1.5.0', { ...floor, ...way }), release('2.0.0')])).toBe('1.5.0 on the way to 2.0.0');
    }
  });

  it('that can not be installed closes the way, and what lies below it is still offered', () => {
    const closed = (changes: ReleaseChanges) => [release('1.5.0', { ...floor, ...changes }), release('2.0.0')];
    expect(outcome(closed(halted))).toBe('halted, latest 2.0.0');
    expect(outcome(closed(paused))).toBe('paused, latest 2.0.0');
    expect(outcome(closed({ state: 'withdrawn' }))).toBe('halted, latest 2.0.0');
    expect(outcome(closed({}), { blocked: ['1.5.0'] })).toBe('blocked, latest 2.0.0');
    expect(outcome([release('1.4.0'), ...closed(halted)])).toBe('1.4.0');
  });

  it('that nobody may have yet is not in the way', () => {
    for (const state of ['draft', 'testing'] as const) {
      expect(outcome([release('1.5.0', { ...floor, state }), release('2.0.0')])).toBe('2.0.0');
    }
  });

  it('in testing is on the way to a release in testing, for who may have it', () => {
    const testing = (version: string, rings: readonly string[]) =>
      release(version, { isFloor: true, state: 'testing', rollout: { rings } });
    const both = ['staging', 'lab'];
    expect(outcome([testing('1.5.0', both), testing('2.1.0', both)], { ring: 'lab' })).toBe('1.5.0 on the way to 2.1.0');
    expect(outcome([testing('1.5.0', ['staging']), testing('2.1.0', both)], { ring: 'lab' })).toBe('not_in_rollout, latest 2.1.0');
  });
});

describe('a pin', () => {
  const releases = [
    release('0.9.0'),
    release('1.0.0'),
    release('1.1.0', { state: 'deprecated', type: 'development', rollout: { share: 0 } }),
    release('2.0.0'),
  ];

  it('takes the terminal to its version whatever the channel and the rollout, and holds it there', () => {
    expect(outcome(releases, { pinnedVersion: '1.1.0' })).toBe('1.1.0');
    expect(outcome(releases, { pinnedVersion: '2.0.0' }, { pointer: '1.0.0' })).toBe('2.0.0');
    expect(outcome(releases, { pinnedVersion: '1.1.0', version: '1.1.0' })).toBe('pinned, latest 2.0.0');
    expect(outcome(releases, { pinnedVersion: '1.1.0', version: null })).toBe('1.1.0');
  });

  it('leads to an older version only where that was allowed', () => {
    const older = { pinnedVersion: '0.9.0' };
    expect(outcome(releases, older)).toBe('pinned, latest 2.0.0');
    expect(decided(releases, { ...older, allowDowngrade: true })).toEqual({
      kind: 'offer',
      version: '0.9.0',
      finalVersion: '0.9.0',
      isFloorStep: false,
      isMandatory: false,
      isDowngrade: true,
    });
    expect(outcome(releases, { version: '3.0.0', allowDowngrade: true })).toBe('newer_installed, latest 2.0.0');
  });

  it('passes the floors on its way', () => {
    const withFloor = [...releases, release('1.5.0', floor)];
    expect(outcome(withFloor, { pinnedVersion: '2.0.0' })).toBe('1.5.0 on the way to 2.0.0');
    expect(outcome([...releases, release('1.5.0', { ...floor, ...halted })], { pinnedVersion: '2.0.0' })).toBe(
      'halted, latest 2.0.0',
    );
  });

  it('does not open what is stopped, and nothing else takes its place', () => {
    const pinned = { pinnedVersion: '1.5.0' };
    expect(outcome([...releases, release('1.5.0', halted)], pinned)).toBe('halted, latest 2.0.0');
    expect(outcome([...releases, release('1.5.0', paused)], pinned)).toBe('paused, latest 2.0.0');
    expect(outcome([...releases, release('1.5.0')], { ...pinned, blocked: ['1.5.0'] })).toBe('blocked, latest 2.0.0');
    for (const state of ['draft', 'testing', 'withdrawn'] as const) {
      expect(outcome([...releases, release('1.5.0', { state })], pinned)).toBe('pinned, latest 2.0.0');
    }
    expect(outcome(releases, pinned)).toBe('pinned, latest 2.0.0');
  });
});
