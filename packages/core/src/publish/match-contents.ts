/** Finds, for the new contents of a target, the contents to patch them from: by name and by what is in them. */
import { bytesOfContents, type Content } from '../delta/delta.js';
import { withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { chooseReferences } from './choose-references.js';
import { mapLimited } from './map-limited.js';
import type { ContentPair } from './pair-contents.js';
import { inMakingOrder, type ReferencedContent } from './plan-groups.js';
import { type Sketch, sketchContent } from './sketch-content.js';
import { SketchIndex } from './sketch-index.js';

export interface MatchContentsInput {
  readonly fileSystem: FileSystem;
  readonly pathOf: (sha256: Digest) => string;
  /** What is there before the first of them is made. */
  readonly held: readonly Content[];
  /** The new contents, each with what its name says it was. */
  readonly pairs: readonly ContentPair[];
  /** References of one content; none are chosen for 0. */
  readonly referencesMax: number;
  readonly signal?: AbortSignal | undefined;
}

/** All anchors together: 13 bytes of memory each. */
const anchorsMax = 4 * 1024 ** 2;
/** Anchors of small contents stand for 32 bytes each, unless all contents together have too many then. */
const levelMin = 5;
/** Contents are looked through for the sake of so many times smaller ones; names have to do for less. */
const lookedThroughTimesMax = 1_024;
/** Files read at the same time. */
const readersMax = 4;

/** Whether all that is held is read for the sake of the new contents; what their names say they were is read in any case. */
export function readsAllHeld(held: readonly Content[], pairs: readonly ContentPair[]): boolean {
  const targetBytes = bytesOfContents(pairs.map(({ target }) => target));
  return bytesOfContents(held) <= targetBytes * lookedThroughTimesMax;
}

/** In the order in which they are to be made; references are held or come before. Reads each content once at most. */
export async function matchContents(input: MatchContentsInput): Promise<readonly ReferencedContent[]> {
  const { held, pairs } = input;
  const wanted = inMakingOrder(pairs.map((pair) => ({ ...pair, content: pair.target })));
  const contents = [...held, ...wanted.map(({ content }) => content)];
  const choose = input.referencesMax > 0 && readsAllHeld(held, pairs) ? await byContent(input, contents) : byName(input);
  return wanted.map(({ content, path, base }, index) => {
    const named = base === null || base.bytes === 0 ? null : base;
    const references = content.bytes === 0 ? [] : choose({ content, named, number: held.length + index });
    return { content, path, references };
  });
}

type Choose = (wanted: {
  readonly content: Content;
  readonly named: Content | null;
  readonly number: number;
}) => readonly Content[];

const byName =
  ({ referencesMax }: MatchContentsInput): Choose =>
  ({ named }) =>
    named === null || referencesMax === 0 ? [] : [named];

async function byContent(input: MatchContentsInput, contents: readonly Content[]): Promise<Choose> {
  const { held, referencesMax } = input;
  const index = new SketchIndex(await sketchAll(input, contents));
  const numbers = new Map(held.map(({ sha256 }, number) => [sha256, number]));
  const bytesOf = (number: number): number => contents[number]?.bytes ?? 0;
  return ({ content, named, number }) => {
    const query = { number, bytes: content.bytes, named: numbers.get(named?.sha256 ?? ('' as Digest)) ?? null };
    return chooseReferences(index, { ...query, referencesMax, bytesOf }).flatMap((reference) => contents[reference] ?? []);
  };
}

function sketchAll({ fileSystem, pathOf, signal }: MatchContentsInput, contents: readonly Content[]): Promise<readonly Sketch[]> {
  const coarseness = Math.ceil(Math.log2(Math.max(1, bytesOfContents(contents) / anchorsMax)));
  const options = { levelMin: Math.max(levelMin, coarseness), signal };
  const empty = { level: options.levelMin, anchors: new Uint32Array(), levels: new Uint8Array() };
  return mapLimited(contents, readersMax, async ({ sha256, bytes }) =>
    bytes === 0 ? empty : withFile(fileSystem, pathOf(sha256), { mode: 'read' }, (file) => sketchContent(file, options)),
  );
}
