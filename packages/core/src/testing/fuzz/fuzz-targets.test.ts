import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUpdaterError } from '../../errors.js';
import { fuzzInputs } from './fuzz-inputs.js';
import type { FuzzTarget } from './fuzz-target.js';
import { fuzzTargets } from './fuzz-targets.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 7);

/** @returns whether it was accepted. @throws what is a finding. */
async function isAccepted(target: FuzzTarget, input: Uint8Array): Promise<boolean> {
  try {
    await target.run(input);
    return true;
  } catch (error) {
    if (isUpdaterError(error)) return false;
    throw error;
  }
}

/** Of a hundred inputs made field by field it may be fewer by chance, with one seed of a hundred; of so many it is not. */
const askedMax = 2_000;

/** Of inputs made field by field, so many pass at least. */
const shareMin = new Map(
  Object.entries({
    manifest: 0.02,
    'release-path': 0.01,
    preserve: 0.3,
    'delta-index': 0.1,
    'delta-file': 0.1,
    zip: 0.05,
    bsdiff40: 0.1,
    bzip2: 0.9,
    journal: 0.05,
    'container-streams': 0.05,
    'program-reader': 0.3,
    state: 0.05,
    'plan-answer': 0.05,
    bundle: 0.02,
    metadata: 0.05,
    'signed-trust': 0.05,
  }),
);

it('targets have names of their own', () => {
  expect(new Set(fuzzTargets.map(({ name }) => name)).size).toBe(fuzzTargets.length);
});

describe.each(fuzzTargets)('the fuzz target $name', (target) => {
  it(`answers seeds and what is near to them with a value or an UpdaterError (seed ${seed})`, { timeout: 300_000 }, async () => {
    const seeds = await target.seeds();
    const verdicts: boolean[] = [];
    for (const input of seeds) verdicts.push(await isAccepted(target, input));
    expect(verdicts).toContain(true);
    for (const input of fc.sample(fuzzInputs(seeds), { numRuns: 10, seed })) await isAccepted(target, input);
  });

  const share = shareMin.get(target.name);
  it.skipIf(share === undefined)(`is fed inputs that get past the outer checks (seed ${seed})`, { timeout: 300_000 }, async () => {
    const inputs = await target.made?.();
    if (inputs === undefined) throw new Error('it has no inputs made field by field');
    let [asked, accepted] = [0, 0];
    do {
      for (const input of fc.sample(inputs, { numRuns: 100, seed: seed + asked }))
        accepted += (await isAccepted(target, input)) ? 1 : 0;
      asked += 100;
    } while (accepted / asked < (share ?? 0) && asked < askedMax);
    expect(accepted / asked).toBeGreaterThanOrEqual(share ?? 0);
  });
});
