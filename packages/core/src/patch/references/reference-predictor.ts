/**
 * Says of copied bytes of a program which of its words are addresses, and what they will be in the target: what a word
 * leads to in the base was copied somewhere, and there it will lead.
 */
import { operandNumbers } from '../remendo/coder-kernel.js';
import type { Block } from '../remendo/patch-blocks.js';
import { BlockMap } from './block-map.js';
import { numberAt } from './cli-spaces.js';
import { originOf } from './find-go.js';
import { findReferences } from './find-references.js';
import { FoundReferences } from './found-references.js';
import { type Image, type Images, type PlacedRegion, RegionList, regionAt, switchedAt } from './images.js';
import type { RelocatedWords } from './relocated-words.js';
import { fieldNumbers, forms, isNumber, wordBytesOf } from './word-forms.js';

/** Where something leads that nothing predicts. */
export const noPlace = 0xffff_ffff;

export interface CopiedPart {
  /** Of its first byte among all bases. */
  readonly reference: number;
  /** Where it goes, among all targets. */
  readonly position: number;
  /** As they are in the base. */
  readonly bytes: Uint8Array;
}

export class ReferencePredictor {
  readonly #bases: RegionList;
  readonly #targets: RegionList;
  readonly #map: BlockMap;
  readonly #relocated: RelocatedWords;
  readonly #found = new FoundReferences();

  constructor(
    images: Images,
    blocks: Iterable<Block>,
    { baseBytes, relocated }: { readonly baseBytes: number; readonly relocated: RelocatedWords },
  ) {
    this.#relocated = relocated;
    this.#bases = new RegionList(images.bases);
    this.#targets = new RegionList(images.targets);
    this.#map = new BlockMap(blocks, baseBytes);
  }

  /** Writes what is known of the part's operands from `start` on; returns where it ended. */
  predict(part: CopiedPart, into: Uint32Array, start: number): number {
    let at = start;
    for (let done = 0; done < part.bytes.length; ) {
      const base = this.#bases.at(part.reference + done);
      const target = this.#targets.at(part.position + done);
      if (base === null || target === null) {
        const ends = [
          this.#bases.nextAfter(part.reference + done) - part.reference,
          this.#targets.nextAfter(part.position + done) - part.position,
        ];
        done = Math.min(...ends);
        continue;
      }
      const end = Math.min(
        part.bytes.length,
        base.region.address + base.region.bytes - part.reference,
        target.region.address + target.region.bytes - part.position,
      );
      const { isOn, until } = switchedAt(base.region, part.reference + done - base.region.address);
      const stop = Math.min(end, base.region.address + until - part.reference);
      if (isOn) at = this.#predictIn({ base, target, part, start: done, end: stop }, into, at);
      done = stop;
    }
    return at;
  }

  #predictIn({ base, target, part, start, end }: PredictInput, into: Uint32Array, first: number): number {
    this.#found.clear();
    const offset = part.reference + start - base.region.address;
    const bytes = part.bytes.subarray(start, end);
    findReferences({ image: base.image, region: base.region, bytes, offset }, this.#found);
    const found = this.#relocated.merge({ image: base.image, address: part.reference + start, bytes }, this.#found);
    const memory = target.region.memory + part.position + start - target.region.address;
    let at = first;
    let free = 0;
    for (let index = 0; index < found.count; index++) {
      const wordAt = found.at[index] as number;
      const leadsTo = found.leadsTo[index] as number;
      const form = found.form[index] as number;
      const field = fieldNumbers[form] as number;
      // The coder relies on it: in order, none over another, all in the part.
      if (wordAt < free || wordAt + wordBytesOf(field) > bytes.length) continue;
      // The coder's room; only words of one byte can be more.
      if (at - first === (bytes.length >> 1) * operandNumbers) return at;
      free = wordAt + wordBytesOf(field);
      const bias = found.bias[index] as number;
      const placed = isNumber(form) ? this.numberOf(base, { leadsTo, space: bias }, target) : this.placeOf(base, leadsTo, target);
      into[at++] = part.position + start + wordAt;
      into[at++] = field;
      // What counts backward has the place's complement: the field is still a place plus an addend.
      const isBack = form === forms.backward;
      into[at++] = (isBack ? ~leadsTo : leadsTo) + base.imageIndex * 0x1000_0193;
      into[at++] = isBack && placed !== noPlace ? -placed : placed;
      into[at++] = addendOf(form, { target, memory: memory + wordAt, bias });
    }
    return at;
  }

  /** Where in the target's memory that is to which the base refers. */
  placeOf(
    base: { readonly image: Image; readonly imageIndex: number },
    leadsTo: number,
    target: { readonly image: Image; readonly imageIndex: number },
  ): number {
    const region = regionAt(base.image, leadsTo);
    if (region === null) return noPlace;
    const offset = leadsTo - region.memory;
    if (offset >= region.bytes) {
      const same = target.image.regions[base.image.regions.indexOf(region)];
      return same === undefined ? noPlace : same.memory + offset;
    }
    const place = this.#map.placeOf(region.address + offset);
    const there = place < 0 ? null : this.#targets.at(place);
    if (there === null || there.imageIndex !== target.imageIndex) return noPlace;
    return there.region.memory + place - there.region.address;
  }

  /** The number in the target of what the base counts there. */
  numberOf(
    base: { readonly image: Image; readonly imageIndex: number },
    { leadsTo, space }: { readonly leadsTo: number; readonly space: number },
    target: { readonly image: Image; readonly imageIndex: number },
  ): number {
    const counted = base.image.cli?.spaces.get(space);
    if (counted === undefined || target.image.cli === undefined) return noPlace;
    // Nothing of it lies at a table's end: what is before tells.
    const back = leadsTo >= counted.memory + counted.count * counted.stride ? counted.stride : 0;
    const place = this.placeOf(base, leadsTo - back, target);
    const number = place === noPlace ? -1 : numberAt(target.image.cli, space, place);
    return number < 0 ? noPlace : number + Number(back > 0);
  }
}

interface PredictInput {
  readonly base: PlacedRegion;
  readonly target: PlacedRegion;
  readonly part: CopiedPart;
  readonly start: number;
  readonly end: number;
}

/** What has to be added to an address to make the word. */
export function addendOf(
  form: number,
  { target, memory, bias }: { readonly target: PlacedRegion; readonly memory: number; readonly bias: number },
): number {
  switch (form) {
    case forms.relative:
    case forms.branch26:
    case forms.branch19:
      return -(memory + bias);
    case forms.page21:
      return -(memory & ~0xfff);
    case forms.offset12:
    case forms.offset12by2:
    case forms.offset12by4:
    case forms.offset12by8:
    case forms.offset12by16:
      return 0;
    case forms.absolute:
      return target.image.imageBase;
    case forms.inRegion:
    case forms.rowInRegion:
      return -originOf(target.image, bias);
    case forms.backward:
      return memory;
    case forms.regional24:
      return -(target.region.origin ?? target.region.memory);
    case forms.regional:
      return -target.region.memory;
    default:
      return 0;
  }
}
