import {
  type Content,
  codecNames,
  type DeltaObject,
  type Derivation,
  type Digest,
  digestOf,
  emptyManifest,
  limits,
  type Manifest,
  type ManifestFile,
} from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { type ComposeInput, composePlans } from './compose-plans.js';
import { fitAnswer } from './fit-answer.js';

const fileBytes = 100_000;
const contentOf = (name: string): Content => ({ sha256: digestOf(name), bytes: fileBytes });

function manifestOf(version: string, files: number): Manifest {
  const paths = Array.from({ length: files }, (_, index) => `file-${String(index).padStart(4, '0')}`);
  return {
    ...emptyManifest('erp', 'any'),
    version,
    files: paths.map((path) => {
      const { sha256, bytes } = contentOf(`${path} ${version}`);
      return { path, bytes, mode: 0o644, sha256, xxh64: '0123456789abcdef' } as ManifestFile;
    }),
  };
}

const blobOf = (object: Digest, offset: number, bytes: number) => ({
  object,
  offset,
  bytes,
  sha256: digestOf(`${object} ${offset}`),
});

/** Every file has a patch in an object of its own, and lies whole in the zip. */
function manyObjects(files: number): ComposeInput {
  const [base, target] = [manifestOf('1.0.0', files), manifestOf('2.0.0', files)];
  const zip: DeltaObject = { digest: digestOf('zip'), bytes: files * fileBytes };
  const packs = target.files.map(({ path }) => ({ digest: digestOf(`pack ${path}`), bytes: 1_000 }));
  const derivations = target.files.flatMap((file, index): Derivation[] => {
    const target: Content = { sha256: file.sha256, bytes: file.bytes };
    const pack = packs[index]?.digest ?? zip.digest;
    const bases = [contentOf(`${file.path} 1.0.0`)];
    return [
      { kind: 'patch', codec: 'bsdiff40', bases, targets: [target], blob: blobOf(pack, 0, 1_000) },
      { kind: 'whole', target, encoding: 'deflate', blob: blobOf(zip.digest, index * fileBytes, fileBytes) },
    ];
  });
  const patches = derivations.filter((derivation) => derivation.kind === 'patch');
  return {
    base,
    target,
    derivations,
    objects: [zip, ...packs],
    deltas: [{ base: '1.0.0', target: '2.0.0', derivations: patches }],
    codecs: codecNames,
    zip,
    manifestObject: { digest: digestOf('manifest'), bytes: 2_000 },
  };
}

const head = {
  application: 'a'.repeat(64),
  platform: 'p'.repeat(64),
  base: { version: '1'.repeat(64), manifest_digest: digestOf('b') },
  target: {
    version: '2'.repeat(64),
    display_version: '3'.repeat(64),
    manifest_digest: digestOf('t'),
    manifest: { digest: digestOf('m'), bytes: 2 ** 40 },
    zip: { digest: digestOf('z'), bytes: 2 ** 40 },
    installed_bytes: 2 ** 40,
  },
};

describe('composePlans', () => {
  it.each([3, 40, 41, 200, 700])('offers a delta in an answer of 8 KB when its patches lie in %d objects', (objects) => {
    const composed = composePlans(manyObjects(objects));
    const answer = fitAnswer(head, composed);
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThanOrEqual(limits.planAnswerBytesGoal);
    expect(answer.plans.at(0)?.kind).toBe('delta');
    expect(answer.plans.at(0)?.fetch_bytes).toBeLessThan(objects * fileBytes);
  });

  it.each([3, 200])('always offers the zip, the last resort, with %d objects', (objects) => {
    const answer = fitAnswer(head, composePlans(manyObjects(objects)));
    expect(answer.plans.filter((plan) => plan.kind === 'zip')).toHaveLength(1);
    expect(answer.losers.map((loser) => loser.label)).not.toContain('full zip');
  });

  it('names no loser that would cost less than the plan it lost against', () => {
    const input = manyObjects(60);
    const { plans, losers } = composePlans(input);
    const [best] = plans;
    const costs = losers.flatMap(({ costBytes }) => costBytes ?? []);
    expect(Math.min(...costs, Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(best?.cost.costBytes ?? Number.NaN);
  });
});
