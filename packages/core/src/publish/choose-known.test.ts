import { describe, expect, it } from 'vitest';
import { digestOf } from '../hash/digest.js';
import { sampleContent, sampleFile, sampleManifest } from '../testing/arbitrary-manifest.js';
import { chooseKnown, type KnownDerivation } from './choose-known.js';

type Files = Readonly<Record<string, number>>;

const manifestOf = (version: string, files: Files) =>
  sampleManifest(
    version,
    Object.entries(files).map(([path, content]) => sampleFile(path, content)),
  );
const contentOf = (number: number) => ({ sha256: sampleContent(number).sha256, bytes: sampleContent(number).bytes });

/** A stored patch; its offset is its blob's only name. */
function patch(
  bases: readonly number[],
  targets: readonly number[],
  { offset = 0, bytes = 1, object = 'pack' } = {},
): KnownDerivation {
  const blob = { object: digestOf(object), offset, bytes, sha256: digestOf(`${offset}`) };
  const derivation = {
    kind: 'patch',
    codec: 'bsdiff40',
    bases: bases.map(contentOf),
    targets: targets.map(contentOf),
    blob,
  } as const;
  return { derivation, objectBytes: 1_000 };
}

function chosen(base: Files, target: Files, known: readonly KnownDerivation[]): readonly KnownDerivation[] {
  const choice = chooseKnown(manifestOf('1.0.0', base), manifestOf('1.0.1', target), known);
  expect(chooseKnown(manifestOf('1.0.0', base), manifestOf('1.0.1', target), [...known].reverse())).toEqual(choice);
  return choice;
}

describe('what is stored already is used', () => {
  const base = { a: 1, b: 2, c: 3 };
  const target = { a: 11, b: 12, c: 13 };
  const [group, single] = [patch([1, 2], [11, 12]), patch([3], [13], { offset: 5 })];

  it('a group when all its bases are there and all its targets are new', () => {
    expect(chosen(base, target, [group, single])).toEqual([group, single]);
    expect(chosen(base, target, [group])).toEqual([group]);
  });

  it('not when a base is not there, or a target is not wanted, or there already', () => {
    expect(chosen({ a: 1, b: 9, c: 3 }, target, [group, single])).toEqual([single]);
    expect(chosen(base, { a: 11, b: 19, c: 13 }, [group, single])).toEqual([single]);
    expect(chosen({ ...base, d: 12 }, { ...target, d: 12 }, [group, single])).toEqual([single]);
  });

  it('from what another makes, which comes before it', () => {
    const [first, second] = [patch([1], [11], { offset: 9 }), patch([11, 2], [12], { offset: 4 })];
    expect(chosen(base, target, [second, first])).toEqual([first, second]);
    expect(chosen(base, target, [second])).toEqual([]);
  });

  it('once for each content, by what costs least for what it makes', () => {
    const dear = patch([1, 2], [11, 12], { bytes: 900 });
    const [one, two] = [patch([1], [11], { offset: 1 }), patch([2], [12], { offset: 2 })];
    expect(chosen(base, target, [dear, one, two])).toEqual([one, two]);
    expect(chosen(base, target, [dear, one])).toEqual([one]);
  });

  it('not without the base that a content has by its name', () => {
    expect(chosen(base, target, [patch([2], [11])])).toEqual([]);
    expect(chosen(base, { ...target, new: 14 }, [patch([2], [14])])).toEqual([patch([2], [14])]);
    expect(chosen(base, { ...target, new: 14 }, [patch([], [14])])).toEqual([patch([], [14])]);
  });

  it('in the order in which it is stored', () => {
    const [one, two, three] = [
      patch([3], [13], { offset: 3 }),
      patch([1], [11], { offset: 7 }),
      patch([2], [12], { object: 'other' }),
    ];
    const order = digestOf('pack') < digestOf('other') ? [one, two, three] : [three, one, two];
    expect(chosen(base, target, [three, two, one])).toEqual(order);
  });
});
