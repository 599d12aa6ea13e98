/** The files in a delta index: those of the target that are not in the base with the same content. */
import { type ByteReader, BytesMalformed } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';
import { limits } from '../limits.js';
import { NumberRun, readAscending, readMany, writeAscending } from './index-numbers.js';

interface IndexContent {
  readonly content: number;
  /** Of contents that a derivation makes; those of the base have theirs in the base manifest. */
  readonly xxh64?: string;
}

/** Where the base has a file, that one's position in the base manifest; else its path. */
export type IndexFile = IndexContent & ({ readonly position: number } | { readonly path: string });

export interface FilesContext {
  readonly baseFiles: number;
  readonly baseContents: number;
  /** Those of the base and those that derivations make. */
  readonly contents: number;
}

/** Files by position come first, then those by path; both ascend. */
export function writeFiles(writer: ByteWriter, files: readonly IndexFile[], baseContents: number): void {
  const changed = files.flatMap((file) => ('position' in file ? [file.position] : []));
  const added = files.flatMap((file) => ('path' in file ? [file.path] : []));
  writeAscending(writer, changed);
  writePaths(writer, added);
  const run = new NumberRun();
  for (const { content } of files) run.write(writer, content);
  const xxh64 = new Map(files.map((file) => [file.content, file.xxh64 ?? '']));
  for (const content of madeContents(files, baseContents)) writer.bytes(Buffer.from(xxh64.get(content) ?? '', 'hex'));
}

export function readFiles(reader: ByteReader, { baseFiles, baseContents, contents }: FilesContext): readonly IndexFile[] {
  const changed = readAscending(reader, Math.min(baseFiles, limits.manifestFilesMax)).map((position) => ({ position }));
  const added = readPaths(reader).map((path) => ({ path }));
  const run = new NumberRun();
  const files = [...changed, ...added].map((place) => ({ ...place, content: run.read(reader, contents) }));
  const hash = (): string => Buffer.from(reader.take(8)).toString('hex');
  const xxh64 = new Map(madeContents(files, baseContents).map((content) => [content, hash()]));
  return files.map((file) => {
    const made = xxh64.get(file.content);
    return made === undefined ? file : { ...file, xxh64: made };
  });
}

/** Those of the files that derivations make: ascending, each once. */
function madeContents(files: readonly IndexContent[], baseContents: number): readonly number[] {
  const made = files.map(({ content }) => content).filter((content) => content >= baseContents);
  return [...new Set(made)].sort((a, b) => a - b);
}

function writePaths(writer: ByteWriter, paths: readonly string[]): void {
  writer.varint(paths.length);
  let before = '';
  for (const path of paths) {
    const shared = sharedLength(before, path);
    writer.varint(shared).text(path.slice(shared));
    before = path;
  }
}

/** In UTF-16 units, never splitting a surrogate pair. */
function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  const last = a.charCodeAt(length - 1);
  return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
}

function readPaths(reader: ByteReader): readonly string[] {
  let before = '';
  return readMany(reader, { max: limits.manifestFilesMax, bytesEach: 3 }, () => {
    const shared = reader.index(before.length + 1);
    const path = before.slice(0, shared) + reader.text(limits.pathBytesMax);
    if (path <= before) throw new BytesMalformed('paths are not in order');
    // Without this each path could be longer than the one before, and all of them together without bound.
    if (path.length > limits.pathBytesMax) throw new BytesMalformed(`a path is longer than ${limits.pathBytesMax}`);
    before = path;
    return path;
  });
}
