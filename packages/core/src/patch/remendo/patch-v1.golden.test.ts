/**
 * Patches as they are in fixtures/golden/patch-v1. They are made anew, never by hand, when the maker has learnt something:
 *
 *     REMENDO_GOLDEN=write npx vitest run packages/core/src/patch/remendo/patch-v1.golden.test.ts
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../hash/digest.js';
import { makeContainedPatchOf } from '../../testing/container-samples.js';
import { type GoldenSample, goldenSamples } from '../../testing/remendo-golden-samples.js';
import { applySample, joined, makePatchOf } from '../../testing/remendo-samples.js';
import { decodeByTwin } from '../../testing/remendo-twin.js';
import { type ProfileName, profileNames } from './patch-header.js';

const folder = new URL('../../../../../fixtures/golden/patch-v1/', import.meta.url);
const isWriting = process.env.REMENDO_GOLDEN === 'write';
/** What each sample's patch weighs in bytes and is, and what its targets are. */
type Golden = Record<string, { readonly bytes: number; readonly patch: string; readonly targets: string }>;

const samples = goldenSamples();
const patchOf = (sample: GoldenSample, profile?: ProfileName): Uint8Array =>
  sample.isContained === true ? makeContainedPatchOf(sample, profile) : makePatchOf(sample, profile);
const fileOf = (sample: GoldenSample, profile: ProfileName): URL => new URL(`${sample.name}.${profile}.patch`, folder);

async function writeGolden(): Promise<void> {
  await mkdir(folder, { recursive: true });
  const golden: Golden = {};
  for (const sample of samples) {
    for (const profile of profileNames) await writeFile(fileOf(sample, profile), patchOf(sample, profile));
    const patch = patchOf(sample);
    golden[sample.name] = { bytes: patch.length, patch: digestOf(patch), targets: digestOf(joined(sample.targets)) };
  }
  await writeFile(new URL('patches.json', folder), `${JSON.stringify(golden, null, 2)}\n`);
}

if (isWriting) await writeGolden();
const golden = JSON.parse(await readFile(new URL('patches.json', folder), 'utf8')) as Golden;

describe.each(samples)('the golden patch $name', (sample) => {
  it('is what the maker makes, to the byte, on every platform and version of Node', () => {
    const patch = patchOf(sample);
    expect({ bytes: patch.length, patch: digestOf(patch), targets: digestOf(joined(sample.targets)) }).toEqual(golden[sample.name]);
  });

  it.each(profileNames)('makes its targets as it was stored in the %s profile', async (profile) => {
    const made = await applySample(await readFile(fileOf(sample, profile)), sample);
    expect(made.map(digestOf)).toEqual(sample.targets.map(digestOf));
  });

  // The twin does not inflate.
  it.skipIf(sample.isContained)('makes its targets by the kernel’s twin', async () => {
    const target = joined(sample.targets);
    const made = decodeByTwin(joined(sample.bases), await readFile(fileOf(sample, 'compact')), target.length);
    expect(digestOf(made)).toBe(digestOf(target));
  });
});
