/** Holds a stream against a model: which tokens the model would not have taken, which blocks' trees it would not have made. */
import { type DeflateKernel, type DeflateParameters, kernelWants } from '../../patch/deflate/deflate-kernel.js';
import type { ParsedStream, StreamBlock } from './parse-stream.js';

/** A token that is not the model's: three numbers a token, as the kernel has them. */
export type TokenRecords = Uint32Array;

/**
 * The records of a stream's tokens, or of the tokens of its first `plainBytesMax` bytes, roughly.
 * @returns null when there are more than `recordsMax`.
 */
export function compareTokens(
  kernel: DeflateKernel,
  stream: { readonly plain: Uint8Array; readonly told: Uint32Array; readonly parameters: DeflateParameters },
  { recordsMax, plainBytesMax }: { readonly recordsMax: number; readonly plainBytesMax: number },
): TokenRecords | null {
  const { plain, told, parameters } = stream;
  const { exports } = kernel;
  kernel.open(parameters, 'compared');
  const parts: Uint32Array[] = [];
  let [count, fed, toldFed] = [0, 0, 0];
  for (;;) {
    const wants = exports.run();
    const records = kernel.takeRecords();
    if (records.length > 0) parts.push(records.slice());
    count += records.length / 3;
    if (count > recordsMax || wants === kernelWants.refusal) return null;
    const isEnough = wants === kernelWants.input && fed >= plainBytesMax && fed < plain.length;
    if (wants === kernelWants.nothing || isEnough) return joined(parts);
    if (wants === kernelWants.tokens) toldFed = kernel.feedTokens(told, toldFed);
    if (wants !== kernelWants.input) continue;
    if (fed === plain.length) exports.inputEnded();
    else fed += kernel.feed(plain.subarray(fed));
  }
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A stream's tokens with a mark for each stored block, as `compareTokens` takes them. */
export function tokensToTell({ tokens, blocks }: ParsedStream): Uint32Array {
  const stored = blocks.filter(({ storedBytes }) => storedBytes > 0);
  if (stored.length === 0) return tokens;
  const told = new Uint32Array(tokens.length + stored.length);
  let [from, to] = [0, 0];
  for (const block of stored) {
    told.set(tokens.subarray(from, block.from), to);
    to += block.from - from;
    told[to++] = ((block.storedBytes << 16) | 1) >>> 0;
    from = block.from;
  }
  told.set(tokens.subarray(from), to);
  return told;
}

/** Tokens that the kernel can keep of one block. */
const keptTokensMax = 32_767;

/** Whether the model would write a block of these tokens as it is: of the same kind, with the same trees. */
export function isModelsBlock(kernel: DeflateKernel, tokens: Uint32Array, block: StreamBlock): boolean {
  if (block.kind === 0 || block.to - block.from > keptTokensMax) return false;
  const { exports } = kernel;
  kernel.open({ variant: 'zlib', level: 6, memLevel: 9 }, 'compared');
  const mine = tokens.subarray(block.from, block.to);
  for (let fed = 0; fed < mine.length; ) {
    fed = kernel.feedTokens(mine, fed);
    exports.tallyTold();
  }
  const kind = exports.writeToldTrees();
  return kind === block.kind && Buffer.compare(kernel.takeOutput(), block.trees) === 0;
}
