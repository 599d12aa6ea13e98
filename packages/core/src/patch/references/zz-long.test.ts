import { it } from 'vitest';
import { runFuzz } from '../../testing/fuzz.js';
import { fuzzReferencedBase, fuzzReferenceImages, fuzzReferenceMaker, fuzzReferencePatch } from '../../testing/fuzz-references.js';
it.each([fuzzReferencedBase, fuzzReferenceImages, fuzzReferenceMaker, fuzzReferencePatch])('$name', async (t) => {
  const r = await runFuzz(t, { durationMs: 50_000, seed: 20261122, now: () => performance.now() });
  console.log('FUZZ', r.name, r.runs, r.accepted, JSON.stringify(r.refusals), 'slowest', Math.round(r.slowestMs), 'mem', Math.round(r.memoryGrowthBytesMax/1e6), r.slowestInput.length);
}, 100_000);
