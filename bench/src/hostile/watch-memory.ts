/** How much memory something takes at its highest: Linux counts it, and starts anew when it is told. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const kibibytes = (name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

export interface Watched<T> {
  readonly value: T;
  /** Above what there was before; null where nobody counts. */
  readonly grownBytes: number | null;
}

/** @param bytesMax above it the work is done again after all garbage is gone: what was there before may have been counted. */
export async function watchMemory<T>(work: () => Promise<T>, bytesMax: number): Promise<Watched<T>> {
  if (process.platform !== 'linux') return { value: await work(), grownBytes: null };
  const first = await watchOnce(work);
  if (first.grownBytes <= bytesMax) return first;
  collectGarbage();
  return watchOnce(work);
}

async function watchOnce<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly grownBytes: number }> {
  writeFileSync('/proc/self/clear_refs', '5');
  const before = kibibytes('VmRSS');
  const value = await work();
  return { value, grownBytes: (kibibytes('VmHWM') - before) * 1024 };
}
