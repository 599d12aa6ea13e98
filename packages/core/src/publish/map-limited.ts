import pLimit from 'p-limit';

/**
 * `Promise.all` over items with at most `concurrency` of them under way. After the first failure no further item is
 * begun, and the failure is reported only when those under way have come to their ends: whoever catches it may remove
 * the files they worked on.
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  concurrency: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const limit = pLimit(concurrency);
  let failed = false;
  const results = items.map((item, index) =>
    limit(async () => {
      if (failed) throw new Error('not begun, because another item failed');
      try {
        return await map(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }),
  );
  try {
    return await Promise.all(results);
  } finally {
    await Promise.allSettled(results);
  }
}
