/**
 * Many files as sources and sinks with few of them open: a file is opened when it is used, and closed when others are
 * used instead. A patch of a thousand small files must not need a thousand handles.
 */
import type { ByteSource, ReadableSink } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';
import type { FileHandle, FileSystem } from './file-system.js';

const openMax = 32;

interface OpenFile {
  readonly handle: FileHandle;
  readonly isTarget: boolean;
}

export class OpenFiles {
  /** By path; a map keeps the order of use. */
  readonly #open = new Map<string, OpenFile>();

  constructor(private readonly fileSystem: FileSystem) {}

  /** A file that exists, with the size it has now. @throws UpdaterError STORAGE_FAILED when it does not. */
  async source(path: string): Promise<ByteSource> {
    const stat = await this.fileSystem.stat(path);
    if (stat?.kind !== 'file') throw new UpdaterError('STORAGE_FAILED', `${path} is not there`, { details: { path } });
    return { bytes: stat.bytes, read: async (offset, into) => (await this.#use(path, false)).read(offset, into) };
  }

  /** A file that is made or emptied now, and written from its start. */
  async target(path: string): Promise<ReadableSink> {
    await this.#keep(path, { handle: await this.fileSystem.open(path, 'create'), isTarget: true });
    let at = 0;
    return {
      write: async (chunk) => {
        await (await this.#use(path, true)).write(at, chunk);
        at += chunk.length;
      },
      read: async (offset, into) => (await this.#use(path, true)).read(offset, into),
    };
  }

  /** Syncs the targets that are open; those closed before are synced already. Afterwards all are closed. */
  async finish(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.#close(path, { sync: true });
  }

  /** Closes what is open, whatever it holds. */
  async close(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.#close(path, { sync: false });
  }

  async #use(path: string, isTarget: boolean): Promise<FileHandle> {
    const known = this.#open.get(path);
    if (known === undefined) {
      return this.#keep(path, { handle: await this.fileSystem.open(path, isTarget ? 'write' : 'read'), isTarget });
    }
    this.#open.delete(path);
    this.#open.set(path, known);
    return known.handle;
  }

  async #keep(path: string, file: OpenFile): Promise<FileHandle> {
    this.#open.set(path, file);
    const [oldest] = this.#open.keys();
    if (this.#open.size > openMax && oldest !== undefined) await this.#close(oldest, { sync: true });
    return file.handle;
  }

  async #close(path: string, { sync }: { readonly sync: boolean }): Promise<void> {
    const file = this.#open.get(path);
    this.#open.delete(path);
    if (file === undefined) return;
    try {
      if (sync && file.isTarget) await file.handle.sync();
    } finally {
      await file.handle.close();
    }
  }
}
