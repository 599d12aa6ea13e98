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
  it(`answers seeds and what is near to them with a value or an UpdaterError (seed ${seed})`, { timeout: 60_000 }, async () => {
    const seeds = await target.seeds();
    const verdicts: boolean[] = [];
    for (const input of seeds) verdicts.push(await isAccepted(target, input));
    expect(verdicts).toContain(true);
    for (const input of fc.sample(fuzzInputs(seeds), { numRuns: 10, seed })) await isAccepted(target, input);
  });

  const share = shareMin.get(target.name);
  it.skipIf(share === undefined)('is fed inputs that get past the outer checks', { timeout: 60_000 }, async () => {
    const inputs = await target.made?.();
    const made = inputs === undefined ? [] : fc.sample(inputs, { numRuns: 100, seed });
    let accepted = 0;
    for (const input of made) accepted += (await isAccepted(target, input)) ? 1 : 0;
    expect(accepted / made.length).toBeGreaterThanOrEqual(share ?? 0);
  });
});
