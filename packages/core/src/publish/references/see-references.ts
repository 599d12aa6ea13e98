/**
 * Programs among the files of a patch, matched again as they look when addresses are where they lead to: the first blocks
 * say where code went, the second ones are found in programs that hold such places instead of numbers.
 */
import { isUpdaterError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { FinderName, Image, Images, Region } from '../../patch/references/images.js';
import { decodeImages, encodeImages } from '../../patch/references/images-format.js';
import { ReferencePredictor } from '../../patch/references/reference-predictor.js';
import { RelocatedWords } from '../../patch/references/relocated-words.js';
import type { EncodedSpace } from '../../patch/remendo/compact-encoder.js';
import type { Block } from '../../patch/remendo/patch-blocks.js';
import type { MatchedBlocks } from '../remendo/matcher-kernel.js';
import { chooseSwitches } from './choose-switches.js';
import { withGoTables } from './read-go.js';
import { readImages } from './read-images.js';
import { relabel } from './relabel.js';

/** Where files begin, among all bases and among all targets; in order. */
export interface FileStarts {
  readonly bases: readonly number[];
  readonly targets: readonly number[];
}

export interface SeenReferences {
  /** The transform's. */
  readonly data: Uint8Array;
  /** Made for the blocks of `matched`. */
  readonly predictor: ReferencePredictor;
  readonly matched: MatchedBlocks;
}

export interface SeeInput {
  readonly space: EncodedSpace;
  readonly starts: FileStarts;
  /** What was matched without knowing references. */
  readonly blocks: readonly Block[];
  /** Matches what is rewritten by `rewrite`, which gets all bytes, and puts them back. */
  readonly matchRewritten: (rewrite: (all: Uint8Array, original: Uint8Array) => void) => MatchedBlocks;
}

/** Null when there are no programs on both sides, or more of them than a patch can describe. */
export function seeReferences({ space, starts, blocks, matchRewritten }: SeeInput): SeenReferences | null {
  const { baseBytes } = space;
  const found = {
    bases: imagesOf(space.all.subarray(0, baseBytes), starts.bases),
    targets: imagesOf(space.all.subarray(baseBytes), starts.targets),
  };
  if (found.bases.length === 0 || found.targets.length === 0 || blocks.length > limits.patchBlocksMax) return null;
  const relocated = new RelocatedWords(found.bases.flatMap((image) => tableOf(image, space.all)));
  const predictorOf = (images: Images, from: readonly Block[]) => new ReferencePredictor(images, from, { baseBytes, relocated });
  const switchedBy = (from: readonly Block[], isSwitched: (region: Region) => boolean): Images => {
    const input = { all: space.all, baseBytes, blocks: from, predictor: predictorOf(found, from), bases: found.bases };
    return { bases: chooseSwitches(input, isSwitched), targets: found.targets };
  };
  // Rows of .NET's tables lead to other rows: each pass sets right those that lead to what the one before set right.
  const hasRows = found.bases.some(({ cli }) => cli !== undefined);
  let matched: MatchedBlocks = { blocks, wrong: 0, asked: 0 };
  let uncertain = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < passesMax; pass++) {
    const images = switchedBy(matched.blocks, isGuess);
    const predictor = predictorOf(images, matched.blocks);
    matched = matchRewritten((all, original) => relabel(all, original, { images, predictor, baseBytes }));
    if (matched.blocks.length > limits.patchBlocksMax) return null;
    const left = matched.wrong + matched.blocks.reduce((sum, { fresh }) => sum + fresh, 0);
    if (left > uncertain * worthwhileShare && !hasRows) break;
    uncertain = left;
  }
  const images = switchedBy(matched.blocks, () => true);
  const data = describedBy(images, { baseBytes, targetBytes: space.all.length - baseBytes });
  return data === null ? null : { data, predictor: predictorOf(images, matched.blocks), matched };
}

/** Images as a patch says them; null when a terminal would refuse that. */
function describedBy(images: Images, spaces: { readonly baseBytes: number; readonly targetBytes: number }): Uint8Array | null {
  const data = encodeImages(images);
  const relocationBytes = images.bases.reduce((sum, { relocations }) => sum + (relocations?.bytes ?? 0), 0);
  if (data.length > limits.referencesBytesMax || relocationBytes > limits.relocationBytesMax) return null;
  try {
    decodeImages(data, spaces);
    return data;
  } catch (error) {
    if (isUpdaterError(error)) return null;
    throw error;
  }
}

/** Each pass knows better where things went than the one before; the second gains most of it. */
const passesMax = 3;
/** A further pass is worth its time when the last one left so much less to be coded. */
const worthwhileShare = 0.9;

/**
 * What the first blocks tell enough about: whether a word is an address at all. They tell less of tables whose every entry
 * changed; and what is looked for on one side only would look different where it is the same.
 */
const isGuess = ({ finder }: Region): boolean => guesses.includes(finder);
const guesses: readonly FinderName[] = ['rva-guess', 'self-relative-guess', 'pointers64', 'pointers32', 'chained-pointers64'];

function imagesOf(bytes: Uint8Array, starts: readonly number[]): readonly Image[] {
  return starts
    .flatMap((start, index) => imagesAt(bytes.subarray(start, starts[index + 1] ?? bytes.length), start))
    .slice(0, limits.patchImagesMax);
}

function imagesAt(file: Uint8Array, address: number): readonly Image[] {
  return readImages(file, address).map((image) => withGoTables(image, file, address));
}

function tableOf(image: Image, all: Uint8Array) {
  const { relocations } = image;
  if (relocations === null) return [];
  return [{ image, bytes: all.subarray(relocations.address, relocations.address + relocations.bytes) }];
}
