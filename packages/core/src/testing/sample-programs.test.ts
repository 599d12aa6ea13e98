import { describe, expect, it } from 'vitest';
import { applySample, makePatchOf } from './remendo-samples.js';
import { type SampleMachine, sampleRelease } from './sample-programs.js';

const machines: readonly SampleMachine[] = ['pe32', 'pe64', 'elf64'];

describe.each(machines)('a release of a program of kind %s in which functions moved', (machine) => {
  const { base, target } = sampleRelease(machine, 700);
  const files = { bases: [base], targets: [target] };

  it.each(['compact', 'fast'] as const)('has a %s patch of less than a third of what it has without references', async (profile) => {
    const patch = makePatchOf(files, profile);
    const without = makePatchOf(files, profile, { seesReferences: false });
    expect(patch.length).toBeLessThan(without.length / 3);
    expect(Buffer.compare((await applySample(patch, files))[0] as Uint8Array, target)).toBe(0);
  });
});
