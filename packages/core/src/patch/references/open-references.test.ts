import { describe, expect, it } from 'vitest';
import { BufferSink, type ByteSource, bufferSource } from '../../bytes/byte-source.js';
import { limits } from '../../limits.js';
import { memoryScratch } from '../../testing/memory-scratch.js';
import { patchKnowing } from '../../testing/reference-samples.js';
import { AddressSpace } from '../remendo/address-space.js';
import { remendoCodec } from '../remendo/remendo-codec.js';
import { encodeImages } from './images-format.js';
import { openReferences } from './open-references.js';

const emptyOf = (bytes: number): ByteSource => ({ bytes, read: async (_, into) => into.fill(0).length });

describe('a patch that knows references', () => {
  it('is refused when its data or its relocations would take too much memory', async () => {
    const space = new AddressSpace([emptyOf(2 ** 30)], []);
    const large = emptyOf(limits.referencesBytesMax + 1);
    await expect(openReferences(large, space)).rejects.toMatchObject({ code: 'PATCH_INVALID' });
    const image = { imageBase: 0, regions: [], relocations: { address: 0, bytes: limits.relocationBytesMax } };
    const open = (count: number) =>
      openReferences(bufferSource(encodeImages({ bases: Array(count).fill(image), targets: [] })), space);
    await expect(open(1)).resolves.toBeTypeOf('function');
    await expect(open(2)).rejects.toMatchObject({ code: 'PATCH_INVALID', message: expect.stringMatching(/relocations/) });
  });

  it.each([{ windowBits: 16, historyBits: 12, guessBits: 14 }, null])(
    'is refused with more blocks than are held in memory, compact and fast',
    async (sizes) => {
      const base = Uint8Array.of(1, 2, 3, 4);
      const apply = async (count: number): Promise<number> => {
        const all = new Uint8Array(base.length + count).fill(1);
        all.set(base);
        const blocks = Array.from({ length: count }, () => ({ copied: 1, reference: 0, fresh: 0 }));
        const patch = patchKnowing({ bases: [], targets: [] }, blocks, { sizes, space: { all, baseBytes: base.length } });
        const sink = new BufferSink(count);
        const targets = [{ sink, bytes: count }];
        await remendoCodec.apply({ scratch: memoryScratch, bases: [bufferSource(base)], patch: bufferSource(patch), targets });
        return sink.toBuffer().length;
      };
      expect(await apply(limits.patchBlocksMax)).toBe(limits.patchBlocksMax);
      await expect(apply(limits.patchBlocksMax + 1)).rejects.toMatchObject({
        code: 'PATCH_INVALID',
        message: expect.stringMatching(/too many blocks/),
      });
    },
    60_000,
  );
});
