/** Reads from the headers of programs what a patch has to know of them. */
import type { Image } from '../../patch/references/images.js';
import type { ProgramFile } from './program-file.js';
import { readElf } from './read-elf.js';
import { readMachO } from './read-mach-o.js';
import { readPe } from './read-pe.js';

const readers: readonly ((file: ProgramFile) => readonly Image[])[] = [readPe, readElf, readMachO];

/**
 * The images of the file that begins at `address` of all bases, or all targets: more than one when it holds a program for
 * several machines, none when it is no program we know, or a damaged one.
 */
export function readImages(file: Uint8Array, address: number): readonly Image[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    for (const read of readers) {
      const images = read({ view, address });
      if (images.length > 0) return images;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return [];
}
