import fc from 'fast-check';

/** fast-check prints its seed on failure; REMENDO_TEST_SEED=seed repeats a run. */
const seed = process.env.REMENDO_TEST_SEED === undefined ? {} : { seed: Number(process.env.REMENDO_TEST_SEED) };

/** Holds a property against `numRuns` random values. @throws with the seed and the smallest value that breaks it. */
export const checkProperty = async <T>(property: fc.IAsyncProperty<T> | fc.IProperty<T>, numRuns: number): Promise<void> =>
  fc.assert(property, { ...seed, numRuns });
