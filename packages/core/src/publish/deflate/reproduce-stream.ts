import {
  type DeflateKernel,
  type DeflateParameters,
  type DeflateVariant,
  takeDeflateKernel,
} from '../../patch/deflate/deflate-kernel.js';
import { giveBackDeflater, takeDeflater } from '../../patch/deflate/deflater.js';
import { encodeCompact } from '../../patch/remendo/compact-encoder.js';
import { compareTokens, type TokenRecords, tokensToTell } from './compare-stream.js';
import { type ParsedStream, parseStream } from './parse-stream.js';
import { writeCorrections } from './write-corrections.js';

export interface StreamToReproduce {
  readonly plain: Uint8Array;
  /** Exactly one raw deflate stream. */
  readonly compressed: Uint8Array;
  /** Tried first: streams beside each other are mostly made alike. */
  readonly hint?: DeflateParameters;
}

/** What a `Deflater` needs to make a stream from its plain bytes. */
export interface ReproducedStream {
  readonly parameters: DeflateParameters;
  /** Null when the model makes the stream by itself; else not empty. Not compressed. */
  readonly corrections: Uint8Array | null;
}

/** Corrections that would take more than this share of the stream, compressed, are not worth having. */
const correctionsShareMax = 0.2;
/** A model is chosen by so many bytes of the stream. */
const trialPlainBytes = 128 * 1024;
/** So many are tried on the whole stream. */
const modelsTried = 4;
const writeBytes = 65_536;

const levels = [6, 9, 1, 5, 8, 7, 4, 3, 2];
const atAllLevels = (variant: DeflateVariant, memLevel: number): DeflateParameters[] =>
  levels.map((level) => ({ variant, level, memLevel }));
/** Parameters by how often they are met. */
const likely: readonly DeflateParameters[] = [
  ...atAllLevels('zlib', 8),
  ...atAllLevels('chromium', 8),
  ...atAllLevels('zlib', 9),
  ...atAllLevels('gzip', 8),
  ...atAllLevels('zip', 8),
  ...atAllLevels('filtered', 8),
  ...atAllLevels('filtered', 9),
  ...atAllLevels('chromium', 9),
];
/** gzip's and Info-ZIP's blocks have up to so many tokens, and end where it seems to pay. */
const gzipTokensMax = 2 ** 15 - 1;
const isGzips = (variant: DeflateVariant): boolean => variant === 'gzip' || variant === 'zip';

/**
 * Finds out how a stream was made: the parameters by which the model makes it, with corrections where no model makes it
 * exactly. What it returns was tried and made the stream, every byte of it.
 * @returns null when `compressed` is not a stream of `plain`, or not made like anything that is known.
 */
export function reproduce(stream: StreamToReproduce): ReproducedStream | null {
  if (stream.hint !== undefined && isMade(stream, stream.hint, null)) return { parameters: stream.hint, corrections: null };
  const parsed = parseStream(stream.compressed, stream.plain.length);
  if (parsed === null) return null;
  const kernel = takeDeflateKernel();
  try {
    const told = tokensToTell(parsed);
    return findExact(kernel, { ...stream, parsed, told }) ?? findCorrected(kernel, { ...stream, parsed, told });
  } finally {
    kernel.giveBack();
  }
}

interface ParsedToReproduce extends StreamToReproduce {
  readonly parsed: ParsedStream;
  readonly told: Uint32Array;
}

function findExact(kernel: DeflateKernel, stream: ParsedToReproduce): ReproducedStream | null {
  const { parsed, told, plain } = stream;
  // What tokens are in a stored block is not known, so a model that is right need not look so.
  const hasStored = parsed.blocks.some(({ storedBytes }) => storedBytes > 0);
  for (const parameters of likely) {
    if (!fitsBlocks(parsed, parameters)) continue;
    const isLikely =
      hasStored || compareTokens(kernel, { plain, told, parameters }, { recordsMax: 0, plainBytesMax: plain.length }) !== null;
    if (isLikely && isMade(stream, parameters, null)) return { parameters, corrections: null };
  }
  return null;
}

/** Whether blocks end as they do by these parameters: what ends all but the last is the number of their tokens. */
function fitsBlocks({ blocks }: ParsedStream, { variant, level, memLevel }: DeflateParameters): boolean {
  const tokensMax = isGzips(variant) ? gzipTokensMax : 2 ** (memLevel + 6) - 1;
  return blocks.every(({ kind, from, to, isLast }) => {
    const tokens = to - from;
    if (kind === 0) return true;
    if (isLast) return tokens <= tokensMax;
    return tokens === tokensMax || (isGzips(variant) && level > 2 && tokens > 0 && tokens % 4096 === 0);
  });
}

function findCorrected(kernel: DeflateKernel, stream: ParsedToReproduce): ReproducedStream | null {
  const { parsed, compressed } = stream;
  const found = nearestModel(kernel, stream);
  if (found === null) return null;
  const corrections = writeCorrections(kernel, parsed, found);
  if (compressedBytes(corrections) > compressed.length * correctionsShareMax) return null;
  return isMade(stream, found.parameters, corrections) ? { parameters: found.parameters, corrections } : null;
}

/** As the coder codes them in the patch: the same on every machine, as the patch has to be. */
const compressedBytes = (bytes: Uint8Array): number =>
  encodeCompact([{ copied: 0, reference: 0, fresh: bytes.length }], { all: bytes, baseBytes: 0 }, correctionsSizes).bytes.length;
const correctionsSizes = { windowBits: 17, historyBits: 20, guessBits: 14 };

interface ComparedModel {
  readonly parameters: DeflateParameters;
  readonly records: TokenRecords;
}

/** The model whose corrections are smallest, or nearly: those that do best at the start of the stream are tried on all of it. */
function nearestModel(kernel: DeflateKernel, { plain, told, parsed, compressed }: ParsedToReproduce): ComparedModel | null {
  const compare = (parameters: DeflateParameters, plainBytesMax: number): ComparedModel[] => {
    const recordsMax = Math.ceil(compressed.length / 2) + 64;
    const records = compareTokens(kernel, { plain, told, parameters }, { recordsMax, plainBytesMax });
    return records === null ? [] : [{ parameters, records }];
  };
  const memLevel = parsed.blocks.some(({ from, to }) => to - from === gzipTokensMax) ? 9 : 8;
  const all = [...atAllLevels('zlib', memLevel), ...atAllLevels('chromium', memLevel)];
  const promising = cheapestFirst(all.flatMap((parameters) => compare(parameters, trialPlainBytes))).slice(0, modelsTried);
  if (plain.length <= trialPlainBytes) return promising[0] ?? null;
  return cheapestFirst(promising.flatMap(({ parameters }) => compare(parameters, plain.length)))[0] ?? null;
}

const cheapestFirst = (models: readonly ComparedModel[]): readonly ComparedModel[] =>
  models
    .map((model) => ({ model, cost: costOf(model.records) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ model }) => model);

/** Bytes that the records take, roughly. */
function costOf(records: TokenRecords): number {
  let cost = 0;
  for (let at = 0; at < records.length; at += 3) {
    const code = (records[at + 1] ?? 0) & 255;
    cost += code === 0 ? 1 : code === 1 ? 2 : (records[at + 2] ?? 0) < 2 ** 31 ? 3 : 5;
  }
  return cost;
}

/** Whether a stream comes out. Stops at the first byte that is another. */
function isMade({ plain, compressed }: StreamToReproduce, parameters: DeflateParameters, corrections: Uint8Array | null): boolean {
  const deflater = takeDeflater();
  try {
    deflater.open(parameters, corrections);
    let at = 0;
    const fits = (part: Uint8Array): boolean => {
      const expected = compressed.subarray(at, at + part.length);
      at += part.length;
      return Buffer.compare(part, expected) === 0;
    };
    for (let from = 0; from < plain.length; from += writeBytes) {
      for (const part of deflater.write(plain.subarray(from, from + writeBytes))) if (!fits(part)) return false;
    }
    for (const part of deflater.end()) if (!fits(part)) return false;
    return at === compressed.length;
  } finally {
    giveBackDeflater(deflater);
  }
}
