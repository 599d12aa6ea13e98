/**
 * Where looking for references pays: what looks like an address may be a number, and then what it was is the better guess.
 * Each page of a region is looked at by what blocks copied of it: how often the prediction was right and the unchanged
 * word was not, and the other way round.
 */
import { type Image, type Region, RegionList } from '../../patch/references/images.js';
import type { ReferencePredictor } from '../../patch/references/reference-predictor.js';
import { readWord, wordFor } from '../../patch/references/word-forms.js';
import { operandNumbers } from '../../patch/remendo/coder-kernel.js';
import type { Block } from '../../patch/remendo/patch-blocks.js';

const pageBytes = 4096;
/** What going over from looking to not looking, or back, must save: words. */
const switchCost = 12;
const partBytesMax = 65_536;

export interface SwitchInput {
  readonly all: Uint8Array;
  readonly baseBytes: number;
  readonly blocks: readonly Block[];
  /** Finds references everywhere. */
  readonly predictor: ReferencePredictor;
  readonly bases: readonly Image[];
}

/** By page of a region: words that the prediction wins less those that it loses. */
type Gains = ReadonlyMap<Region, Int32Array>;

/** The images of the bases with those regions switched for which `isSwitched` says so. */
export function chooseSwitches(input: SwitchInput, isSwitched: (region: Region) => boolean): readonly Image[] {
  const gains = gainsOfPages(input);
  const switched = (region: Region): Region =>
    isSwitched(region) ? { ...region, switches: switchesOf(gains.get(region) ?? new Int32Array()) } : region;
  return input.bases.map((image) => ({ ...image, regions: image.regions.map(switched) }));
}

function gainsOfPages({ all, baseBytes, blocks, predictor, bases }: SwitchInput): Gains {
  const regions = bases.flatMap((image) => image.regions);
  const gains = new Map(regions.map((region) => [region, new Int32Array(Math.ceil(region.bytes / pageBytes))]));
  const list = new RegionList(bases);
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  const operands = new Uint32Array((partBytesMax / 2) * operandNumbers);
  let address = baseBytes;
  for (const { copied, reference, fresh } of blocks) {
    for (let done = 0; done < copied && reference + copied <= baseBytes; done += partBytesMax) {
      const bytes = all.subarray(reference + done, reference + Math.min(copied, done + partBytesMax));
      const end = predictor.predict({ reference: reference + done, position: address + done - baseBytes, bytes }, operands, 0);
      for (let at = 0; at < end; at += operandNumbers) {
        const [position = 0, form = 0, , place = 0, addend = 0] = operands.subarray(at, at + operandNumbers);
        const from = reference + position + baseBytes - address;
        const actual = readWord(view, baseBytes + position, form);
        const raw = readWord(view, from, form);
        const isRight = wordFor(form, place + addend, raw) === actual;
        if (isRight === (raw === actual)) continue;
        const region = list.at(from)?.region;
        const ofRegion = region === undefined ? undefined : gains.get(region);
        if (region === undefined || ofRegion === undefined) continue;
        const page = Math.floor((from - region.address) / pageBytes);
        ofRegion[page] = (ofRegion[page] as number) + (isRight ? 1 : -1);
      }
    }
    address += copied + fresh;
  }
  return gains;
}

/** The cheapest way of looking and not looking, page by page. */
function switchesOf(gains: Int32Array): readonly number[] {
  /** For each page and each state, whether the state before was the other. */
  const turned = new Uint8Array(gains.length * 2);
  let [on, off] = [0, switchCost];
  for (const [page, gain] of gains.entries()) {
    const [fromOn, fromOff] = [on, off];
    turned[page * 2] = Number(fromOff + switchCost < fromOn);
    turned[page * 2 + 1] = Number(fromOn + switchCost < fromOff);
    on = Math.min(fromOn, fromOff + switchCost) + Math.max(0, -gain);
    off = Math.min(fromOff, fromOn + switchCost) + Math.max(0, gain);
  }
  const switches: number[] = [];
  let isOff = off < on;
  for (let page = gains.length - 1; page >= 0; page--) {
    if (turned[page * 2 + Number(isOff)] !== 1) continue;
    isOff = !isOff;
    switches.unshift(page * pageBytes);
  }
  return isOff ? [0, ...switches] : switches;
}
