import { describe, expect, it } from 'vitest';
import { BufferSink, type ByteSource, bufferSource } from '../../bytes/byte-source.js';
import { Bsdiff40Encoder, encodeBsdiff40 } from '../../testing/bsdiff40-encoder.js';
import { memoryScratch } from '../../testing/memory-scratch.js';
import { bsdiff40Codec } from './bsdiff40-codec.js';

const base = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 255);

/** What the patch makes; the sink refuses more than `bytes`. */
async function apply(patch: Uint8Array, bytes: number, from: Uint8Array = base): Promise<Uint8Array> {
  const sink = new BufferSink(bytes);
  await bsdiff40Codec.apply({
    scratch: memoryScratch,
    bases: [bufferSource(from)],
    patch: bufferSource(patch),
    targets: [{ sink, bytes }],
  });
  return sink.toBuffer();
}

const refusal = (message: RegExp) => ({ code: 'PATCH_INVALID', message: expect.stringMatching(message) });

describe('a legal patch', () => {
  it('makes its target from parts of the base in any order, and new bytes', async () => {
    const target = new Uint8Array(160_000);
    target.set(base.subarray(150_000, 200_000));
    target.set(base.subarray(10, 100_010), 50_000);
    for (let index = 0; index < target.length; index += 1_000) target[index] = (target[index] ?? 0) + 3;
    const parts = [
      { basePosition: 150_000, add: 50_000, copy: 0 },
      { basePosition: 10, add: 100_000, copy: 10_000 },
    ];
    expect(await apply(encodeBsdiff40(base, target, { parts }), target.length)).toEqual(target);
  });

  it('may be for an empty target, an empty base, or both', async () => {
    expect(await apply(new Bsdiff40Encoder().finish(), 0)).toEqual(new Uint8Array());
    expect(await apply(new Bsdiff40Encoder().finish(), 0, new Uint8Array())).toEqual(new Uint8Array());
    const all = new Bsdiff40Encoder().triple(0, base.length, 0).extra(base).finish();
    expect(await apply(all, base.length, new Uint8Array())).toEqual(base);
  });

  it('may step back, take the same bytes again, and rest outside the base while nothing is added', async () => {
    const encoder = new Bsdiff40Encoder();
    encoder.triple(0, 0, 100).triple(4, 0, -4).triple(4, 0, -1_000).triple(0, 2, 1_000).triple(4, 0, 999_999);
    encoder.diff(new Uint8Array(12)).extra(Uint8Array.of(1, 2));
    const four = [...base.subarray(100, 104)];
    expect([...(await apply(encoder.finish(), 14))]).toEqual([...four, ...four, 1, 2, ...base.subarray(104, 108)]);
  });

  it('reads every block of the base once when it goes through it in order', async () => {
    let reads = 0;
    const counting: ByteSource = {
      bytes: base.length,
      read: (offset, into) => {
        reads++;
        return bufferSource(base).read(offset, into);
      },
    };
    const encoder = new Bsdiff40Encoder().diff(new Uint8Array(base.length));
    for (let offset = 0; offset < base.length; offset += 50) encoder.triple(50, 0, 0);
    const sink = new BufferSink(base.length);
    await bsdiff40Codec.apply({
      scratch: memoryScratch,
      bases: [counting],
      patch: bufferSource(encoder.finish()),
      targets: [{ sink, bytes: base.length }],
    });
    expect(sink.toBuffer()).toEqual(base);
    expect(reads).toBe(Math.ceil(base.length / (32 * 1024)));
  });
});

describe('a header', () => {
  const encoder = (): Bsdiff40Encoder => new Bsdiff40Encoder().triple(10, 0, 0).diff(new Uint8Array(10));

  it('is refused when it is short or another format', async () => {
    await expect(apply(new Uint8Array(), 10)).rejects.toMatchObject(refusal(/shorter than its header/));
    await expect(apply(encoder().finish().subarray(0, 31), 10)).rejects.toMatchObject(refusal(/shorter than its header/));
    const other = encoder().finish();
    other.set(Buffer.from('BSDIFN40'));
    await expect(apply(other, 10)).rejects.toMatchObject(refusal(/does not start with BSDIFF40/));
  });

  it('is refused with negative lengths, lengths beyond the patch and lengths beyond 2^53', async () => {
    for (const field of ['controlBytes', 'diffBytes', 'targetBytes'] as const) {
      await expect(apply(encoder().finish({ [field]: -1n }), 10)).rejects.toMatchObject(refusal(/negative/));
      await expect(apply(encoder().finish({ [field]: 2n ** 53n }), 10)).rejects.toMatchObject(refusal(/not an integer/));
      await expect(apply(encoder().finish({ [field]: 2n ** 63n - 1n }), 10)).rejects.toMatchObject(refusal(/not an integer/));
    }
    for (const field of ['controlBytes', 'diffBytes'] as const) {
      await expect(apply(encoder().finish({ [field]: 2n ** 53n - 1n }), 10)).rejects.toMatchObject(refusal(/longer than itself/));
      await expect(apply(encoder().finish({ [field]: 1_000n }), 10)).rejects.toMatchObject(refusal(/longer than itself/));
    }
    const minusZero = encoder().finish();
    minusZero.set(new Uint8Array(8), 16);
    minusZero[23] = 0x80;
    await expect(apply(minusZero, 10)).rejects.toMatchObject(refusal(/not an integer/));
  });

  it('is refused when it is for a target of another size', async () => {
    await expect(apply(encoder().finish(), 11)).rejects.toMatchObject(refusal(/not for a target of 11 bytes/));
    await expect(apply(encoder().finish(), 9)).rejects.toMatchObject(refusal(/not for a target of 9 bytes/));
  });

  it('is refused when its lengths cut the streams elsewhere', async () => {
    const patch = encoder().finish();
    const view = new DataView(patch.buffer);
    const controlBytes = view.getUint32(8, true);
    for (const shift of [-1, 1]) {
      view.setUint32(8, controlBytes + shift, true);
      await expect(apply(patch, 10)).rejects.toMatchObject({ code: 'PATCH_INVALID' });
    }
  });

  it('is refused for no base, two bases, no target or two targets', async () => {
    const patch = bufferSource(encoder().finish());
    const target = { sink: new BufferSink(10), bytes: 10 };
    const [one, two] = [[bufferSource(base)], [bufferSource(base), bufferSource(base)]];
    await expect(bsdiff40Codec.apply({ scratch: memoryScratch, bases: [], patch, targets: [target] })).rejects.toMatchObject(
      refusal(/one base, not 0/),
    );
    await expect(bsdiff40Codec.apply({ scratch: memoryScratch, bases: two, patch, targets: [target] })).rejects.toMatchObject(
      refusal(/one base, not 2/),
    );
    await expect(bsdiff40Codec.apply({ scratch: memoryScratch, bases: one, patch, targets: [] })).rejects.toMatchObject(
      refusal(/one target, not 0/),
    );
    await expect(
      bsdiff40Codec.apply({ scratch: memoryScratch, bases: one, patch, targets: [target, target] }),
    ).rejects.toMatchObject(refusal(/one target, not 2/));
  });
});

describe('control triples', () => {
  const zeros = new Uint8Array(1_000);
  const patchOf = (
    triples: readonly (readonly [bigint | number, bigint | number, bigint | number])[],
    targetBytes: number,
  ): Uint8Array => {
    const encoder = new Bsdiff40Encoder().diff(zeros).extra(zeros);
    for (const triple of triples) encoder.triple(...triple);
    return encoder.finish({ targetBytes: BigInt(targetBytes) });
  };

  it('are refused with negative or unsafe lengths', async () => {
    await expect(apply(patchOf([[-1, 11, 0]], 10), 10)).rejects.toMatchObject(refusal(/add length is negative/));
    await expect(apply(patchOf([[11, -1, 0]], 10), 10)).rejects.toMatchObject(refusal(/copy length is negative/));
    await expect(apply(patchOf([[2n ** 53n, 0, 0]], 10), 10)).rejects.toMatchObject(refusal(/not an integer/));
    await expect(apply(patchOf([[1, 0, 2n ** 62n]], 10), 10)).rejects.toMatchObject(refusal(/seek is not an integer/));
  });

  it('are refused when they make more than the target, also where the sum would overflow', async () => {
    await expect(apply(patchOf([[11, 0, 0]], 10), 10)).rejects.toMatchObject(refusal(/more than the target/));
    await expect(apply(patchOf([[5, 6, 0]], 10), 10)).rejects.toMatchObject(refusal(/more than the target/));
    await expect(
      apply(
        patchOf(
          [
            [5, 0, 0],
            [0, 6, 0],
          ],
          10,
        ),
        10,
      ),
    ).rejects.toMatchObject(refusal(/more than the target/));
    await expect(apply(patchOf([[10, 2n ** 53n - 1n, 0]], 10), 10)).rejects.toMatchObject(refusal(/more than the target/));
  });

  it('are refused when they add to bytes before or behind the base', async () => {
    await expect(
      apply(
        patchOf(
          [
            [0, 0, -1],
            [10, 0, 0],
          ],
          10,
        ),
        10,
      ),
    ).rejects.toMatchObject(refusal(/outside the base/));
    await expect(
      apply(
        patchOf(
          [
            [0, 0, base.length - 9],
            [10, 0, 0],
          ],
          10,
        ),
        10,
      ),
    ).rejects.toMatchObject(refusal(/outside the base/));
    await expect(apply(patchOf([[10, 0, 0]], 10), 10, new Uint8Array(9))).rejects.toMatchObject(refusal(/outside the base/));
  });

  it('are refused when seeks add up to a place that no number tells', async () => {
    const far = 2n ** 53n - 1n;
    await expect(
      apply(
        patchOf(
          [
            [0, 0, far],
            [0, 1, far],
          ],
          10,
        ),
        10,
      ),
    ).rejects.toMatchObject(refusal(/leads nowhere/));
    await expect(
      apply(
        patchOf(
          [
            [0, 0, -far],
            [0, 1, -far],
          ],
          10,
        ),
        10,
      ),
    ).rejects.toMatchObject(refusal(/leads nowhere/));
  });

  it('are refused when too many make nothing: a patch of a few bytes may not take hours', async () => {
    const empty = Array.from({ length: 1_000_000 }, () => [0, 0, 0] as const);
    const patch = patchOf([...empty, [10, 0, 0]], 10);
    expect(patch.length).toBeLessThan(400);
    await expect(apply(patch, 10)).rejects.toMatchObject(refusal(/too many control triples/));
  });

  it('are refused when they end too early or go on after the target is complete', async () => {
    await expect(apply(patchOf([[5, 0, 0]], 10), 10)).rejects.toMatchObject(refusal(/control stream ends before/));
    const further = new Bsdiff40Encoder().triple(10, 0, 0).triple(0, 0, 0).diff(new Uint8Array(10)).finish();
    await expect(apply(further, 10)).rejects.toMatchObject(refusal(/control stream goes on/));
    const cut = new Bsdiff40Encoder().triple(10, 0, 0).control(new Uint8Array(23)).diff(new Uint8Array(10)).finish();
    await expect(apply(cut, 10)).rejects.toMatchObject(refusal(/control stream goes on/));
  });

  it('are refused when the diff or the extra stream has fewer or more bytes than they say', async () => {
    const make = (diff: number, extra: number): Uint8Array =>
      new Bsdiff40Encoder().triple(10, 10, 0).diff(new Uint8Array(diff)).extra(new Uint8Array(extra)).finish();
    await expect(apply(make(9, 10), 20)).rejects.toMatchObject(refusal(/diff stream ends before/));
    await expect(apply(make(11, 10), 20)).rejects.toMatchObject(refusal(/diff stream goes on/));
    await expect(apply(make(10, 9), 20)).rejects.toMatchObject(refusal(/extra stream ends before/));
    await expect(apply(make(10, 11), 20)).rejects.toMatchObject(refusal(/extra stream goes on/));
  });
});

describe('what is not the patch’s fault', () => {
  const patch = new Bsdiff40Encoder().triple(100_000, 0, 0).diff(new Uint8Array(100_000)).finish();

  it('an error of the base or the sink passes through', async () => {
    const failing: ByteSource = { bytes: base.length, read: () => Promise.reject(new Error('no disk')) };
    const target = { sink: new BufferSink(100_000), bytes: 100_000 };
    await expect(
      bsdiff40Codec.apply({ scratch: memoryScratch, bases: [failing], patch: bufferSource(patch), targets: [target] }),
    ).rejects.toThrow('no disk');
    const full = { sink: { write: () => Promise.reject(new Error('disk full')), read: async () => 0 }, bytes: 100_000 };
    await expect(
      bsdiff40Codec.apply({ scratch: memoryScratch, bases: [bufferSource(base)], patch: bufferSource(patch), targets: [full] }),
    ).rejects.toThrow('disk full');
  });

  it('a base that is cut short meanwhile is a base mismatch', async () => {
    const shrunk: ByteSource = {
      bytes: base.length,
      read: (offset, into) => bufferSource(base.subarray(0, 50_000)).read(offset, into),
    };
    const target = { sink: new BufferSink(100_000), bytes: 100_000 };
    await expect(
      bsdiff40Codec.apply({ scratch: memoryScratch, bases: [shrunk], patch: bufferSource(patch), targets: [target] }),
    ).rejects.toMatchObject({
      code: 'PATCH_BASE_MISMATCH',
    });
  });

  it('an abort stops the work with its reason, before it starts and in the middle', async () => {
    const controller = new AbortController();
    const input = { bases: [bufferSource(base)], patch: bufferSource(patch), signal: controller.signal };
    const long = new Bsdiff40Encoder().triple(0, 5_000_000, 0).extra(new Uint8Array(5_000_000)).finish();
    let written = 0;
    const write = async (chunk: Uint8Array): Promise<void> => {
      written += chunk.length;
      controller.abort(new Error('enough'));
    };
    const target = { sink: { write, read: async () => 0 }, bytes: 5_000_000 };
    await expect(
      bsdiff40Codec.apply({ scratch: memoryScratch, ...input, patch: bufferSource(long), targets: [target] }),
    ).rejects.toThrow('enough');
    expect(written).toBeLessThan(1_000_000);
    await expect(
      bsdiff40Codec.apply({ scratch: memoryScratch, ...input, targets: [{ sink: new BufferSink(100_000), bytes: 100_000 }] }),
    ).rejects.toThrow('enough');
  });
});
