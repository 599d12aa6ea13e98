import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ReplaceOptions {
  /** Whether the bytes are on the disk when it returns (default false: after a power cut the file may be empty). */
  readonly durable?: boolean;
}

const renamesMax = 5;
const renamePauseMs = 20;

/**
 * Puts a small file of the updater's in place of the one before: whoever reads sees one or the other, whole. For its owner
 * alone, and never through a link that somebody put there. The folder is not made but by `makePrivateFolder`.
 * @throws what the system says; the file before is as it was.
 */
export function replaceFile(path: string, text: string, { durable = false }: ReplaceOptions = {}): void {
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx', flush: durable });
    renameOver(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Windows refuses for as long as somebody reads the file, which takes milliseconds. */
function renameOver(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const isHeld = ['EPERM', 'EBUSY', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (process.platform !== 'win32' || !isHeld || attempt === renamesMax) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, attempt * renamePauseMs);
    }
  }
}

/** A folder of the updater's, for its owner alone. */
export function makePrivateFolder(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
