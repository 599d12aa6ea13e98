import { type Content, type Derivation, type Digest, derivationTargets } from '@remendo/core';
import type { MadeDelta } from './make-delta.js';

/** What a file of the target costs. */
export interface BenchedFile {
  readonly path: string;
  /** The patch's codec, `whole`, or `copy` and `move` for what the base has already. */
  readonly how: string;
  readonly bytes: number;
  /** In the delta's body. Of a patch that makes several files, and of its seconds, each has a share by its size. */
  readonly storedBytes: number;
  /** Null where there is nothing to make, and for whole contents. */
  readonly makeSeconds: number | null;
  readonly applySeconds: number | null;
}

type SecondsOf = (content: Content) => number | null;

/** Every file that changes, the largest first. */
export function benchedFiles(
  { delta, built }: MadeDelta,
  seconds: { readonly makeSeconds: SecondsOf; readonly applySeconds: SecondsOf },
): readonly BenchedFile[] {
  const madeBy = new Map(
    delta.derivations.flatMap((derivation) =>
      derivationTargets(derivation).map((content): [Digest, [Derivation, Content]] => [content.sha256, [derivation, content]]),
    ),
  );
  const contentAt = new Map<string, Digest>(delta.target.files.map((file) => [file.path, file.sha256]));
  const files = built.files.flatMap((file): BenchedFile[] => {
    const { path, how, bytes, storedBytes } = file;
    if (how === 'remove') return [];
    const found = madeBy.get(contentAt.get(path) ?? ('' as Digest));
    if (found === undefined) return [{ path, how, bytes, storedBytes, makeSeconds: null, applySeconds: null }];
    const [derivation, content] = found;
    const share = shareOf(content, derivation);
    const portion = (value: number | null): number | null => (value === null ? null : value * share);
    return [
      {
        path,
        how: derivation.kind === 'patch' ? derivation.codec : 'whole',
        bytes,
        storedBytes,
        makeSeconds: derivation.kind === 'patch' ? portion(seconds.makeSeconds(content)) : null,
        applySeconds: portion(seconds.applySeconds(content)),
      },
    ];
  });
  return files.sort((a, b) => b.bytes - a.bytes);
}

function shareOf(content: Content, derivation: Derivation): number {
  const bytes = derivationTargets(derivation).reduce((sum, target) => sum + target.bytes, 0);
  return bytes === 0 ? 1 : content.bytes / bytes;
}
