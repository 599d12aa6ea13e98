import { readFile } from 'node:fs/promises';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BufferSink, type ByteSource, bufferSource } from '../../bytes/byte-source.js';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { isUpdaterError } from '../../errors.js';
import { limits } from '../../limits.js';
import { memoryScratch } from '../../testing/memory-scratch.js';
import { applySample, joined, makePatchOf, patchOfBlocks, type SampleFiles } from '../../testing/remendo-samples.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { CoderKernel, takeCoderKernel } from './coder-kernel.js';
import { sizeBounds } from './patch-header.js';
import { remendoCodec } from './remendo-codec.js';

const random = seededRandom(5);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));
const base = noise(200_000);

/** The first half of the base with changes, something new, and then the base's end. */
const target = joined([base.slice(0, 100_000), noise(3_000), base.subarray(150_000)]);
for (let index = 0; index < 100_000; index += 997) target[index] = (target[index] ?? 0) + 3;
const files: SampleFiles = { bases: [base], targets: [target] };

const profiles = ['compact', 'fast'] as const;
const smallest = { windowBits: 16, historyBits: 12, guessBits: 14 };
const refusal = (message: RegExp) => ({ code: 'PATCH_INVALID', message: expect.stringMatching(message) });

/** Applies, comparing digests; and compares the bytes, which is quick this way only. */
async function expectMade(patch: Uint8Array, sample: SampleFiles): Promise<void> {
  expect(Buffer.compare(joined(await applySample(patch, sample)), joined(sample.targets))).toBe(0);
}

/** Applies without comparing digests; the sink refuses more than `bytes`. */
async function apply(patch: Uint8Array, bytes: number, from: readonly Uint8Array[] = [base]): Promise<Uint8Array> {
  const sink = new BufferSink(bytes);
  await remendoCodec.apply({
    scratch: memoryScratch,
    bases: from.map(bufferSource),
    patch: bufferSource(patch),
    targets: [{ sink, bytes }],
  });
  return sink.toBuffer();
}

/** A fast patch of streams as they are before brotli. */
function fastPatch(streams: { blocks?: Uint8Array; runs?: Uint8Array; wrong?: Uint8Array; fresh?: Uint8Array }): Uint8Array {
  const parts = [streams.blocks, streams.runs, streams.wrong, streams.fresh].map((part) =>
    brotliCompressSync(part ?? new Uint8Array()),
  );
  const header = new ByteWriter().u8(0x11).varint(0).varint(0);
  for (const part of parts.slice(0, 3)) header.varint(part.length);
  return joined([header.toBuffer(), ...parts]);
}
const varints = (...numbers: readonly number[]): Uint8Array =>
  numbers.reduce((writer, number) => writer.varint(number), new ByteWriter()).toBuffer();

describe('a legal patch', () => {
  it.each(profiles)('in the %s profile makes its targets from several bases, and from targets made before', async (profile) => {
    const second = target.slice();
    second[70_000] = 1 + (second[70_000] ?? 0);
    const several = { bases: [base.subarray(0, 120_000), base.subarray(120_000)], targets: [target, second, base] };
    const patch = makePatchOf(several, profile);
    await expectMade(patch, several);
    expect(patch.length).toBeLessThan(55_000);
  });

  it.each(profiles)('in the %s profile may have empty files among its bases and targets, or nothing else', async (profile) => {
    const empty = new Uint8Array();
    for (const sample of [
      { bases: [], targets: [] },
      { bases: [], targets: [empty] },
      { bases: [empty, empty], targets: [empty, empty] },
      { bases: [empty, base, empty], targets: [empty, target, empty, empty] },
      { bases: [base], targets: [empty] },
      { bases: [], targets: [Uint8Array.of(7)] },
      { bases: [Uint8Array.of(7)], targets: [Uint8Array.of(7), Uint8Array.of(8)] },
    ]) {
      await expectMade(makePatchOf(sample, profile), sample);
    }
  });

  it.each(profiles)('in the %s profile is small for equal files, for zeros and for anything periodic', async (profile) => {
    for (const period of [1, 2, 7, 255, 4_096, 70_000]) {
      const periodic = Uint8Array.from({ length: 300_000 }, (_, index) => base[index % period] ?? 0);
      const sample = { bases: [], targets: [periodic, periodic] };
      const patch = makePatchOf(sample, profile);
      await expectMade(patch, sample);
      expect(patch.length).toBeLessThan(period * 1.05 + 200);
    }
    const equal = { bases: [base], targets: [base] };
    expect(makePatchOf(equal, profile).length).toBeLessThan(60);
  });

  it('may be much larger or much smaller than its base', async () => {
    const large = { bases: [base.subarray(0, 10)], targets: [joined([base, base])] };
    await expectMade(makePatchOf(large), large);
    const small = { bases: [base], targets: [base.subarray(777, 790)] };
    await expectMade(makePatchOf(small), small);
  });

  it('may refer exactly as far back as the window, and overlap what it makes from farther', async () => {
    for (const distance of [65_535, 65_536, 65_537]) {
      const all = joined([
        base.subarray(0, distance),
        base.subarray(0, distance),
        base.subarray(0, distance),
        base.subarray(0, 100),
      ]);
      const blocks = [
        { copied: 0, reference: 0, fresh: distance },
        { copied: all.length - distance, reference: 0, fresh: 0 },
      ];
      for (const sizes of [smallest, null]) {
        await expectMade(patchOfBlocks(blocks, { all, baseBytes: 0 }, sizes), { bases: [], targets: [all] });
      }
    }
  });

  it('may have more blocks than fit into one batch, and more coded bytes than into one buffer', async () => {
    const blocks = Array.from({ length: 20_000 }, () => ({ copied: 3, reference: Math.floor(random() * 199_000), fresh: 5 }));
    const parts = blocks.map(({ reference }) => joined([base.subarray(reference, reference + 3), noise(5)]));
    const all = joined([base, ...parts]);
    for (const sizes of [smallest, null]) {
      const patch = patchOfBlocks(blocks, { all, baseBytes: base.length }, sizes);
      await expectMade(patch, { bases: [base], targets: [all.subarray(base.length)] });
    }
  });
});

describe('a header', () => {
  const patch = makePatchOf(files);

  it('of another format version, of an unknown profile or with transforms belongs to a newer program', async () => {
    for (const first of [0x00, 0x12, 0x1f, 0x20, 0xff]) {
      const other = patch.slice();
      other[0] = first;
      await expect(apply(other, target.length)).rejects.toMatchObject({ code: 'PATCH_CODEC_UNKNOWN' });
    }
    const transformed = joined([Uint8Array.of(0x11, 0, 1), patch]);
    await expect(apply(transformed, target.length)).rejects.toMatchObject({ code: 'PATCH_CODEC_UNKNOWN' });
  });

  it('is refused when it is cut, has padded numbers, impossible sizes or streams beyond its end', async () => {
    const invalid: readonly (readonly number[])[] = [
      [],
      [0x10],
      [0x10, 0x80, 0x00, 0, 16, 12, 14, 0],
      [0x10, 0, 0, 15, 12, 14, 0],
      [0x10, 0, 0, sizeBounds.windowBits.max + 1, 12, 14, 0],
      [0x10, 0, 0, 16, 11, 14, 0],
      [0x10, 0, 0, 16, 25, 14, 0],
      [0x10, 0, 0, 16, 12, 13, 0],
      [0x10, 0, 0, 16, 12, 23, 0],
      [0x10, 0, 0, 16, 12, 14, 2, 0xff],
      [0x11, 0, 0, 1, 1, 1],
      [0x11, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for (const bytes of invalid) {
      await expect(apply(Uint8Array.from(bytes), 0)).rejects.toMatchObject({ code: 'PATCH_INVALID' });
    }
  });

  it('is not even read when the files have more than a patch can address', async () => {
    const huge: ByteSource = { bytes: limits.remendoBytesMax, read: async () => 0 };
    const input = { patch: bufferSource(patch), targets: [{ sink: new BufferSink(0), bytes: 0 }] };
    await expect(remendoCodec.apply({ scratch: memoryScratch, ...input, bases: [huge, bufferSource(base)] })).rejects.toMatchObject(
      refusal(/too large/),
    );
    const target = { sink: new BufferSink(0), bytes: limits.remendoBytesMax + 1 };
    await expect(remendoCodec.apply({ scratch: memoryScratch, ...input, bases: [], targets: [target] })).rejects.toMatchObject(
      refusal(/too large/),
    );
  });
});

describe('a damaged patch', () => {
  const small: SampleFiles = { bases: [base.subarray(0, 4_000)], targets: [joined([base.subarray(1_000, 3_000), noise(40)])] };

  it.each(profiles)('in the %s profile is refused wherever it is cut', async (profile) => {
    const patch = makePatchOf(small, profile);
    for (let length = 0; length < patch.length; length++) {
      await expect(applySample(patch.subarray(0, length), small), `${length} bytes`).rejects.toSatisfy(isUpdaterError);
    }
  });

  it.each(profiles)('in the %s profile is refused, or makes the right targets, whatever byte is changed', async (profile) => {
    const patch = makePatchOf(small, profile);
    for (let at = 0; at < patch.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const changed = patch.map((byte, index) => (index === at ? byte ^ mask : byte));
        const made = await applySample(changed, small).catch((error: unknown) => error);
        if (!isUpdaterError(made)) expect(made, `byte ${at} by ${mask}`).toEqual(small.targets);
      }
    }
  });

  it.each(profiles)('in the %s profile is refused for targets of another size', async (profile) => {
    const patch = makePatchOf(files, profile);
    for (const bytes of [target.length - 60_000, target.length - 1, target.length + 1, target.length + 60_000]) {
      await expect(apply(patch, bytes)).rejects.toMatchObject({ code: 'PATCH_INVALID' });
    }
  });

  it('is refused when a reference into the bases reaches into what it makes', async () => {
    const blocks = [{ copied: 100, reference: base.length - 50, fresh: 0 }];
    const all = joined([base, base.subarray(-50), base.subarray(-50)]);
    await expect(apply(patchOfBlocks(blocks, { all, baseBytes: base.length }, smallest), 100)).rejects.toMatchObject(
      refusal(/not made yet/),
    );
  });

  it('in the compact profile is refused when bytes follow either stream', async () => {
    const patch = makePatchOf(files);
    await expect(apply(joined([patch, new Uint8Array(4)]), target.length)).rejects.toMatchObject(refusal(/too long/));
    await expect(apply(joined([patch, new Uint8Array(100_000)]), target.length)).rejects.toMatchObject(refusal(/too long/));
  });
});

describe('a hostile fast patch', () => {
  it('is refused when its blocks are empty, refer to what is not made, or make too much or too little', async () => {
    const fresh = noise(10);
    await expect(apply(fastPatch({ blocks: varints(0, 0, 0, 10), fresh }), 10)).rejects.toMatchObject(refusal(/block is empty/));
    await expect(apply(fastPatch({ blocks: varints(1, 2 * base.length, 9), fresh }), 10)).rejects.toMatchObject(
      refusal(/not possible/),
    );
    await expect(apply(fastPatch({ blocks: varints(1, 1, 9), fresh }), 10)).rejects.toMatchObject(refusal(/not possible/));
    await expect(apply(fastPatch({ blocks: varints(0, 11), fresh }), 10)).rejects.toMatchObject(refusal(/number is too large/));
    await expect(apply(fastPatch({ blocks: varints(0, 5), fresh }), 10)).rejects.toMatchObject(refusal(/too short/));
    await expect(apply(fastPatch({ blocks: varints(0, 10, 0), fresh }), 10)).rejects.toMatchObject(refusal(/too long/));
    await expect(apply(fastPatch({ blocks: varints(0, 10), fresh, wrong: fresh }), 10)).rejects.toMatchObject(refusal(/too long/));
    const padded = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
    await expect(apply(fastPatch({ blocks: padded, fresh }), 10)).rejects.toMatchObject(refusal(/number is too large/));
  });

  it('is refused when its runs are empty: a patch of some hundred bytes may not take hours', async () => {
    const patch = fastPatch({ blocks: varints(10, 0, 0), runs: joined([new Uint8Array(50_000_000), varints(10)]) });
    expect(patch.length).toBeLessThan(400);
    await expect(apply(patch, 10)).rejects.toMatchObject(refusal(/run is empty/));
    const wrongAtOnce = fastPatch({ blocks: varints(2, 0, 0), runs: varints(0, 1, 1), wrong: Uint8Array.of(1) });
    expect(await apply(wrongAtOnce, 2)).toEqual(Uint8Array.of((base[0] ?? 0) + 1, base[1] ?? 0));
  });

  it('is refused when a stream is not brotli', async () => {
    const patch = makePatchOf(files, 'fast');
    const damaged = patch.map((byte, index) => (index > 20 ? byte ^ 0x55 : byte));
    await expect(apply(damaged, target.length)).rejects.toMatchObject({ code: 'PATCH_INVALID' });
  });
});

describe.each(profiles)('what is not the fault of a patch in the %s profile', (profile) => {
  const patch = makePatchOf(files, profile);
  const sink = () => ({ sink: new BufferSink(target.length), bytes: target.length });
  const failing = (bytes: number, cause: Error): ByteSource => ({ bytes, read: () => Promise.reject(cause) });

  it('an error of a base, of the patch’s source or of a sink passes through', async () => {
    const gone = new Error('no disk');
    const input = { bases: [bufferSource(base)], patch: bufferSource(patch) };
    await expect(
      remendoCodec.apply({ scratch: memoryScratch, ...input, bases: [failing(base.length, gone)], targets: [sink()] }),
    ).rejects.toBe(gone);
    await expect(
      remendoCodec.apply({ scratch: memoryScratch, ...input, patch: failing(patch.length, gone), targets: [sink()] }),
    ).rejects.toBe(gone);
    const later: ByteSource = {
      bytes: patch.length,
      read: (offset, into) => (offset === 0 ? bufferSource(patch).read(offset, into) : Promise.reject(gone)),
    };
    await expect(remendoCodec.apply({ scratch: memoryScratch, ...input, patch: later, targets: [sink()] })).rejects.toBe(gone);
    const full = { sink: { write: () => Promise.reject(gone), read: async () => 0 }, bytes: target.length };
    await expect(remendoCodec.apply({ scratch: memoryScratch, ...input, targets: [full] })).rejects.toBe(gone);
    // The next one on this thread is none the worse for it.
    await expectMade(patch, files);
  });

  it('a base that is cut short meanwhile is a base mismatch', async () => {
    const shrunk: ByteSource = {
      bytes: base.length,
      read: (offset, into) => bufferSource(base.subarray(0, 50_000)).read(offset, into),
    };
    await expect(
      remendoCodec.apply({ scratch: memoryScratch, bases: [shrunk], patch: bufferSource(patch), targets: [sink()] }),
    ).rejects.toMatchObject({
      code: 'PATCH_BASE_MISMATCH',
    });
  });

  it('an abort stops the work with its reason, before it starts and in the middle', async () => {
    const long = { bases: [base], targets: [joined(Array.from({ length: 12 }, () => target))] };
    const controller = new AbortController();
    const enough = new Error('enough');
    let written = 0;
    const write = async (chunk: Uint8Array): Promise<void> => {
      written += chunk.length;
      controller.abort(enough);
    };
    const read = (offset: number, into: Uint8Array) => bufferSource(long.targets[0] ?? base).read(offset, into);
    const bytes = long.targets[0]?.length ?? 0;
    const input = { bases: [bufferSource(base)], patch: bufferSource(makePatchOf(long, profile)), signal: controller.signal };
    await expect(
      remendoCodec.apply({ scratch: memoryScratch, ...input, targets: [{ sink: { write, read }, bytes }] }),
    ).rejects.toBe(enough);
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(1_000_000);
    await expect(
      remendoCodec.apply({ scratch: memoryScratch, ...input, targets: [{ sink: new BufferSink(bytes), bytes }] }),
    ).rejects.toBe(enough);
    // The next one on this thread is none the worse for it.
    await expectMade(patch, files);
  });
});

describe('a kernel', () => {
  it('is used again after an apply, however it ended, and by one apply at a time', async () => {
    const patch = makePatchOf(files);
    const kernel = takeCoderKernel();
    const other = takeCoderKernel();
    kernel.giveBack();
    await expect(apply(patch.subarray(0, 2_000), target.length)).rejects.toSatisfy(isUpdaterError);
    await Promise.all([1, 2, 3].map(() => expectMade(patch, files)));
    const again = [takeCoderKernel(), takeCoderKernel()];
    expect(again).toContain(kernel);
    for (const each of [...again, other]) each.giveBack();
  });

  it('takes less than 35 MiB, whatever a header says', () => {
    const { windowBits, historyBits, guessBits } = sizeBounds;
    const kernel = new CoderKernel();
    kernel.open(
      true,
      { bases: 0, targets: 1 },
      { windowBits: windowBits.max, historyBits: historyBits.max, guessBits: guessBits.max },
      true,
    );
    expect(kernel.exports.memory.buffer.byteLength).toBeLessThan(35 * 2 ** 20);
  });
});

describe('the encoder', () => {
  it.each([
    { copied: 0, reference: 0, fresh: 101 },
    { copied: 10, reference: 0, fresh: 90 },
    { copied: 0, reference: 0, fresh: 0 },
  ])('refuses a block that can not be: $copied copied bytes and $fresh new ones', (block) => {
    expect(() => patchOfBlocks([block], { all: base.subarray(0, 100), baseBytes: 0 }, smallest)).toThrow(/blocks are not possible/);
  });
});

describe('the document', () => {
  it('has the bounds of sizes that the decoder has', async () => {
    const document = await readFile(new URL('../../../../../docs/format/patch-v1.md', import.meta.url), 'utf8');
    for (const [name, { min, max }] of Object.entries(sizeBounds)) {
      expect(document).toContain(`| ${name} | compact only, ${min} … ${max}:`);
    }
  });
});
