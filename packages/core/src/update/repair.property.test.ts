/** Whatever is damaged: afterwards the install is intact, and what came over the wire is in proportion to the damage. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blockBytesFor, blockCountOf, blockDigestCharacters } from '../delta/content-blocks.js';
import { checkProperty } from '../testing/check-property.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { createRepairWorld, noise, overwrite, pathIn, repairFiles, repairRoot, textOf } from '../testing/repair-world.js';
import { writeText } from '../testing/sample-install.js';

type Damaging =
  | { readonly kind: 'bytes'; readonly at: readonly number[] }
  | { readonly kind: 'cut'; readonly share: number }
  | { readonly kind: 'longer'; readonly bytes: number }
  | { readonly kind: 'other' | 'gone' };

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const damaging: fc.Arbitrary<Damaging> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('bytes' as const), at: fc.array(share, { minLength: 1, maxLength: 6 }) }) },
  fc.record({ kind: fc.constant('cut' as const), share }),
  fc.record({ kind: fc.constant('longer' as const), bytes: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ kind: fc.constantFrom('other' as const, 'gone' as const) }),
);

/** What a frame, a run that does not deflate, and the end of the answer take beside the blocks. */
const frameBytes = 64;

/** @returns the bytes that a repair may fetch for it at most: its blocks, or the file. */
async function damage(disk: MemoryFileSystem, path: string, how: Damaging): Promise<number> {
  const text = textOf(path);
  const blockBytes = blockBytesFor(text.length);
  const whole = text.length + 1_024 + Math.ceil(text.length / 1_024);
  switch (how.kind) {
    case 'bytes': {
      const blocks = new Set<number>();
      for (const at of how.at.map((one) => Math.floor(one * text.length))) {
        await overwrite(disk, path, at, '\n');
        blocks.add(Math.floor(at / blockBytes));
      }
      return text.length < 16_384 ? whole : blocks.size * (blockBytes + frameBytes) + frameBytes;
    }
    case 'cut': {
      const left = Math.floor(text.length * how.share);
      await writeText(disk, pathIn(path), text.slice(0, left));
      const blocks = blockCountOf(text.length, blockBytes) - Math.floor(left / blockBytes);
      return text.length < 16_384 || left * 2 < text.length ? whole : blocks * (blockBytes + frameBytes) + frameBytes;
    }
    case 'longer':
      await writeText(disk, pathIn(path), text + noise(5, how.bytes));
      return text.length < 16_384 ? whole : frameBytes;
    case 'other':
      await writeText(disk, pathIn(path), noise(6, text.length));
      return 2 * whole;
    case 'gone':
      await disk.removeFile(pathIn(path));
      return whole;
  }
}

it('leaves the install intact and fetches in proportion to the damage', async () => {
  const paths = Object.keys(repairFiles);
  await checkProperty(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...paths), damaging), { maxLength: 5, selector: ([path]) => path }),
      async (damages) => {
        const world = createRepairWorld();
        const disk = new MemoryFileSystem();
        await disk.makeDirectory(repairRoot);
        await world.server.publish('1.0.0', repairFiles);
        await world.updater(disk).update();
        let allowedBytes = 0;
        for (const [path, how] of damages) allowedBytes += await damage(disk, path, how);
        world.received = { blocks: 0, objects: 0 };
        const report = await world.updater(disk).repair();
        expect(['intact', 'repaired']).toContain(report.kind);
        expect(await world.updater(disk).verify()).toMatchObject({ intact: true });
        expect(world.received.blocks + world.received.objects).toBeLessThanOrEqual(allowedBytes);
        expect(report.sentBytes).toBeLessThanOrEqual(
          paths.reduce(
            (sum, path) => sum + blockCountOf(textOf(path).length, blockBytesFor(textOf(path).length)) * blockDigestCharacters,
            0,
          ),
        );
      },
    ),
    12,
  );
});
