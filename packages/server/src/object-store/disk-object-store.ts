/**
 * Objects as files: `<root>/objects/ab/<digest>`, written below `<root>/work`, synced, then renamed. Readable names
 * (`<root>/versions/…`) are hard links, or copies where the file system has no links.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type Digest, DigestStream, digestOf, UpdaterError } from '@remendo/core';
import { chunksOf, errorCode, linkOrCopy, moveFile, readFully, syncDirectory, syncFile, writeSynced } from './disk-files.js';
import { digestOfName, objectName, objectsFolder } from './object-name.js';
import type { ListedObject, ObjectBytes, ObjectRange, ObjectStore, OpenObject } from './object-store.js';
import { verifyDigest } from './verify-bytes.js';

function storageFailure(message: string, cause: unknown): UpdaterError {
  if (cause instanceof UpdaterError) return cause;
  return new UpdaterError(errorCode(cause) === 'ENOSPC' ? 'STORAGE_NO_SPACE' : 'STORAGE_FAILED', message, { cause });
}

const readFailure = (digest: Digest, cause: unknown): UpdaterError =>
  errorCode(cause) === 'ENOENT'
    ? new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${digest}`, { details: { digest } })
    : storageFailure(`object ${digest} can not be read`, cause);

export class DiskObjectStore implements ObjectStore {
  /** On the same file system, and emptied at every start of the server: a kill leaves nothing behind for good. */
  readonly #staging: string;

  constructor(private readonly root: string) {
    this.#staging = join(root, 'work', 'objects');
  }

  #path(digest: Digest): string {
    return join(this.root, objectName(digest));
  }

  async put(digest: Digest, from: ObjectBytes): Promise<{ readonly bytes: number }> {
    const path = this.#path(digest);
    try {
      await mkdir(dirname(path), { recursive: true });
      const bytes = from.kind === 'buffer' ? await this.#putBuffer(digest, from.buffer) : await this.#putFile(digest, from.path);
      // Whoever made the name may not have come as far as this yet.
      await syncDirectory(dirname(path));
      await syncDirectory(join(this.root, objectsFolder));
      return { bytes };
    } catch (cause) {
      throw storageFailure(`object ${digest} can not be stored`, cause);
    }
  }

  async #putBuffer(digest: Digest, buffer: Uint8Array): Promise<number> {
    verifyDigest(digestOf(buffer), digest);
    if ((await this.stat(digest))?.bytes === buffer.length) return buffer.length;
    return this.#stage(digest, (staged) => writeSynced(staged, buffer));
  }

  #putFile(digest: Digest, path: string): Promise<number> {
    return this.#stage(digest, async (staged) => {
      await moveFile(path, staged);
      // `storedAt`: a file that is moved keeps its time.
      await utimes(staged, new Date(), new Date());
      await syncFile(staged);
    });
  }

  /** Writes a synced file beside the object's place, verifies what is in it and moves it there. @returns its size. */
  async #stage(digest: Digest, write: (staged: string) => Promise<void>): Promise<number> {
    const staged = join(this.#staging, randomUUID());
    try {
      await mkdir(this.#staging, { recursive: true });
      await write(staged);
      const bytes = await verifyFile(staged, digest);
      // A file of another size is not the object: it is replaced.
      if ((await this.stat(digest))?.bytes !== bytes) await rename(staged, this.#path(digest));
      return bytes;
    } finally {
      await rm(staged, { force: true });
    }
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
    return open(this.#path(digest), 'r').catch((cause) => Promise.reject(readFailure(digest, cause)));
  }

  async materialize(digest: Digest, path: string): Promise<void> {
    await linkOrCopy(this.#path(digest), path).catch((cause) => Promise.reject(readFailure(digest, cause)));
  }

  /** Terminals reach the disk through the server alone. */
  async presign(): Promise<null> {
    return null;
  }

  async remove(digest: Digest): Promise<void> {
    await this.removeNamed(objectName(digest));
  }

  async *list(): AsyncGenerator<ListedObject, void> {
    const folder = join(this.root, objectsFolder);
    for (const part of await this.#namesIn(folder)) {
      for (const name of await this.#namesIn(join(folder, part))) {
        const digest = digestOfName(`${objectsFolder}/${part}/${name}`);
        const found = digest === null ? null : await stat(this.#path(digest)).catch(() => null);
        if (digest !== null && found?.isFile()) yield { digest, bytes: found.size, storedAt: found.mtime };
      }
    }
  }

  async #namesIn(folder: string): Promise<readonly string[]> {
    try {
      return await readdir(folder);
    } catch (cause) {
      if (['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return [];
      throw storageFailure('the objects can not be listed', cause);
    }
  }

  async removeUnfinished(before: Date): Promise<void> {
    for (const name of await this.#namesIn(this.#staging)) {
      const path = join(this.#staging, name);
      const found = await stat(path).catch(() => null);
      if (found !== null && found.mtime < before) await rm(path, { force: true });
    }
  }

  async nameObject(name: string, digest: Digest): Promise<void> {
    if (await this.#leadsTo(name, digest)) return;
    await this.#replace(name, async (staged) => {
      await this.materialize(digest, staged);
      await syncFile(staged);
    });
  }

  async writeNamed(name: string, bytes: Uint8Array): Promise<void> {
    await this.#replace(name, (staged) => writeSynced(staged, bytes));
  }

  async removeNamed(name: string): Promise<void> {
    try {
      await rm(join(this.root, name), { force: true });
    } catch (cause) {
      throw storageFailure(`${name} can not be removed`, cause);
    }
  }

  /** The same file, or, where there are no links, a copy. */
  async #leadsTo(name: string, digest: Digest): Promise<boolean> {
    const path = join(this.root, name);
    const named = await stat(path).catch(() => null);
    const object = await stat(this.#path(digest)).catch(() => null);
    if (named === null || object === null || named.size !== object.size) return false;
    if (named.dev === object.dev && named.ino === object.ino) return true;
    return (await digestOfFile(path)).digest === digest;
  }

  async #replace(name: string, write: (staged: string) => Promise<void>): Promise<void> {
    const path = join(this.root, name);
    const staged = join(this.#staging, randomUUID());
    try {
      await mkdir(this.#staging, { recursive: true });
      await mkdir(dirname(path), { recursive: true });
      await write(staged);
      await rename(staged, path);
      await syncDirectory(dirname(path));
    } catch (cause) {
      throw storageFailure(`${name} can not be written`, cause);
    } finally {
      // Also after the rename: one link of a file renamed onto another does nothing and leaves both.
      await rm(staged, { force: true });
    }
  }

  /** Whether a disk takes bytes is known by giving it some. */
  async ready(): Promise<void> {
    const probe = join(this.#staging, randomUUID());
    try {
      await mkdir(this.#staging, { recursive: true });
      await writeSynced(probe, Buffer.from('ready?'));
      await rm(probe);
    } catch (cause) {
      await rm(probe, { force: true }).catch(() => {});
      throw storageFailure('the disk takes no bytes', cause);
    }
  }
}

/** @returns the file's size. */
async function verifyFile(path: string, digest: Digest): Promise<number> {
  const { digest: actual, bytes } = await digestOfFile(path);
  verifyDigest(actual, digest);
  return bytes;
}

async function digestOfFile(path: string): Promise<{ readonly digest: Digest; readonly bytes: number }> {
  const stream = new DigestStream();
  let bytes = 0;
  const handle = await open(path, 'r');
  try {
    for await (const chunk of chunksOf(handle)) {
      stream.update(chunk);
      bytes += chunk.length;
    }
    return { digest: stream.digest(), bytes };
  } finally {
    await handle.close();
  }
}
