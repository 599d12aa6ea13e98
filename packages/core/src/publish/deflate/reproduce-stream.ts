import { brotliCompressSync, constants } from 'node:zlib';
import { type DeflateKernel, type DeflateParameters, type DeflateVariant, takeDeflateKernel } from '../../patch/deflate/deflate-kernel.js';
import { giveBackDeflater, takeDeflater } from '../../patch/deflate/deflater.js';
import { compareTokens, tokensToTell } from './compare-stream.js';
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
  /** Null when the model makes the stream by itself. Not compressed. */
  readonly corrections: Uint8Array | null;
}

/** Corrections that would take more than this share of the stream, compressed, are not worth having. */
const correctionsShareMax = 0.2;
/** A model is chosen by so many bytes of the stream. */
const trialPlainBytes = 192 * 1024;
const writeBytes = 65_536;

const levels = [6, 9, 1, 5, 8, 7, 4, 3, 2];
const atAllLevels = (variant: DeflateVariant, memLevel: number): DeflateParameters[] => levels.map((level) => ({ variant, level, memLevel }));
/** Parameters by how often they are met. */
const likely: readonly DeflateParameters[] = [
  ...atAllLevels('zlib', 8),
  ...atAllLevels('chromium', 8),
  ...atAllLevels('zlib', 9),
  ...atAllLevels('gzip', 8),
  ...atAllLevels('zip', 8),
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
    const isLikely = hasStored || compareTokens(kernel, { plain, told, parameters }, { recordsMax: 0, plainBytesMax: plain.length }) !== null;
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
  const { parsed, told, plain, compressed } = stream;
  const parameters = nearestModel(kernel, stream);
  if (parameters === null) return null;
  const recordsMax = Math.ceil(compressed.length / 2) + 64;
  const records = compareTokens(kernel, { plain, told, parameters }, { recordsMax, plainBytesMax: plain.length });
  if (records === null) return null;
  const corrections = writeCorrections(kernel, parsed, { records, parameters });
  if (compressedBytes(corrections) > compressed.length * correctionsShareMax) return null;
  return isMade(stream, parameters, corrections) ? { parameters, corrections } : null;
}

const compressedBytes = (bytes: Uint8Array): number =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

/** The parameters that are wrong about the fewest tokens at the start of the stream. */
function nearestModel(kernel: DeflateKernel, { plain, told, parsed }: ParsedToReproduce): DeflateParameters | null {
  let best: DeflateParameters | null = null;
  let recordsMax = Number.POSITIVE_INFINITY;
  const counts = parsed.blocks.map(({ from, to }) => to - from);
  const memLevel = counts.some((count) => count === 2 ** 15 - 1) ? 9 : 8;
  for (const parameters of [...atAllLevels('zlib', memLevel), ...atAllLevels('chromium', memLevel)]) {
    const records = compareTokens(kernel, { plain, told, parameters }, { recordsMax, plainBytesMax: trialPlainBytes });
    if (records === null || records.length / 3 >= recordsMax) continue;
    recordsMax = records.length / 3;
    best = parameters;
  }
  return best;
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
