/** Measured work runs in a process of its own, one job each: what one job leaves in memory is not the next one's. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * Runs a compiled program of this package to its end.
 * @param program its path below `dist`.
 * @returns the JSON it printed.
 */
export async function inChild<T>(program: string, ...args: readonly string[]): Promise<T> {
  const path = fileURLToPath(new URL(`../../dist/${program}`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as T;
}

/** Peak memory of a Node that runs nothing. */
export const bareNodeBytes = async (): Promise<number> => (await inChild<{ peakBytes: number }>('report/bare-node.js')).peakBytes;
