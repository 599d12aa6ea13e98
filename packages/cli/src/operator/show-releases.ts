/** `remendo releases list` and `show`: what is on the server, and what of it terminals get. */
import type { ChannelList, ReleaseSummary } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { deltaTableLines } from '../output/delta-table.js';
import type { Output } from '../output/output.js';
import { printable, printableLines } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { pairLines, tableLines } from '../output/table.js';
import { type PublishedRelease, publishedRelease } from '../publisher/release-answer.js';
import { type OperatorSettings, openReleasesApi } from './releases-api.js';
import { rolloutLines, rolloutShareText } from './rollout-lines.js';

type Channels = ChannelList['channels'];

export async function runListReleases({ output, signal }: CommandContext, settings: OperatorSettings): Promise<number> {
  const api = openReleasesApi(settings, signal);
  const answers = await api.list();
  const channels = (await api.channels()).filter(({ application }) => application === answers[0]?.application);
  output.document({ releases: answers.map(publishedRelease), channels });
  if (answers.length === 0) output.line('Nothing has been published.');
  else for (const line of listLines(output, answers, channels)) output.line(line);
  return exitCodes.done;
}

function listLines(output: Output, answers: readonly ReleaseSummary[], channels: Channels): readonly string[] {
  const rows = answers.map((answer) => [
    printable(answer.display_version ?? answer.version),
    printable(answer.platform),
    answer.type,
    stateText(output, answer.state),
    rolloutText(answer),
    channelsText(channels, answer.version),
    bytesText(answer.zip.bytes),
    answer.released_at?.slice(0, 10) ?? '',
  ]);
  const titles = ['release', 'platform', 'type', 'state', 'rollout', 'channels', 'zip', 'released'];
  return tableLines(
    titles.map((title) => ({ title, align: title === 'zip' ? 'right' : 'left' })),
    rows,
  );
}

const stateText = ({ colors }: Output, state: ReleaseSummary['state']): string =>
  state === 'published' ? colors.green(state) : state === 'testing' ? colors.yellow(state) : state;

function rolloutText({ rollout, state }: ReleaseSummary): string {
  if (rollout === undefined || state === 'withdrawn') return '';
  return `${rolloutShareText(rollout.share)}${rollout.state === 'running' ? '' : `, ${rollout.state}`}`;
}

const channelsText = (channels: Channels, version: string): string =>
  channels
    .filter((channel) => channel.version === version)
    .map(({ channel }) => printable(channel))
    .join(', ');

export async function runShowRelease(
  { output, signal }: CommandContext,
  version: string,
  settings: OperatorSettings,
): Promise<number> {
  const api = openReleasesApi(settings, signal);
  const answer = await api.find(version);
  const channels = (await api.channels()).filter(({ application }) => application === answer.application);
  const rollout = await api.rollout(version);
  const release = publishedRelease(answer);
  output.document({
    release,
    channels: channels.filter((channel) => channel.version === answer.version).map(({ channel }) => channel),
    rollout,
  });
  for (const line of releaseLines(output, release, channelsText(channels, answer.version))) output.line(line);
  if (rollout !== null) for (const line of ['', ...rolloutLines(output, rollout)]) output.line(line);
  if (release.deltas.length > 0) for (const line of ['', ...deltaTableLines(output, release)]) output.line(line);
  return exitCodes.done;
}

function releaseLines(output: Output, release: PublishedRelease, channels: string): readonly string[] {
  const marks = [...(release.mandatory ? ['mandatory'] : []), ...(release.floor ? ['floor'] : [])];
  const [firstLine = '', ...moreLines] = printableLines(release.changelog.trim());
  return pairLines([
    ['release', output.colors.bold(printable(`${release.application} ${release.shownVersion}`))],
    ['platform', printable(release.platform)],
    ['type', [release.type, ...marks].join(', ')],
    ['state', stateText(output, release.state)],
    ['channels', channels === '' ? 'none' : channels],
    ['released', release.releasedAt === null ? 'not yet' : printable(release.releasedAt)],
    ['files', `${countText(release.files, 'file')}, ${bytesText(release.installedBytes)}, zip ${bytesText(release.zipBytes)}`],
    ['manifest', printable(release.manifestDigest)],
    ['zip signed', release.zipSigned ? 'with OpenPGP' : 'no'],
    ...(release.title === '' ? [] : ([['title', printable(release.title)]] as const)),
    ...(firstLine === '' ? [] : ([['changelog', firstLine], ...moreLines.map((line) => ['', line] as const)] as const)),
  ]);
}
