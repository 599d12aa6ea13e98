import fc from 'fast-check';
import { type Content, type Delta, type Derivation, encodingNames } from '../delta/delta.js';
import { contentsOf } from '../delta/resolve-delta.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { codecNames } from '../patch/codec-name.js';
import { arbitraryManifest, sampleContent } from './arbitrary-manifest.js';
import { seededRandom } from './seeded-random.js';

/** Contents from here on are in no manifest: what a chain makes on its way. */
const intermediateFrom = 1_000;
const objectBytes = 10_000_000;

/**
 * Sound deltas between manifests that have much or nothing in common: whole contents and patches of no, one or several
 * bases and one or several targets, through contents that neither release has, in one to three objects. Their blobs are made up.
 */
export const arbitraryDelta: fc.Arbitrary<Delta> = fc
  .record({ base: arbitraryManifest, target: arbitraryManifest, seed: fc.nat() })
  .map(({ base, target, seed }) => {
    const random = seededRandom(seed);
    const below = (bound: number): number => Math.floor(random() * bound);
    const objects = Array.from({ length: 1 + below(3) }, (_, index) => ({
      digest: digestOf(`object ${index}`),
      bytes: objectBytes,
    }));
    const held: Content[] = [...contentsOf(base)];
    const pending = contentsOf(target).filter(({ sha256 }) => !held.some((content) => content.sha256 === sha256));
    const derivations: Derivation[] = [];
    while (pending.length > 0) {
      const made = random() < 0.3 ? [intermediate(derivations.length)] : pending.splice(0, 1 + below(3));
      derivations.push(...derive(made, { held, below, blob: blobIn(objects, below) }));
      held.push(...made);
    }
    return { base, target, objects: derivations.length === 0 ? [] : objects, derivations };
  });

const intermediate = (index: number): Content => {
  const { sha256, bytes } = sampleContent(intermediateFrom + index);
  return { sha256, bytes };
};

const blobIn = (objects: readonly { readonly digest: Digest }[], below: (bound: number) => number) => () => {
  const offset = below(objectBytes);
  const object = objects[below(objects.length)]?.digest ?? digestOf('');
  return { object, offset, bytes: below(objectBytes - offset), sha256: digestOf(`blob ${offset}`) };
};

interface DeriveFrom {
  readonly held: readonly Content[];
  readonly below: (bound: number) => number;
  readonly blob: () => Derivation['blob'];
}

/** One patch for all of them, from what is held or from nothing, or each whole. */
function derive(made: readonly Content[], { held, below, blob }: DeriveFrom): readonly Derivation[] {
  const bases = Array.from({ length: Math.min(held.length, below(4)) }, () => held[below(held.length)]).filter(
    (base) => base !== undefined,
  );
  const codec = codecNames[below(codecNames.length)] ?? 'bsdiff40';
  if (bases.length > 0 || below(3) === 0) return [{ kind: 'patch', codec, bases, targets: made, blob: blob() }];
  return made.map((target): Derivation => {
    return { kind: 'whole', target, encoding: encodingNames[below(encodingNames.length)] ?? 'identity', blob: blob() };
  });
}
