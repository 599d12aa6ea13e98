import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../bytes/byte-source.js';
import { isUpdaterError } from '../../errors.js';
import { openPatch, profileNames } from '../../patch/remendo/patch-header.js';
import { checkProperty } from '../../testing/check-property.js';
import { deflated, edited, gzipOf, makeContainedPatchOf, pngOf, prose, zipOf, zlibOf } from '../../testing/container-samples.js';
import { fuzzContainedBase, fuzzContainerStreams, fuzzContainers } from '../../testing/fuzz/fuzz-containers.js';
import { fuzzInputs } from '../../testing/fuzz/fuzz-inputs.js';
import { applySample, joined } from '../../testing/remendo-samples.js';

/** A file of containers in containers, as numbers say: the same tree for a base and a target in which some leaves changed. */
interface Tree {
  readonly kind: 'plain' | 'zip' | 'gzip' | 'zlib' | 'png' | 'raw';
  readonly seed: number;
  readonly bytes: number;
  readonly level: number;
  readonly variant: 'zlib' | 'gzip';
  readonly stored: boolean;
  readonly isChanged: boolean;
  readonly inner: readonly Tree[];
}

const leaf = {
  seed: fc.nat(1_000),
  bytes: fc.integer({ min: 1, max: 3_000 }),
  level: fc.integer({ min: 1, max: 9 }),
  variant: fc.constantFrom('zlib' as const, 'gzip' as const),
  stored: fc.boolean(),
  isChanged: fc.boolean(),
};
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    ...leaf,
    kind: fc.constantFrom('plain' as const, 'zip' as const, 'gzip' as const, 'zlib' as const, 'png' as const, 'raw' as const),
    inner: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant([] as Tree[]),
      fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
    ),
  }),
}));

function bytesOf(node: Tree, side: 'base' | 'target'): Uint8Array {
  const { variant, level, seed } = node;
  const parameters = { variant, level, memLevel: 8 };
  const own = prose(node.bytes, seed);
  const content = joined([side === 'target' && node.isChanged ? edited(own, (seed % 100) / 100) : own, ...innerOf(node, side)]);
  if (node.kind === 'plain') return content;
  if (node.kind === 'gzip') return gzipOf(content, parameters);
  if (node.kind === 'zlib') return zlibOf(content, parameters);
  if (node.kind === 'png') return pngOf(content, 1 + (seed % 900), parameters);
  if (node.kind === 'raw') return deflated(content, parameters);
  const inner = innerOf(node, side);
  const entries = inner.map((part, index) => ({
    // Some entries are called otherwise in the target.
    name: `${side === 'target' && (seed + index) % 5 === 0 ? 'renamed' : 'entry'}-${index}`,
    content: part,
    descriptor: (seed + index) % 2 === 0,
    ...(node.stored && index === 0 ? { method: 0 } : {}),
  }));
  return zipOf([{ name: 'own', content: own }, ...entries], parameters);
}

const innerOf = ({ inner }: Tree, side: 'base' | 'target'): readonly Uint8Array[] => inner.map((node) => bytesOf(node, side));

describe('whatever containers files consist of', () => {
  it('a patch that sees through them makes the targets, in both profiles', async () => {
    await checkProperty(
      fc.asyncProperty(
        fc.array(tree, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...profileNames),
        fc.boolean(),
        async (nodes, profile, isReversed) => {
          const bases = nodes.map((node) => bytesOf(node, 'base'));
          const targets = nodes.map((node) => bytesOf(node, 'target'));
          if (isReversed) targets.reverse();
          const files = { bases, targets };
          const made = await applySample(makeContainedPatchOf(files, profile), files);
          expect(Buffer.compare(joined(made), joined(targets))).toBe(0);
        },
      ),
      60,
    );
  });

  it('a zip with some changed entries has a patch of little more than the changes', async () => {
    const entries = Array.from({ length: 40 }, (_, index) => ({ name: `e${index}`, content: prose(6_000, index) }));
    const base = zipOf(entries);
    const target = zipOf(
      entries.map(({ name, content }, index) => ({ name, content: index % 9 === 4 ? edited(content, 0.4) : content })),
    );
    const files = { bases: [base], targets: [target] };
    const patch = makeContainedPatchOf(files);
    const { transforms } = await openPatch(bufferSource(patch));
    expect(transforms.map(({ name }) => name)).toEqual(['containers']);
    expect(patch.length).toBeLessThan(900);
    expect(Buffer.compare(joined(await applySample(patch, files)), target)).toBe(0);
  });
});

describe('whatever the data of the transform is', () => {
  for (const target of [fuzzContainers, fuzzContainerStreams, fuzzContainedBase]) {
    it(`it is accepted or refused by ${target.name}, with bounded output and no scratch left`, async () => {
      await checkProperty(
        fc.asyncProperty(fuzzInputs(await target.seeds()), async (bytes) => {
          const error: unknown = await target.run(bytes).catch((thrown: unknown) => thrown);
          const isRefusal = isUpdaterError(error) && ['PATCH_INVALID', 'PATCH_CODEC_UNKNOWN'].includes(error.code);
          if (error !== undefined && !isRefusal) throw error;
        }),
        200,
      );
    });
  }
});
