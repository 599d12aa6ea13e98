import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { sourceChunks } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';
import { fileSink, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { ScannedFolder } from './scan-folder.js';

/**
 * Writes the zip of a scanned folder to `zipPath`: files in the manifest's order, deflated, all dated 1980-01-01, so
 * that the same folder gives the same zip on the same version of Node. Synced to disk when the promise is fulfilled.
 * @throws UpdaterError STORAGE_… when a file can not be read or is not as long as it was when it was scanned; what is at
 * `zipPath` is then to be thrown away.
 */
export async function writeZip(
  fileSystem: FileSystem,
  folder: ScannedFolder,
  zipPath: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await withFile(fileSystem, zipPath, { mode: 'create' }, async (handle) => {
    const sink = fileSink(handle);
    for await (const chunk of zipStream(fileSystem, folder)) {
      options.signal?.throwIfAborted();
      await sink.write(chunk as Uint8Array);
    }
    await handle.sync();
  });
}

/** yazl reports failures beside its stream; here they end it. */
function zipStream(fileSystem: FileSystem, folder: ScannedFolder): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const fail = (error: unknown): void => {
    const reason = 'the folder changed while its zip was written';
    output.destroy(error instanceof UpdaterError ? error : new UpdaterError('STORAGE_FAILED', reason, { cause: error }));
  };
  zip.on('error', fail);
  for (const file of folder.manifest.files) {
    const filePath = folder.filePaths.get(file.path);
    if (filePath === undefined) throw new TypeError(`${file.path} is not one of the folder's files`);
    const attributes = { mtime: new Date(1980, 0, 1), mode: 0o100000 | file.mode, size: file.bytes, forceDosTimestamp: true };
    zip.addReadStreamLazy(file.path, attributes, (ready) => {
      ready(null, Readable.from(fileChunks(fileSystem, filePath), { objectMode: false }).on('error', fail));
    });
  }
  zip.end();
  return output;
}

async function* fileChunks(fileSystem: FileSystem, path: string): AsyncIterable<Uint8Array> {
  const handle = await fileSystem.open(path, 'read');
  try {
    yield* sourceChunks(handle);
  } finally {
    await handle.close();
  }
}
