import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/** Whether the two files of every pair hold the same bytes. */
export async function areSameFiles(pairs: readonly (readonly [string, string])[]): Promise<boolean> {
  for (const [one, other] of pairs) if (!(await isSameFile(one, other))) return false;
  return true;
}

async function isSameFile(path: string, otherPath: string): Promise<boolean> {
  const other = await open(otherPath);
  try {
    const buffer = Buffer.alloc(64 * 1024);
    let offset = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: buffer.length }) as AsyncIterable<Buffer>) {
      const { bytesRead } = await other.read(buffer, 0, chunk.length, offset);
      if (!chunk.equals(buffer.subarray(0, bytesRead))) return false;
      offset += chunk.length;
    }
    return (await other.stat()).size === offset;
  } finally {
    await other.close();
  }
}
