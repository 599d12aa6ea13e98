/** What words of a program may lead to, and where words that are aligned begin. */
import type { Image, Region } from './images.js';

export function isIn(image: Image, memory: number): boolean {
  for (const region of image.regions) {
    if (memory >= region.memory && memory - region.memory < region.memoryBytes) return true;
  }
  return false;
}

const isCode = ({ finder }: Region): boolean => finder === 'x64' || finder === 'x86' || finder === 'arm64';

export function isInCode(image: Image, memory: number): boolean {
  for (const region of image.regions) {
    if (isCode(region) && memory >= region.memory && memory - region.memory < region.memoryBytes) return true;
  }
  return false;
}

/** The first multiple of `stride` in the part, counted from where the region begins. */
export const firstAt = (offset: number, stride: number): number => (stride - (offset % stride)) % stride;
