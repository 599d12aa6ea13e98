/** What a repair would fetch, told before it does. */
import { countDiffering } from './repair-blocks.js';
import type { HeldFiles } from './repair-copies.js';
import type { DamagedContent } from './repair-damage.js';
import { locateWholes } from './repair-wholes.js';
import type { UpdateContext } from './update-context.js';

/**
 * Bytes that the contents would take to fetch, at most: blocks are counted as long as they are and come smaller. What is on this
 * machine costs nothing.
 * @returns null when the server does not say.
 */
export async function repairCost(
  context: UpdateContext,
  { version, contents, held }: { readonly version: string; readonly contents: readonly DamagedContent[]; readonly held: HeldFiles },
  signal?: AbortSignal,
): Promise<number | null> {
  const missing = contents.filter(({ sha256, bytes }) => bytes > 0 && !held.has(sha256));
  if (missing.length === 0) return 0;
  const differing = await countDiffering(context, missing, { version, ...(signal === undefined ? {} : { signal }) });
  try {
    const wholes = await locateWholes(context, version, missing, signal);
    const costs = missing.map(({ sha256, bytes }) =>
      Math.min(differing.get(sha256) ?? bytes, wholes.get(sha256)?.blob.bytes ?? bytes),
    );
    return costs.reduce((sum, bytes) => sum + bytes, 0);
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}
