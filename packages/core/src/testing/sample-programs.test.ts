import { describe, expect, it } from 'vitest';
import { applySample, joined, makePatchOf } from './remendo-samples.js';
import { decodeByTwin } from './remendo-twin.js';
import { sampleRelease } from './sample-programs.js';

describe.each([
  // Where words are relocated is said in .reloc, and that is not predicted.
  { machine: 'pe32', share: 2 },
  { machine: 'pe64', share: 3 },
  { machine: 'elf64', share: 3 },
] as const)('a release of a $machine program in which functions moved', ({ machine, share }) => {
  const { base, target } = sampleRelease(machine, 700);
  const files = { bases: [base], targets: [target] };

  it.each(['compact', 'fast'] as const)('has a much smaller %s patch when it is seen through', async (profile) => {
    const patch = makePatchOf(files, profile);
    expect(patch.length).toBeLessThan(makePatchOf(files, profile, { seesReferences: false }).length / share);
    expect(Buffer.compare(joined(await applySample(patch, files)), target)).toBe(0);
  });

  it('comes out of its patch by the kernel’s twin', () => {
    expect(Buffer.compare(decodeByTwin(base, makePatchOf(files), target.length), target)).toBe(0);
  });
});
