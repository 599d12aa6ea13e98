import type { ContentPair } from '@remendo/core/publish';

/** A patch takes about ten bytes for each of the larger side's; its base may come with as much again to refer to. */
const memoryTimes = 20;
/** Small contents share patches of so many bytes of targets. */
const sharedBytesMax = 8 * 1024 ** 2;

/**
 * How many patches of a build may be made side by side: one core is left to the server, and the largest one taken so
 * many times stays under half of the free memory.
 */
export function patchesAtOnce(
  pairs: readonly Pick<ContentPair, 'base' | 'target'>[],
  machine: { readonly cores: number; readonly memoryBytes: number },
): number {
  const sizes = pairs.map(({ base, target }) => Math.max(base?.bytes ?? 0, target.bytes));
  const sharedBytes = Math.min(
    sharedBytesMax,
    sizes.reduce((sum, bytes) => sum + bytes, 0),
  );
  const largestBytes = sizes.reduce((largest, bytes) => Math.max(largest, bytes), Math.max(1, sharedBytes)) * memoryTimes;
  return Math.max(1, Math.min(4, machine.cores - 1, Math.floor(machine.memoryBytes / 2 / largestBytes)));
}
