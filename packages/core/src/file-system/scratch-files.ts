import type { OpenScratch, ScratchFile } from '../patch/patch-codec.js';
import type { FileSystem } from './file-system.js';

/** Small writes are put together: streams of a few kilobytes come by the thousand. */
const bufferBytes = 64 * 1024;

/**
 * Scratch in files `path` + a number, made in a folder that is there. They are gone once closed; after a crash, whoever
 * clears the folder removes them. Nothing is synced.
 */
export function scratchFiles(fileSystem: Pick<FileSystem, 'open' | 'removeFile'>, path: string): OpenScratch {
  let count = 0;
  return () => openScratch(fileSystem, `${path}${count++}`);
}

async function openScratch(fileSystem: Pick<FileSystem, 'open' | 'removeFile'>, path: string): Promise<ScratchFile> {
  const handle = await fileSystem.open(path, 'create');
  const buffer = new Uint8Array(bufferBytes);
  let buffered = 0;
  let written = 0;
  const flush = async (): Promise<void> => {
    if (buffered > 0) await handle.write(written, buffer.subarray(0, buffered));
    written += buffered;
    buffered = 0;
  };
  return {
    get bytes() {
      return written + buffered;
    },
    async write(chunk) {
      if (buffered + chunk.length > bufferBytes) await flush();
      if (chunk.length > bufferBytes) {
        await handle.write(written, chunk);
        written += chunk.length;
      } else {
        buffer.set(chunk, buffered);
        buffered += chunk.length;
      }
    },
    async read(offset, into) {
      if (offset + into.length > written) await flush();
      return handle.read(offset, into);
    },
    async close() {
      // Windows removes no file that is open.
      await handle.close();
      await fileSystem.removeFile(path);
    },
  };
}
