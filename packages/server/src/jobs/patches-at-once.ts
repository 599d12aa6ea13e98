import { limits } from '@remendo/core';
import type { ContentPair } from '@remendo/core/publish';

/**
 * How many patches of a build may be made side by side: one core is left to the server, and the largest pair taken so
 * many times stays under half of the free memory (bsdiff takes 17 bytes for each of the base and 3 for each of the target).
 */
export function patchesAtOnce(
  pairs: readonly Pick<ContentPair, 'base' | 'target'>[],
  machine: { readonly cores: number; readonly memoryBytes: number },
): number {
  const largestBytes = pairs.reduce((largest, { base, target }) => {
    if (base === null || Math.max(base.bytes, target.bytes) > limits.bsdiffBaseBytesMax) return largest;
    return Math.max(largest, base.bytes * 17 + target.bytes * 3);
  }, 1);
  return Math.max(1, Math.min(4, machine.cores - 1, Math.floor(machine.memoryBytes / 2 / largestBytes)));
}
