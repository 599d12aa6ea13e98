import { bytesOfContents, type Derivation, derivationBases, derivationTargets } from '../delta/delta.js';
import { contentsOf } from '../delta/resolve-delta.js';
import type { Digest } from '../hash/digest.js';
import type { Manifest } from '../manifest/manifest.js';
import { type ContentPair, pairContents } from './pair-contents.js';

/** A derivation with the size of the object its blob lies in. */
export interface KnownDerivation {
  readonly derivation: Derivation;
  readonly objectBytes: number;
}

/** What a derivation costs in an index, whatever is in it. */
const entryBytes = 40;

/**
 * Of what is stored already, what serves this pair of releases: its bases are contents of the base or made by a
 * derivation before it, its targets are all new and made by no other. Those that save most are taken first.
 *
 * A content that has a base by its name is not made without that base: what was made for other releases may be large.
 * @returns them by object and offset as far as each can be carried out then. The same set gives the same choice, in whatever order.
 */
export function chooseKnown(base: Manifest, target: Manifest, known: readonly KnownDerivation[]): readonly KnownDerivation[] {
  const wanted = new Map(pairContents(base, target).map((pair) => [pair.target.sha256, pair]));
  const fit = known.filter(({ derivation }) => isFit(derivation, wanted));
  const chosen = carriedOut(
    base,
    fit.sort((a, b) => costPerByte(a) - costPerByte(b) || comparePlaces(a, b)),
  );
  return carriedOut(base, chosen.sort(comparePlaces));
}

/** The first in order whose bases are there and whose targets are not, until there is none. */
function carriedOut(base: Manifest, inOrder: readonly KnownDerivation[]): KnownDerivation[] {
  const held = new Set(contentsOf(base).map(({ sha256 }) => sha256));
  const done: KnownDerivation[] = [];
  let waiting = inOrder;
  for (let before = -1; before < done.length; ) {
    before = done.length;
    waiting = waiting.filter((one) => {
      const targets = derivationTargets(one.derivation);
      if (targets.some(({ sha256 }) => held.has(sha256))) return false;
      if (!derivationBases(one.derivation).every(({ sha256 }) => held.has(sha256))) return true;
      for (const { sha256 } of targets) held.add(sha256);
      done.push(one);
      return false;
    });
  }
  return done;
}

function isFit(derivation: Derivation, wanted: ReadonlyMap<Digest, ContentPair>): boolean {
  const bases = new Set(derivationBases(derivation).map(({ sha256 }) => sha256));
  return derivationTargets(derivation).every(({ sha256 }) => {
    const pair = wanted.get(sha256);
    return pair !== undefined && (pair.base === null || pair.base.bytes === 0 || bases.has(pair.base.sha256));
  });
}

const costPerByte = ({ derivation }: KnownDerivation): number =>
  (derivation.blob.bytes + entryBytes) / Math.max(1, bytesOfContents(derivationTargets(derivation)));

/** No two have the same place. */
function comparePlaces({ derivation: { blob: a } }: KnownDerivation, { derivation: { blob: b } }: KnownDerivation): number {
  return a.object === b.object ? a.offset - b.offset : a.object < b.object ? -1 : 1;
}
