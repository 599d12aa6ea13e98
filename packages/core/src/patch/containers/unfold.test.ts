import { createCipheriv } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { deflateSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { BufferSink, type ByteSource, bufferSource } from '../../bytes/byte-source.js';
import { isUpdaterError } from '../../errors.js';
import { digestOf } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import { codedNumbers } from '../../publish/containers/encode-data.js';
import { findStreams } from '../../publish/containers/find-streams.js';
import { planContainers } from '../../publish/containers/plan-containers.js';
import { edited, gzipOf, makeContainedPatchOf, pngOf, prose, zipOf } from '../../testing/container-samples.js';
import { MemoryScratch } from '../../testing/memory-scratch.js';
import { applySample, joined, patchOfBlocks, type SampleFiles } from '../../testing/remendo-samples.js';
import { buildZip } from '../../testing/zip-builder.js';
import { applyPatch } from '../apply-patch.js';
import type { OpenScratch, ScratchFile } from '../patch-codec.js';
import { openPatch, profileNames } from '../remendo/patch-header.js';
import { remendoCodec } from '../remendo/remendo-codec.js';
import { type ContainersData, decodeContainers, encodeContainers } from './containers-data.js';

const noise = (bytes: number, seed: number): Uint8Array =>
  new Uint8Array(createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes)));

const entries = Array.from({ length: 12 }, (_, index) => ({ name: `entry-${index}`, content: prose(5_000, index) }));
const changed = entries.map(({ name, content }, index) => ({
  name,
  content: index === 3 || index === 8 ? edited(content, 0.5) : content,
}));
const files: SampleFiles = {
  bases: [zipOf(entries), gzipOf(prose(3_000, 50))],
  targets: [zipOf(changed), gzipOf(edited(prose(3_000, 50), 0.2))],
};
const patch = makeContainedPatchOf(files);

async function transformsOf(bytes: Uint8Array): Promise<readonly string[]> {
  return (await openPatch(bufferSource(bytes))).transforms.map(({ name }) => name);
}

/** Applies without comparing digests. @returns the targets, which get at most `targetBytes` together. */
async function apply(
  bytes: Uint8Array,
  bases: readonly Uint8Array[],
  targetBytes: number,
  scratch = new MemoryScratch(),
): Promise<Uint8Array> {
  const sink = new BufferSink(targetBytes);
  const targets = [{ sink, bytes: targetBytes }];
  try {
    await remendoCodec.apply({ bases: bases.map(bufferSource), patch: bufferSource(bytes), targets, scratch: scratch.openScratch });
  } finally {
    expect(scratch.open).toBe(0);
  }
  return sink.toBuffer();
}

describe('a patch that sees through containers', () => {
  it('inflates and deflates only what changed, and leaves no scratch', async () => {
    expect(await transformsOf(patch)).toEqual(['containers']);
    const scratch = new MemoryScratch();
    const made = await applySample(patch, files, scratch.openScratch);
    expect(made.map((target, index) => Buffer.compare(target, files.targets[index] as Uint8Array))).toEqual([0, 0]);
    const plainBytes = [3, 8].reduce(
      (sum, index) => sum + (entries[index]?.content.length ?? 0) + (changed[index]?.content.length ?? 0),
      0,
    );
    const directories = [...files.bases, ...files.targets].map((file) =>
      findStreams(file).find(({ kind }) => kind === 'directory'),
    );
    const directoryBytes = directories.reduce((sum, found) => sum + (found === undefined ? 0 : found.end - found.start), 0);
    expect(scratch.bytes).toBe(plainBytes + directoryBytes + 3_000 + edited(prose(3_000, 50), 0.2).length);
    expect([scratch.opened, scratch.open]).toEqual([2, 0]);
  });

  it.each<readonly [what: string, files: SampleFiles]>([
    [
      'a zip whose entries were renamed',
      { bases: [zipOf(entries)], targets: [zipOf(changed.map((entry) => ({ ...entry, name: `v2/${entry.name}` })))] },
    ],
    ['a zip in a gzip file in a zip', { bases: [nested(entries)], targets: [nested(changed)] }],
    ['a file that was compressed before', { bases: [gzipOf(prose(60_000, 7))], targets: [edited(prose(60_000, 7), 0.3)] }],
    ['a file that is compressed now', { bases: [prose(60_000, 7)], targets: [gzipOf(edited(prose(60_000, 7), 0.3))] }],
    ['a PNG', { bases: [pngOf(noise(20_000, 1))], targets: [pngOf(edited(noise(20_000, 1), 0.5))] }],
    ['a zip made by gzip’s deflate', { bases: [zipOf(entries, zipped)], targets: [zipOf(changed, zipped)] }],
  ])('makes %s of little', async (_, sample) => {
    for (const profile of profileNames) {
      const bytes = makeContainedPatchOf(sample, profile);
      expect(await transformsOf(bytes)).toEqual(['containers']);
      expect(bytes.length).toBeLessThan(900);
      expect(Buffer.compare(joined(await applySample(bytes, sample)), joined(sample.targets))).toBe(0);
    }
  });

  it.each([null, { windowBits: 16, historyBits: 12, guessBits: 14 }])(
    'refers to what it made before, in streams and between them, however far back (%j)',
    async (sizes) => {
      const [one, two] = [noise(90_000, 1), noise(70_000, 2)];
      const target = joined([gzipOf(one), two, gzipOf(one), two]);
      const base = gzipOf(prose(400, 9));
      const plan = planContainers({ base, target });
      const [baseBytes, viewBytes] = [plan?.baseViewBytes ?? 0, plan?.targetViewBytes ?? 0];
      const all = new Uint8Array(baseBytes + viewBytes);
      plan?.fillBase(all.subarray(0, baseBytes));
      plan?.fillTarget(all.subarray(baseBytes));
      const half = viewBytes / 2;
      const blocks = [
        { copied: 0, reference: 0, fresh: half },
        { copied: half, reference: baseBytes, fresh: 0 },
      ];
      const transforms = [{ name: 'containers' as const, data: plan?.data ?? new Uint8Array(), savedBytes: 0 }];
      const bytes = patchOfBlocks(blocks, { all, baseBytes }, sizes, transforms);
      expect(Buffer.compare(await apply(bytes, [base], target.length), target)).toBe(0);
    },
  );

  it('makes streams of other programs again by corrections', async () => {
    const zipBy = (contents: typeof entries): Uint8Array =>
      buildZip(contents.map((entry) => ({ ...entry, encoded: deflateSync(entry.content) })));
    const sample = { bases: [zipBy(entries)], targets: [zipBy(changed)] };
    const bytes = makeContainedPatchOf(sample);
    const { transforms } = await openPatch(bufferSource(bytes));
    const { target } = await decodeContainers(transforms[0]?.data ?? bufferSource(new Uint8Array()));
    expect(target.filter(({ correctionsBytes }) => correctionsBytes > 0)).toHaveLength(2);
    expect(bytes.length).toBeLessThan(900);
    expect(Buffer.compare(joined(await applySample(bytes, sample)), joined(sample.targets))).toBe(0);
  });

  it('is not made for streams that are the same, or that nothing is made from', async () => {
    const same = { bases: [zipOf(entries), prose(9_000, 1)], targets: [edited(prose(9_000, 1), 0.5), zipOf(entries)] };
    expect(await transformsOf(makeContainedPatchOf(same))).toEqual([]);
    const useless = { bases: [gzipOf(prose(9_000, 3)), prose(9_000, 1)], targets: [edited(prose(9_000, 1), 0.5)] };
    expect(await transformsOf(makeContainedPatchOf(useless))).toEqual([]);
  });
});

const zipped = { variant: 'gzip', level: 6, memLevel: 8 } as const;

function nested(inner: typeof entries): Uint8Array {
  return zipOf([
    { name: 'a', content: prose(900, 60) },
    { name: 'inner.zip.gz', content: gzipOf(zipOf(inner)) },
  ]);
}

describe('a damaged patch with containers', () => {
  const refused = async (bytes: Uint8Array, what: string): Promise<void> => {
    const scratch = new MemoryScratch();
    const made = await applySample(bytes, files, scratch.openScratch).catch((error: unknown) => error);
    if (!isUpdaterError(made)) expect(Buffer.compare(joined(made as readonly Uint8Array[]), joined(files.targets)), what).toBe(0);
    expect(scratch.open, what).toBe(0);
  };

  it('is refused wherever it is cut, and leaves no scratch', async () => {
    for (let length = 0; length < patch.length; length++) await refused(patch.subarray(0, length), `${length} bytes`);
  });

  it('is refused, or makes the right targets, whatever byte is changed', async () => {
    for (let at = 0; at < patch.length; at++)
      await refused(
        patch.map((byte, index) => (index === at ? byte ^ 0x41 : byte)),
        `byte ${at}`,
      );
  });

  it('does not get the blame for a wrong base', async () => {
    for (const at of [40, 2_500]) {
      const bases = files.bases.map((base) => base.map((byte, index) => (index % 5_000 === at ? byte ^ 0xff : byte)));
      const scratch = new MemoryScratch();
      const wrong = applyTo(bases, scratch.openScratch);
      await expect(wrong, `${at}`).rejects.toMatchObject({ code: 'PATCH_BASE_MISMATCH' });
      expect(scratch.open).toBe(0);
    }
  });
});

/** Applies the patch to bases that are not what was announced. */
async function applyTo(bases: readonly Uint8Array[], scratch: OpenScratch): Promise<void> {
  const contentOf = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length });
  await applyPatch({
    codec: 'remendo+containers',
    bases: bases.map((base, index) => ({ source: bufferSource(base), content: contentOf(files.bases[index] as Uint8Array) })),
    patch: bufferSource(patch),
    scratch,
    targets: files.targets.map((target) => ({ sink: new BufferSink(target.length), content: contentOf(target) })),
  });
}

describe('a hostile list of streams', () => {
  const plain = prose(4_000, 5);
  const stream = new Uint8Array(deflateRawSync(plain));
  const base = joined([prose(100, 1), stream, prose(100, 2)]);
  const form = { kind: 'deflate', deflate: { variant: 'zlib', level: 6, memLevel: 8 }, chunkBytes: 0 } as const;
  const inBase: ContainersData = {
    inflatedBytes: plain.length,
    base: [{ depth: 1, kind: 'deflate', gap: 100 }],
    targetViewBytes: 50,
    forms: [form],
    target: [],
  };
  const target = (gap: number, viewBytes: number, depth = 1) => ({
    depth,
    form: 0,
    like: 1,
    correctionsBytes: 0,
    gapMore: gap,
    viewBytesMore: viewBytes,
  });

  /** A patch with these streams that makes a view of new bytes. */
  const patchWith = (data: ContainersData, viewBytes = 50): Uint8Array => {
    const all = prose(viewBytes, 3);
    const blocks = [{ copied: 0, reference: 0, fresh: viewBytes }];
    return patchOfBlocks(blocks, { all, baseBytes: 0 }, null, [
      { name: 'containers', data: codedNumbers(encodeContainers(data)), savedBytes: 0 },
    ]);
  };

  it('that is right is none', async () => {
    expect(await apply(patchWith(inBase), [base], 50)).toEqual(prose(50, 3));
  });

  it.each<readonly [what: string, data: ContainersData, reason: RegExp]>([
    [
      'has a stream behind the base’s end',
      { ...inBase, base: [{ depth: 1, kind: 'deflate', gap: base.length }] },
      /outside of its bases/,
    ],
    ['has a stream where there is none', { ...inBase, base: [{ depth: 1, kind: 'deflate', gap: 0 }] }, /is none/],
    ['has a directory where there is none', { ...inBase, base: [{ depth: 1, kind: 'directory', gap: 100 }] }, /is none/],
    ['has a PNG where there is none', { ...inBase, base: [{ depth: 1, kind: 'idat', gap: 100 }] }, /is none/],
    ['has a stream in one that has none', { ...inBase, base: [...inBase.base, { depth: 2, kind: 'deflate', gap: 0 }] }, /is none/],
    ['has streams that are longer than announced', { ...inBase, inflatedBytes: plain.length - 1 }, /longer than it says/],
    ['has streams that are shorter than announced', { ...inBase, inflatedBytes: plain.length + 1 }, /missing/],
    ['has a longer view than the patch makes', { ...inBase, targetViewBytes: 51 }, /./],
    ['has a shorter view than the patch makes', { ...inBase, targetViewBytes: 49 }, /./],
    ['has a stream behind the view’s end', { ...inBase, target: [target(50, 1)] }, /./],
    ['has a stream that reaches over the view’s end', { ...inBase, target: [target(40, 11)] }, /does not end where it should/],
    [
      'has a stream that reaches over the end of that around it',
      { ...inBase, target: [target(10, 20), target(10, 15, 2)] },
      /does not end where it should/,
    ],
    [
      'has a stream that begins behind the end of that around it',
      { ...inBase, target: [target(10, 20), target(21, 5, 2)] },
      /does not end where it should/,
    ],
    ['has a stream of corrections only, which are none', { ...inBase, target: [{ ...target(10, 20), correctionsBytes: 20 }] }, /./],
    ['has a stream that makes more than the targets have', { ...inBase, target: [target(10, 1), target(0, 1), target(0, 1)] }, /./],
  ])('is refused when it %s', async (_, data, reason) => {
    await expect(apply(patchWith(data), [base], 50)).rejects.toMatchObject({
      code: 'PATCH_INVALID',
      message: expect.stringMatching(reason),
    });
  });

  it('is refused before anything is written when it announces too much', async () => {
    const scratch = new MemoryScratch();
    const bomb = { ...inBase, inflatedBytes: limits.remendoBytesMax + 1 };
    await expect(apply(patchWith(bomb), [base], 50, scratch)).rejects.toMatchObject({ code: 'PATCH_INVALID' });
    expect(scratch.opened).toBe(0);
  });
});

/** The file, but for what it does otherwise. */
const instead = (file: ScratchFile, other: Partial<ScratchFile>): ScratchFile => ({
  get bytes() {
    return file.bytes;
  },
  write: (chunk) => file.write(chunk),
  read: (offset, into) => file.read(offset, into),
  close: () => file.close(),
  ...other,
});

describe('what is not the fault of a patch with containers', () => {
  const gone = new Error('no disk');
  const targets = () => files.targets.map((target) => ({ sink: new BufferSink(target.length), bytes: target.length }));
  const bases = files.bases.map(bufferSource);
  const input = { bases, patch: bufferSource(patch) };

  it('an error of scratch, base or sink passes through, and no scratch is left', async () => {
    const scratch = new MemoryScratch();
    const failing: ByteSource = { bytes: files.bases[0]?.length ?? 0, read: () => Promise.reject(gone) };
    const full = { write: () => Promise.reject(gone), read: async () => 0 };
    const openScratch = scratch.openScratch;
    const badScratch = async () => instead(await openScratch(), { write: () => Promise.reject(gone) });
    const unreadable = async () => instead(await openScratch(), { read: () => Promise.reject(gone) });
    const cases = [
      { ...input, targets: targets(), scratch: () => Promise.reject(gone) },
      { ...input, targets: targets(), scratch: badScratch },
      { ...input, targets: targets(), scratch: unreadable },
      { ...input, bases: [failing, ...bases.slice(1)], targets: targets(), scratch: openScratch },
      { ...input, targets: targets().map(({ bytes }) => ({ sink: full, bytes })), scratch: openScratch },
    ];
    for (const [index, failingCase] of cases.entries())
      await expect(remendoCodec.apply(failingCase), `${index}`).rejects.toBe(gone);
    expect(scratch.open).toBe(0);
  });

  it('an abort stops it with its reason, while bases are inflated and while targets are made', async () => {
    for (const atBytes of [1, 7_000, 14_000]) {
      const scratch = new MemoryScratch();
      const controller = new AbortController();
      const watched: OpenScratch = async () => {
        const file = await scratch.openScratch();
        return instead(file, {
          write: async (chunk) => {
            await file.write(chunk);
            if (scratch.bytes >= atBytes) controller.abort(gone);
          },
        });
      };
      const apply = remendoCodec.apply({ ...input, targets: targets(), scratch: watched, signal: controller.signal });
      if (atBytes < 13_000) await expect(apply).rejects.toBe(gone);
      else await apply.catch(() => {});
      expect(scratch.open).toBe(0);
    }
  });
});
