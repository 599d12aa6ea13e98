/** `remendo releases rollout`: how far a release is let out; without anything to change, how it fares there. */
import { UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import type { ReleaseGiven } from './change-release.js';
import { parseRolloutChange, type RolloutOptions } from './parse-rollout.js';
import { openReleasesApi } from './releases-api.js';
import { rolloutLines } from './rollout-lines.js';

export async function runRollout(
  { output, signal }: CommandContext,
  { version, change: options, settings }: ReleaseGiven<RolloutOptions & { readonly reason: string }>,
): Promise<number> {
  const change = parseRolloutChange(options);
  const api = openReleasesApi(settings, signal);
  const rollout =
    change === null ? await api.rollout(version) : await api.changeRollout(version, { ...change, reason: options.reason });
  if (rollout === null) throw new UpdaterError('RELEASE_NOT_FOUND', `there is no release ${version}`, { details: { version } });
  output.document(rollout);
  for (const line of rolloutLines(output, rollout)) output.line(line);
  return exitCodes.done;
}
