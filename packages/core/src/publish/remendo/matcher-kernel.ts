/** The matcher (kernels/matcher.ts) as an object: bases and targets in, blocks out. */
import type { Block } from '../../patch/remendo/patch-blocks.js';
import { type KernelMemory, kernelOf } from '../../patch/web-assembly.js';
import { kernelBase64 } from './matcher-kernel.generated.js';

/** What things cost, in 1/16 bit: the matcher's idea of the coder. */
export interface MatchPrices {
  /** A copied byte that is as predicted, and one that is not. */
  readonly right: number;
  readonly wrong: number;
  /** A new byte, and going over to new bytes. */
  readonly fresh: number;
  readonly freshStart: number;
  /** A jump to another reference, and for each bit of its distance. */
  readonly jump: number;
  readonly jumpBit: number;
}

interface MatcherExports {
  readonly memory: KernelMemory;
  open(bases: number, targets: number): number;
  setPrices(right: number, wrong: number, fresh: number, freshStart: number, jump: number, jumpBit: number): void;
  begin(): void;
  walk(bytes: number): number;
  finish(): number;
  wrongBytes(first: number): number;
  askedBytes(): number;
}

export interface MatchedBlocks {
  /** They cover the targets in order. */
  readonly blocks: readonly Block[];
  /** How many copied bytes are not as predicted. */
  readonly wrong: number;
  /** About how many copied bytes that are as predicted the coder asks about one by one. */
  readonly asked: number;
}

const newInstance = kernelOf<MatcherExports>(kernelBase64);

/** Holds bases and targets in memory: four to five bytes for each of theirs. */
export class Matcher {
  readonly #exports = newInstance();
  readonly #at: number;

  constructor(
    readonly baseBytes: number,
    readonly targetBytes: number,
  ) {
    this.#at = this.#exports.open(baseBytes, targetBytes) >>> 0;
  }

  /** Bases and targets, one after the other, to be filled before `match`. A view that `match` makes useless. */
  get all(): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, this.#at, this.baseBytes + this.targetBytes);
  }

  /** The cheapest blocks found. */
  match(prices: MatchPrices): MatchedBlocks {
    const { right, wrong, fresh, freshStart, jump, jumpBit } = prices;
    this.#exports.setPrices(right, wrong, fresh, freshStart, jump, jumpBit);
    this.#exports.begin();
    // In steps: V8 goes over to optimized code between calls only.
    while (this.#exports.walk(65_536) > 0);
    const first = this.#exports.finish() >>> 0;
    const wrongBytes = this.#exports.wrongBytes(first);
    return { blocks: this.#blocks(first), wrong: wrongBytes, asked: this.#exports.askedBytes() };
  }

  /** From the path's nodes (position, distance or 0 for new bytes, next node) to blocks. */
  #blocks(first: number): readonly Block[] {
    const memory = new Uint32Array(this.#exports.memory.buffer);
    const end = this.baseBytes + this.targetBytes;
    const blocks: Block[] = [];
    for (let node = first; node !== 0; ) {
      const [position = 0, distance = 0, next = 0] = memory.subarray(node / 4, node / 4 + 3);
      const bytes = (next === 0 ? end : (memory[next / 4] ?? end)) - position;
      if (bytes > 0) this.#add(blocks, { position, distance, bytes });
      node = next;
    }
    return blocks;
  }

  #add(blocks: Block[], part: { readonly position: number; readonly distance: number; readonly bytes: number }): void {
    const last = blocks.at(-1);
    if (part.distance === 0) {
      if (last === undefined || last.fresh > 0) blocks.push({ copied: 0, reference: 0, fresh: part.bytes });
      else blocks[blocks.length - 1] = { ...last, fresh: part.bytes };
      return;
    }
    const reference = part.position - part.distance;
    // A reference into the bases ends with them; and one that far lies wholly before what it makes.
    const inBases = Math.max(0, Math.min(part.bytes, this.baseBytes - reference));
    if (inBases > 0) blocks.push({ copied: inBases, reference, fresh: 0 });
    if (inBases < part.bytes) blocks.push({ copied: part.bytes - inBases, reference: reference + inBases, fresh: 0 });
  }
}
