/** A program of code that moved and of words, some of which lead into it, for tests of how a maker sees references. */
import type { Images, Region } from '../patch/references/images.js';
import type { ReferencePredictor } from '../patch/references/reference-predictor.js';
import type { EncodedSpace } from '../patch/remendo/compact-encoder.js';
import type { Block } from '../patch/remendo/patch-blocks.js';
import { predictorOf } from './reference-samples.js';

const pageBytes = 4096;
const wordsOfPage = pageBytes / 4;
/** So many bytes are put in before the code. */
export const movedBy = 0x40;
const codeMemory = 0x1_0000;

export interface MovedProgram {
  readonly images: Images;
  readonly blocks: readonly Block[];
  readonly space: EncodedSpace;
  readonly predictor: ReferencePredictor;
  /** Of the words: their address in the base, and in the target. */
  readonly words: { readonly base: number; readonly target: number };
}

/** @param pages for each page of words whether they lead into the code; otherwise they only look as if they did. */
export function movedProgram(pages: readonly boolean[]): MovedProgram {
  const dataBytes = pages.length * pageBytes;
  const base = new Uint8Array(pageBytes + dataBytes).fill(0x90, 0, pageBytes);
  const target = new Uint8Array(movedBy + base.length).fill(0xcc, 0, movedBy).fill(0x90, movedBy, movedBy + pageBytes);
  const [from, to] = [base, target].map((bytes) => new DataView(bytes.buffer)) as [DataView, DataView];
  for (let word = 0; word < pages.length * wordsOfPage; word++) {
    const place = codeMemory + ((word * 52) % pageBytes);
    from.setUint32(pageBytes + word * 4, place, true);
    const leads = pages[Math.floor(word / wordsOfPage)] === true;
    to.setUint32(movedBy + pageBytes + word * 4, leads ? place + movedBy : place, true);
  }
  const imageOf = (codeBytes: number) => {
    const code: Region = { address: 0, bytes: codeBytes, memory: codeMemory, memoryBytes: codeBytes, finder: 'x86', switches: [] };
    const data: Region = {
      ...code,
      address: codeBytes,
      bytes: dataBytes,
      memory: 0x4_0000,
      memoryBytes: dataBytes,
      finder: 'pointers32',
    };
    return { imageBase: 0, regions: [code, data], relocations: null };
  };
  const images = { bases: [imageOf(pageBytes)], targets: [imageOf(pageBytes + movedBy)] };
  const blocks = [
    { copied: 0, reference: 0, fresh: movedBy },
    { copied: base.length, reference: 0, fresh: 0 },
  ];
  const all = new Uint8Array([...base, ...target]);
  const space = { all, baseBytes: base.length };
  const words = { base: pageBytes, target: base.length + movedBy + pageBytes };
  return { images, blocks, space, predictor: predictorOf(images, blocks, space), words };
}
