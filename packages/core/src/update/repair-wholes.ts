/** Contents that have to come whole: ranges of the release's zip, or of packs where those are smaller. */
import pLimit from 'p-limit';
import type { Derivation } from '../delta/delta.js';
import { partPath } from '../download/download-folder.js';
import { heldRanges } from '../download/held-ranges.js';
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import { fetchesOf } from '../planner/merge-ranges.js';
import { planCost } from '../planner/plan-cost.js';
import { encodingSpareBytes, fetchAll } from './fetch-objects.js';
import { finishMended } from './repair-copies.js';
import { type DamagedContent, mendedPath } from './repair-damage.js';
import type { WholeContent } from './server-api.js';
import type { UpdateContext } from './update-context.js';

/**
 * Where contents of a release can be fetched whole, and for how many bytes each.
 * @throws UpdaterError DOWNLOAD_…, RELEASE_…, REQUEST_INVALID, DELTA_INVALID for more bytes than a content can need.
 */
export async function locateWholes(
  context: UpdateContext,
  version: string,
  contents: readonly Pick<DamagedContent, 'sha256' | 'bytes'>[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<Digest, WholeContent>> {
  const found = new Map<Digest, WholeContent>();
  for (let at = 0; at < contents.length; at += limits.contentsPerRequestMax) {
    const asked = contents.slice(at, at + limits.contentsPerRequestMax);
    const wholes = await context.api.contents(
      version,
      asked.map(({ sha256 }) => sha256),
      signal,
    );
    for (const whole of wholes) found.set(whole.target.sha256, whole);
  }
  for (const { sha256, bytes } of contents) {
    const encodedBytes = found.get(sha256)?.blob.bytes ?? 0;
    if (encodedBytes > bytes + encodingSpareBytes(bytes))
      throw new UpdaterError('DELTA_INVALID', `the server has ${encodedBytes} bytes for a content of ${bytes}`);
  }
  return found;
}

/**
 * Afterwards each content lies at `mendedPath`, proved and synced, or is among the failures.
 * @returns what was fetched: a repair that was stopped before, or a file that was held at the swap, left its downloads.
 * @throws UpdaterError STORAGE_NO_SPACE, DOWNLOAD_… when the server does not answer; the signal's reason.
 */
export async function fetchWholes(
  context: UpdateContext,
  version: string,
  contents: readonly DamagedContent[],
  signal?: AbortSignal,
): Promise<{ readonly failures: ReadonlyMap<Digest, unknown>; readonly fetchedBytes: number }> {
  const wholes = await locateWholes(context, version, contents, signal);
  const objects = new Map([...wholes.values()].map(({ blob, objectBytes }) => [blob.object, objectBytes]));
  const derivations = [...wholes.values()].map(
    ({ target, encoding, blob }): Derivation => ({ kind: 'whole', target, encoding, blob }),
  );
  const known = [...objects].map(([digest, bytes]) => ({ digest, bytes }));
  const abort = signal === undefined ? {} : { signal };
  const fetches = fetchesOf(derivations, known);
  const { fetchBytes } = planCost(fetches, await heldRanges(context.host.fileSystem, context.layout.downloads));
  const downloads = await fetchAll(context, fetches, {
    blobs: derivations.map(({ blob }) => blob),
    // One that is damaged at its source is that content's failure.
    keepsDamaged: true,
    ...abort,
  });
  const failures = new Map<Digest, unknown>();
  const limit = pLimit(Math.max(1, context.host.deriver.workers));
  const make = async (content: DamagedContent): Promise<void> => {
    const whole = wholes.get(content.sha256);
    if (whole === undefined) throw new UpdaterError('DOWNLOAD_NOT_FOUND', `the server does not have ${content.path} whole`);
    const { blob, encoding } = whole;
    await context.host.deriver.derive(
      {
        how: { kind: 'whole', encoding },
        blob: { ...downloads.locate(blob), bytes: blob.bytes, sha256: blob.sha256 },
        bases: [],
        targets: [{ sha256: content.sha256, bytes: content.bytes, path: partPath(mendedPath(context, content)) }],
      },
      signal,
    );
    if (!(await finishMended(context, content, signal)))
      throw new UpdaterError('PATCH_TARGET_MISMATCH', `${content.path} did not come out as it should be`);
  };
  await Promise.all(
    contents.map((content) => limit(() => make(content)).catch((error: unknown) => void failures.set(content.sha256, error))),
  );
  signal?.throwIfAborted();
  return { failures, fetchedBytes: fetchBytes };
}
