import { describe, expect, it } from 'vitest';
import { edited, makeContainedPatchOf, prose } from '../../testing/container-samples.js';
import { frozenPython } from '../../testing/frozen-python.js';
import { applySample, joined, makePatchOf } from '../../testing/remendo-samples.js';

describe('a program that PyInstaller froze', () => {
  const stub = prose(30_000, 1);
  const modules = Array.from({ length: 12 }, (_, index) => ({
    name: `erp.module${index}`,
    code: prose(9_000 + index * 700, index + 2),
  }));
  const script = prose(4_000, 50);
  const base = frozenPython(stub, script, modules);

  it('is patched inside its archive of modules: what one changed module costs is what changed in it', async () => {
    const changed = modules.map((one, index) => (index === 5 ? { ...one, code: edited(one.code, 0.3) } : one));
    const target = frozenPython(stub, edited(script, 0.5), changed);
    const files = { bases: [base], targets: [target] };
    const patch = makeContainedPatchOf(files);
    expect(Buffer.compare(joined(await applySample(patch, files)), target)).toBe(0);
    expect(patch.length).toBeLessThan(300);
    expect(patch.length).toBeLessThan(makePatchOf(files).length / 5);
  });
});
