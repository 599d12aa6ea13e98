/** What belongs into a bundle, as the server says it. */
import {
  answerValidator,
  type Bundle,
  codecNames,
  type ErrorCode,
  errorCatalogue,
  type HttpClient,
  limits,
  nodeHost,
  parseVersion,
  UpdaterError,
} from '@remendo/core';
import { BundleAnswer, type BundleRequest } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import type { BundleOptions, BundleSettings } from './bundle-options.js';
import { bundleMessages } from './messages.js';
import { mergedReleases } from './plan-bundle.js';

const validAnswer = answerValidator(BundleAnswer);
const pollIntervalMs = 2_000;

/** For what is asked now, and what the folder holds. */
export function requestOf(
  { release, from = [] }: BundleOptions,
  { application, platform }: BundleSettings,
  held: Bundle | null,
): BundleRequest {
  const versions = from.filter((version) => version !== 'any').map((version) => parseVersion(version).version);
  const asked = {
    ...(application === null ? {} : { application }),
    ...(platform === null ? {} : { platform }),
    version: parseVersion(release).version,
    bases: versions,
    ...(from.includes('any') ? { any_base: true } : {}),
  };
  return { releases: mergedReleases(held?.index ?? null, asked), codecs: [...codecNames] };
}

interface Asking {
  readonly options: BundleOptions;
  readonly request: BundleRequest;
}

/** What was asked for by this call has to be there; what the folder held before may be gone. */
export async function askForBundle(
  { output, signal, language }: CommandContext,
  http: HttpClient,
  { options, request }: Asking,
): Promise<BundleAnswer> {
  const say = bundleMessages(language);
  const { clock } = nodeHost({ workers: 1 });
  for (;;) {
    const answer = await http.json('api/v1/bundles', {
      body: request,
      idempotent: true,
      validate: validAnswer,
      answerBytesMax: limits.bundleDescriptionBytesMax,
      signal,
    });
    const [asked] = request.releases;
    const missing = answer.left_out.find(({ version }) => version === asked?.version || isNamed(version, options));
    if (missing !== undefined)
      throw new UpdaterError(codeOf(missing.code), missing.reason, { details: { version: missing.version } });
    for (const { application, version, code, reason } of answer.left_out)
      output.warn(say.leftOut(printable(`${application} ${version}`), printable(told(reason, output.language, code))));
    if (answer.under_way.length === 0) return answer;
    if (options.wait !== true) {
      for (const { base, version } of answer.under_way) output.note(say.underWay(printable(base), printable(version)));
      return answer;
    }
    output.progress.step(say.waiting);
    await clock.sleep(pollIntervalMs, signal);
  }
}

/** A newer server may know more codes. */
const codeOf = (code: string): ErrorCode => (Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'RELEASE_NOT_OFFERED');

const isNamed = (version: string, { from = [] }: BundleOptions): boolean =>
  from.some((named) => named !== 'any' && parseVersion(named).version === version);
