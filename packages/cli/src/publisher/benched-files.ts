import {
  type Content,
  type Derivation,
  type Digest,
  derivationTargets,
  type PatchCauses,
  type TransformReport,
} from '@remendo/core';
import type { MadeDelta } from './make-delta.js';
import type { MadePatch } from './timed-patches.js';

/** What a file of the target costs. */
export interface BenchedFile {
  readonly path: string;
  /** The patch's codec, `whole`, or `copy` and `move` for what the base has already. */
  readonly how: string;
  readonly bytes: number;
  /** In the delta's body. Of a patch that makes several files, and of its seconds, each has a share by its size. */
  readonly storedBytes: number;
  /** That the file's patch has; of a patch that makes several files they are the same for each. */
  readonly transforms: readonly TransformReport[];
  /** What the stored bytes of a patch are for, shared like them; null for everything else. */
  readonly causes: PatchCauses | null;
  /** Null where there is nothing to make, and for whole contents. */
  readonly makeSeconds: number | null;
  readonly applySeconds: number | null;
}

/** How the content's patch was made; null for contents that have none. */
type MadeOf = (content: Content) => MadePatch | null;
type SecondsOf = (content: Content) => number | null;

/** Every file that changes, the largest first. */
export function benchedFiles(
  { delta, built }: MadeDelta,
  measured: { readonly made: MadeOf; readonly applySeconds: SecondsOf },
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
    const plain = { path, how, bytes, storedBytes, transforms: [], causes: null, makeSeconds: null, applySeconds: null };
    if (found === undefined) return [plain];
    const [derivation, content] = found;
    const share = shareOf(content, derivation);
    const portion = (value: number | null): number | null => (value === null ? null : value * share);
    const applySeconds = portion(measured.applySeconds(content));
    if (derivation.kind === 'whole') return [{ ...plain, applySeconds }];
    const made = measured.made(content);
    return [
      {
        ...plain,
        how: derivation.codec,
        transforms: made?.report.transforms ?? [],
        causes: made === null ? null : sharedCauses(made.report.causes, share),
        makeSeconds: portion(made?.seconds ?? null),
        applySeconds,
      },
    ];
  });
  return files.sort((a, b) => b.bytes - a.bytes);
}

function shareOf(content: Content, derivation: Derivation): number {
  const bytes = derivationTargets(derivation).reduce((sum, target) => sum + target.bytes, 0);
  return bytes === 0 ? 1 : content.bytes / bytes;
}

const sharedCauses = ({ header, transforms, blocks, bytes }: PatchCauses, share: number): PatchCauses => ({
  header: Math.round(header * share),
  transforms: Math.round(transforms * share),
  blocks: Math.round(blocks * share),
  bytes: Math.round(bytes * share),
});
