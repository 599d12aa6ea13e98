/** The part of yauzl 3.4 that is used here; its own types end at version 2. */
declare module 'yauzl' {
  import type { EventEmitter } from 'node:events';

  export interface Options {
    readonly autoClose?: boolean;
    readonly validateEntrySizes?: boolean;
    readonly decodeStrings?: boolean;
  }

  export interface Entry {
    readonly fileNameRaw: Uint8Array;
    readonly generalPurposeBitFlag: number;
    readonly uncompressedSize: number;
    readonly compressedSize: number;
    readonly compressionMethod: number;
    readonly crc32: number;
  }

  export interface ZipFile extends EventEmitter {
    readonly entryCount: number;
    eachEntry(): AsyncIterable<Entry>;
    /** The entry's bytes, inflated; fails when their number is not the declared one. CRC-32 is not looked at. */
    openReadStreamPromise(entry: Entry): Promise<NodeJS.ReadableStream & { destroy(): void }>;
    close(): void;
  }

  const yauzl: {
    /** The descriptor stays the caller's. */
    fromFdPromise(fd: number, options: Options): Promise<ZipFile>;
  };
  export default yauzl;
}
