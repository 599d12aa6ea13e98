/** `remendo releases publish`, `test`, `deprecate`, `withdraw` and `promote`: what becomes of a release. */
import { parseVersion, UpdaterError } from '@remendo/core';
import type { channels, ReleaseSummary, Rollout } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { publishedRelease } from '../publisher/release-answer.js';
import { askYes } from '../terminal/ask.js';
import { parseNames } from './parse-rollout.js';
import { type OperatorSettings, openReleasesApi } from './releases-api.js';
import { rolloutShareText } from './rollout-lines.js';

export interface StateChange {
  readonly state: 'testing' | 'published' | 'deprecated' | 'withdrawn';
  readonly reason: string;
  /** Comma between: the rings that test it from now on; left out: those it has. */
  readonly rings?: string;
  /** Whether what can not be taken back is done without a question. */
  readonly yes: boolean;
}

export interface ReleaseGiven<Change> {
  readonly version: string;
  readonly change: Change;
  readonly settings: OperatorSettings;
}

export async function runChangeState(context: CommandContext, given: ReleaseGiven<StateChange>): Promise<number> {
  const { output, signal } = context;
  const { version, change, settings } = given;
  const { state, reason, rings } = change;
  const api = openReleasesApi(settings, signal);
  if (state === 'withdrawn' && !change.yes && !(await askWithdrawal(context, given))) {
    output.note('Nothing was changed.');
    return exitCodes.done;
  }
  const release = await api.change(version, { state, reason });
  // Rings after the state: a release that may not be tested keeps its own, and one in testing without rings reaches nobody.
  const rollout =
    rings === undefined ? await api.rollout(version) : await api.changeRollout(version, { rings: parseNames(rings), reason });
  output.document({ release: publishedRelease(release), rollout });
  output.line(sentenceOf(release, rollout));
  return exitCodes.done;
}

/** @throws UpdaterError CONFIG_INVALID when nobody can be asked. */
function askWithdrawal(context: CommandContext, { version, settings }: ReleaseGiven<StateChange>): Promise<boolean> {
  if (!context.isInteractive) {
    throw new UpdaterError('CONFIG_INVALID', 'a withdrawn release does not come back: --yes says that this is meant');
  }
  const name = printable(`${settings.application} ${version}`);
  return askYes(context, `Withdraw ${name} for good? To wait only, pause its rollout.`, { isDefault: false });
}

function sentenceOf({ application, version, display_version: shown, state }: ReleaseSummary, rollout: Rollout | null): string {
  const name = printable(`${application} ${shown ?? version}`);
  const reached = rollout === null ? '' : ` for ${rolloutShareText(rollout.share)} of terminals, ${rollout.state}`;
  const rings = rollout === null || rollout.rings.length === 0 ? null : printable(rollout.rings.join(', '));
  switch (state) {
    case 'testing':
      return rings === null
        ? `${name} is in testing, and no ring is named: nobody gets it before --rings names one.`
        : `${name} is in testing: terminals of the rings ${rings} get it.`;
    case 'published':
      return `${name} is published${reached}.`;
    case 'deprecated':
      return `${name} is deprecated: terminals get it by a pin or as a floor only.`;
    case 'withdrawn':
      return `${name} is withdrawn: nobody gets it any more.`;
    default:
      return `${name} is a draft.`;
  }
}

export interface Promotion {
  readonly channel: (typeof channels)[number];
  readonly reason: string;
}

export async function runPromote({ output, signal }: CommandContext, given: ReleaseGiven<Promotion>): Promise<number> {
  const { version, change, settings } = given;
  const api = openReleasesApi(settings, signal);
  const { channel, reason } = change;
  await api.promote(channel, { version, reason });
  output.document({ application: settings.application, channel, version });
  output.line(
    `The channel ${channel} points to ${printable(`${settings.application} ${version}`)}; who has a newer release keeps it.`,
  );
  return exitCodes.done;
}

export interface DowngradeAllowance {
  readonly from: string;
  readonly reason: string;
}

export async function runAllowDowngrade(
  { output, signal }: CommandContext,
  given: ReleaseGiven<DowngradeAllowance>,
): Promise<number> {
  const { version, change, settings } = given;
  const { version: from } = parseVersion(change.from);
  const release = await openReleasesApi(settings, signal).change(version, { downgrade_from: from, reason: change.reason });
  output.document({ release: publishedRelease(release), downgradeFrom: from });
  output.line(
    `Terminals with ${printable(from)}, or an older version, may go back to ${printable(`${release.application} ${release.version}`)}.`,
  );
  return exitCodes.done;
}
