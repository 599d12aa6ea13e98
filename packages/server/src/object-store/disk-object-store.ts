/**
 * Objects as files: `<root>/objects/ab/<digest>`, written below `<root>/work`, synced, then renamed. Readable names
 * (`<root>/versions/…`) are hard links, or copies where the file system has no links.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type Digest, DigestStream, UpdaterError } from '@remendo/core';
import type { ObjectBytes, ObjectRange, ObjectStore, OpenObject } from './object-store.js';

const errorCode = (error: unknown): string | undefined => (error as { code?: string }).code;

function storageFailure(message: string, cause: unknown): UpdaterError {
  if (cause instanceof UpdaterError) return cause;
  return new UpdaterError(errorCode(cause) === 'ENOSPC' ? 'STORAGE_NO_SPACE' : 'STORAGE_FAILED', message, { cause });
}

export class DiskObjectStore implements ObjectStore {
  /** On the same file system, and emptied at every start of the server: a kill leaves nothing behind for good. */
  readonly #staging: string;

  constructor(private readonly root: string) {
    this.#staging = join(root, 'work', 'objects');
  }

  #path(digest: Digest): string {
    return join(this.root, 'objects', digest.slice(0, 2), digest);
  }

  async put(digest: Digest, from: ObjectBytes): Promise<{ readonly bytes: number }> {
    const path = this.#path(digest);
    try {
      await mkdir(dirname(path), { recursive: true });
      const staged = await this.#stage(digest, from);
      // A file of another size is not the object: it is replaced.
      if ((await this.stat(digest))?.bytes === staged.bytes) await rm(staged.path, { force: true });
      else await rename(staged.path, path);
      await syncDirectory(dirname(path));
      await syncDirectory(join(this.root, 'objects'));
      return { bytes: staged.bytes };
    } catch (cause) {
      throw storageFailure(`object ${digest} can not be stored`, cause);
    }
  }

  /** A synced file beside the object's place, with the right bytes. */
  async #stage(digest: Digest, from: ObjectBytes): Promise<{ path: string; bytes: number }> {
    const staged = join(this.#staging, randomUUID());
    try {
      await mkdir(this.#staging, { recursive: true });
      if (from.kind === 'file') await moveFile(from.path, staged);
      const handle = await open(staged, from.kind === 'file' ? 'r+' : 'wx+');
      try {
        if (from.kind === 'buffer') await handle.writeFile(from.buffer);
        await handle.sync();
        return { path: staged, bytes: await verify(handle, digest) };
      } finally {
        await handle.close();
      }
    } catch (error) {
      await rm(staged, { force: true });
      throw error;
    }
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.stat(digest)) !== null;
  }

  async stat(digest: Digest): Promise<{ readonly bytes: number } | null> {
    try {
      return { bytes: (await stat(this.#path(digest))).size };
    } catch (cause) {
      if (errorCode(cause) === 'ENOENT') return null;
      throw storageFailure(`object ${digest} can not be read`, cause);
    }
  }

  async openStream(digest: Digest, range?: ObjectRange): Promise<Readable> {
    const handle = await this.#open(digest);
    if (range?.bytes === 0) {
      await handle.close();
      return Readable.from([]);
    }
    const window = range === undefined ? {} : { start: range.offset, end: range.offset + range.bytes - 1 };
    return createReadStream('', { fd: handle, autoClose: true, highWaterMark: 256 * 1024, ...window });
  }

  async openSource(digest: Digest): Promise<OpenObject> {
    const handle = await this.#open(digest);
    const { size } = await handle.stat();
    return {
      bytes: size,
      read: (offset, into) => readFully(handle, offset, into),
      close: () => handle.close(),
    };
  }

  async #open(digest: Digest): Promise<FileHandle> {
    try {
      return await open(this.#path(digest), 'r');
    } catch (cause) {
      if (errorCode(cause) === 'ENOENT') throw new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${digest}`);
      throw storageFailure(`object ${digest} can not be read`, cause);
    }
  }

  async materialize(digest: Digest, path: string): Promise<void> {
    try {
      await linkOrCopy(this.#path(digest), path);
    } catch (cause) {
      if (errorCode(cause) === 'ENOENT') throw new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${digest}`, { cause });
      throw storageFailure(`object ${digest} can not be copied`, cause);
    }
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#path(digest), { force: true });
  }

  async nameObject(name: string, digest: Digest): Promise<void> {
    if (await this.#leadsTo(name, digest)) return;
    await this.#replace(name, async (staged) => {
      await this.materialize(digest, staged);
      await syncFile(staged);
    });
  }

  async writeNamed(name: string, bytes: Uint8Array): Promise<void> {
    await this.#replace(name, async (staged) => {
      const handle = await open(staged, 'wx');
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  /** The same file, or, where there are no links, a copy. */
  async #leadsTo(name: string, digest: Digest): Promise<boolean> {
    const named = await stat(join(this.root, name)).catch(() => null);
    const object = await stat(this.#path(digest)).catch(() => null);
    if (named === null || object === null || named.size !== object.size) return false;
    if (named.dev === object.dev && named.ino === object.ino) return true;
    const handle = await open(join(this.root, name), 'r');
    try {
      return (await digestOfFile(handle)).digest === digest;
    } finally {
      await handle.close();
    }
  }

  async #replace(name: string, write: (staged: string) => Promise<void>): Promise<void> {
    const path = join(this.root, name);
    const staged = join(this.#staging, randomUUID());
    try {
      await mkdir(this.#staging, { recursive: true });
      await mkdir(dirname(path), { recursive: true });
      await write(staged);
      await rename(staged, path);
      // Renaming one link of a file onto another does nothing and leaves both.
      await rm(staged, { force: true });
      await syncDirectory(dirname(path));
    } catch (cause) {
      await rm(staged, { force: true });
      throw storageFailure(`${name} can not be written`, cause);
    }
  }
}

async function verify(handle: FileHandle, digest: Digest): Promise<number> {
  const actual = await digestOfFile(handle);
  if (actual.digest !== digest) {
    throw new UpdaterError('DOWNLOAD_DIGEST_MISMATCH', 'the bytes to store do not have the digest they were announced with', {
      details: { expected: digest, actual: actual.digest },
    });
  }
  return actual.bytes;
}

async function digestOfFile(handle: FileHandle): Promise<{ readonly digest: Digest; readonly bytes: number }> {
  const stream = new DigestStream();
  const buffer = new Uint8Array(256 * 1024);
  let bytes = 0;
  for (;;) {
    const count = await readFully(handle, bytes, buffer);
    stream.update(buffer.subarray(0, count));
    bytes += count;
    if (count < buffer.length) return { digest: stream.digest(), bytes };
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readFully(handle: FileHandle, offset: number, into: Uint8Array): Promise<number> {
  let count = 0;
  while (count < into.length) {
    const { bytesRead } = await handle.read(into, count, into.length - count, offset + count);
    if (bytesRead === 0) break;
    count += bytesRead;
  }
  return count;
}

async function moveFile(basePath: string, targetPath: string): Promise<void> {
  try {
    await rename(basePath, targetPath);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await copyFile(basePath, targetPath);
    await rm(basePath, { force: true });
  }
}

const linkless = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS']);

async function linkOrCopy(basePath: string, targetPath: string): Promise<void> {
  try {
    await link(basePath, targetPath);
  } catch (error) {
    if (!linkless.has(errorCode(error) ?? '')) throw error;
    await copyFile(basePath, targetPath);
  }
}

/** Windows has no such call and needs none. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
