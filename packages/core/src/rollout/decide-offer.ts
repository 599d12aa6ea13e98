/**
 * Who is offered what. Pure: the same input gives the same offer. What holds whatever the input:
 *
 * - Growing a rollout (its share, its groups, its rings) never takes an offer away: a release is looked at only when all
 *   newer ones are not for the terminal, and whether it is does not depend on them.
 * - Nothing older than what is installed, except by a pin that allows it; nothing in draft, withdrawn, paused or halted;
 *   nothing that was rolled back on this terminal.
 */
import { compareVersions } from '../manifest/version.js';
import { bucketCount, bucketOf } from './bucket-of.js';
import type { Channel, NoOfferReason, Offer, OfferableRelease, OfferInput, OfferTerminal, ReleaseType, Rollout } from './offer.js';

/**
 * The newest release that a terminal may have now, or the floor to install before it.
 *
 * - **Channel**: reaches published releases of its types up to where it points, and releases in testing, also above that,
 *   for the rings of their rollouts. Where the newest is not for this terminal, the next one that is newer than the
 *   installed takes its place.
 * - **Mandatory** releases are rolled out like others: the share is the operator's word about how many get it by now, and
 *   one that breaks terminals does so faster when they have to install it. For everybody at once, the share is 10,000.
 * - **Pin**: takes the place of the channel and the rollout's share, groups and rings, and may name a deprecated release; one
 *   in testing stays for its rings. Pause, halt and blocks stop a pinned release too.
 * - **Floors**: each floor between the installed and the chosen version is a step of its own, the lowest first, whatever
 *   its share, type and channel. One that is paused, halted, withdrawn or blocked here closes the way to all above it.
 *   Floors in testing are on the way to releases in testing only. A terminal whose version is not known has no way to go
 *   and gets the chosen version at once.
 */
export function decideOffer(input: OfferInput): Offer {
  const { releases, terminal } = input;
  const newest = releases.find((release) => isReached(input, release)) ?? null;
  const chosen = terminal.pinnedVersion === null ? newestAvailable(input, newest) : pinnedRelease(input, terminal.pinnedVersion);
  if (typeof chosen === 'string') return { kind: 'none', reason: chosen, latestVersion: newest?.version ?? null };
  const step = floorsBelow(input, chosen).at(-1);
  return {
    kind: 'offer',
    version: (step ?? chosen).version,
    finalVersion: chosen.version,
    isFloorStep: step !== undefined,
    isMandatory: isMandatory(input, chosen),
    isDowngrade: terminal.version !== null && compareVersions(chosen.version, terminal.version) < 0,
  };
}

/**
 * Whether the release is for this terminal as far as it is let out now, whatever the terminal has installed: what it tells of
 * any other release, nobody offered to it.
 */
export function isLetOutTo(release: OfferableRelease, terminal: OfferTerminal): boolean {
  if (release.state === 'draft') return false;
  if (release.state === 'testing') return isInRing(release.rollout, terminal);
  return release.isFloor || terminal.pinnedVersion === release.version || outsiderOf(release, terminal) === null;
}

function newestAvailable(input: OfferInput, newest: OfferableRelease | null): OfferableRelease | NoOfferReason {
  const { releases, terminal } = input;
  if (newest === null) return 'nothing_published';
  let reason: NoOfferReason | null = null;
  for (const release of releases) {
    if (!isNewer(release, terminal)) break;
    if (!isReached(input, release)) continue;
    const refusal = stopOf(release, terminal) ?? outsiderOf(release, terminal) ?? closedFloor(input, release);
    if (refusal === null) return release;
    reason ??= refusal;
  }
  if (reason !== null) return reason;
  return terminal.version !== null && compareVersions(newest.version, terminal.version) < 0 ? 'newer_installed' : 'up_to_date';
}

function pinnedRelease(input: OfferInput, pinnedVersion: string): OfferableRelease | NoOfferReason {
  const { releases, terminal } = input;
  const release = releases.find(({ version }) => version === pinnedVersion);
  if (release === undefined || !isPinnable(release, terminal)) return 'pinned';
  const order = terminal.version === null ? 1 : compareVersions(pinnedVersion, terminal.version);
  if (order === 0 || (order < 0 && !terminal.allowDowngrade)) return 'pinned';
  return stopOf(release, terminal) ?? closedFloor(input, release) ?? release;
}

const isPinnable = ({ state, rollout }: OfferableRelease, terminal: OfferTerminal): boolean =>
  isPublic(state) || (state === 'testing' && isInRing(rollout, terminal));

function isReached({ channel, pointer, terminal }: OfferInput, { type, state, version, rollout }: OfferableRelease): boolean {
  if (!takes(channel, type)) return false;
  if (state === 'testing') return isInRing(rollout, terminal);
  return state === 'published' && pointer !== null && compareVersions(version, pointer) <= 0;
}

const takes = (channel: Channel, type: ReleaseType): boolean => channel === 'development' || type !== 'development';

const isPublic = (state: OfferableRelease['state']): boolean => state === 'published' || state === 'deprecated';

const isInRing = ({ rings }: Rollout, { ring }: OfferTerminal): boolean => ring !== null && rings.includes(ring);

const isNewer = ({ version }: OfferableRelease, terminal: OfferTerminal): boolean =>
  terminal.version === null || compareVersions(version, terminal.version) > 0;

/** What keeps this release from this terminal whatever its share; to a terminal, withdrawn is halted for good. */
function stopOf({ version, state, rollout }: OfferableRelease, terminal: OfferTerminal): NoOfferReason | null {
  if (state === 'withdrawn' || rollout.state === 'halted') return 'halted';
  if (rollout.state === 'paused') return 'paused';
  return terminal.blocked.includes(version) ? 'blocked' : null;
}

function outsiderOf({ rollout }: OfferableRelease, terminal: OfferTerminal): NoOfferReason | null {
  if (isInRing(rollout, terminal)) return null;
  const isOfGroup = rollout.groups.length === 0 || (terminal.group !== null && rollout.groups.includes(terminal.group));
  return isOfGroup && isInShare(rollout, terminal.key) ? null : 'not_in_rollout';
}

function isInShare({ seed, share }: Rollout, key: string | null): boolean {
  if (share <= 0 || share >= bucketCount) return share > 0;
  return key !== null && bucketOf(seed, key) < share;
}

/** Newest first: the last is the next step. */
function floorsBelow({ releases, terminal }: OfferInput, chosen: OfferableRelease): readonly OfferableRelease[] {
  if (terminal.version === null) return [];
  const counts = ({ state }: OfferableRelease) => state !== 'draft' && (state !== 'testing' || chosen.state === 'testing');
  return releases.filter(
    (floor) => floor.isFloor && counts(floor) && compareVersions(floor.version, chosen.version) < 0 && isNewer(floor, terminal),
  );
}

function closedFloor(input: OfferInput, chosen: OfferableRelease): NoOfferReason | null {
  for (const floor of floorsBelow(input, chosen)) {
    const isHidden = floor.state === 'testing' && !isInRing(floor.rollout, input.terminal);
    const reason = stopOf(floor, input.terminal) ?? (isHidden ? 'not_in_rollout' : null);
    if (reason !== null) return reason;
  }
  return null;
}

const isMandatory = ({ channel, releases, terminal }: OfferInput, chosen: OfferableRelease): boolean =>
  releases.some(
    (release) =>
      release.isMandatory &&
      (release === chosen || (isPublic(release.state) && takes(channel, release.type))) &&
      compareVersions(release.version, chosen.version) <= 0 &&
      isNewer(release, terminal),
  );
