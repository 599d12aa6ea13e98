/** The part of yauzl 3.4 that is used here; its own types end at version 2. */
declare module 'yauzl' {
  import type { EventEmitter } from 'node:events';

  export interface Options {
    readonly autoClose?: boolean;
    readonly validateEntrySizes?: boolean;
    readonly decodeStrings?: boolean;
  }

  export interface ExtraField {
    readonly id: number;
    readonly data: Uint8Array;
  }

  /** What the central directory says of one entry. */
  export interface Entry {
    readonly fileNameRaw: Uint8Array;
    readonly fileNameLength: number;
    readonly extraFieldLength: number;
    readonly extraFields: readonly ExtraField[];
    readonly generalPurposeBitFlag: number;
    readonly uncompressedSize: number;
    readonly compressedSize: number;
    readonly compressionMethod: number;
    readonly crc32: number;
    readonly versionMadeBy: number;
    readonly externalFileAttributes: number;
    readonly relativeOffsetOfLocalHeader: number;
  }

  export interface ZipFile extends EventEmitter {
    readonly entryCount: number;
    /** Where the next entry of the central directory would begin. */
    readonly readEntryCursor: number;
    eachEntry(): AsyncIterable<Entry>;
    /** Fails when the entry's data would not end within the zip. */
    readLocalFileHeader(
      entry: Pick<Entry, 'relativeOffsetOfLocalHeader' | 'compressedSize'>,
      options: { readonly minimal: true },
      done: (error: Error | null, header?: { readonly fileDataStart: number }) => void,
    ): void;
    close(): void;
  }

  export class RandomAccessReader extends EventEmitter {
    read(
      buffer: Uint8Array,
      offset: number,
      length: number,
      position: number,
      done: (error: Error | null, count?: number) => void,
    ): void;
  }

  const yauzl: {
    readonly RandomAccessReader: typeof RandomAccessReader;
    fromRandomAccessReaderPromise(reader: RandomAccessReader, totalSize: number, options: Options): Promise<ZipFile>;
    /** The name in UTF-8 or code page 437, as flags and Info-ZIP's extra field say. `strict` keeps backslashes. */
    getFileNameLowLevel(flags: number, raw: Uint8Array, extraFields: readonly ExtraField[], strict: boolean): string;
  };
  export default yauzl;
}
