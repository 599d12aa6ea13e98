/** A large zip of many entries, and another one in which some of them changed; made from nothing, written entry by entry. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { ContentFile, Digest } from '@remendo/core';
import { deflated } from '@remendo/core/testing';

export interface LargeZips {
  readonly base: ContentFile;
  readonly target: ContentFile;
  /** All streams of the base; those that are not in the target, and what those in their place inflate to. */
  readonly streams: readonly Uint8Array[];
  readonly changedStreams: readonly Uint8Array[];
  readonly changedPlains: readonly Uint8Array[];
}

/** So many contents are made; the entries share them, or making them would take longer than everything that is measured. */
const contentCount = 100;

/** Leaves `base` and `target` in the folder: as many entries, every so many of which changed. */
export function writeLargeZips(
  folder: string,
  options: { readonly bytes: number; readonly entries: number; readonly changedEvery: number },
): LargeZips {
  const plainBytes = Math.ceil((options.bytes / options.entries) * 1.5);
  const contents = Array.from({ length: contentCount }, (_, index) => entryOf(plainOf(plainBytes, index)));
  const [base, target] = [new ZipFile(join(folder, 'base')), new ZipFile(join(folder, 'target'))];
  const streams: Uint8Array[] = [];
  const changedStreams: Uint8Array[] = [];
  const changedPlains: Uint8Array[] = [];
  for (let index = 0; index < options.entries; index++) {
    const name = `entry-${index}`;
    if (index % options.changedEvery !== 1) {
      const content = contents[index % contentCount] as ZipEntry;
      base.add(name, content);
      target.add(name, content);
      streams.push(content.stream);
      continue;
    }
    const plain = plainOf(plainBytes, contentCount + index);
    const before = entryOf(plain);
    const changed = changedOf(plain, index);
    base.add(name, before);
    target.add(name, entryOf(changed));
    streams.push(before.stream);
    changedStreams.push(before.stream);
    changedPlains.push(changed);
  }
  return { base: base.close(), target: target.close(), streams, changedStreams, changedPlains };
}

interface ZipEntry {
  readonly stream: Uint8Array;
  readonly plainBytes: number;
  readonly crc: number;
}

const entryOf = (plain: Uint8Array): ZipEntry => ({ stream: deflated(plain), plainBytes: plain.length, crc: crc32(plain) });

/** Compresses to about two thirds, as programs do. */
function plainOf(bytes: number, seed: number): Uint8Array {
  const plain = new Uint8Array(bytes);
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let at = 0; at < bytes; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    // Every third run of 64 bytes is what was 4,096 bytes before.
    plain[at] = (at >> 6) % 3 === 2 && at >= 4_096 ? (plain[at - 4_096] as number) : (state >>> 8) & 0x7f;
  }
  return plain;
}

/** Some bytes are put in, and one in five thousand is another. */
function changedOf(plain: Uint8Array, seed: number): Uint8Array {
  const middle = plain.length >> 1;
  const changed = Buffer.concat([plain.subarray(0, middle), Buffer.from(`changed in entry ${seed}`), plain.subarray(middle)]);
  for (let at = seed % 5_000; at < changed.length; at += 5_000) changed[at] = (changed[at] as number) ^ 1;
  return changed;
}

const fields = (...parts: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer =>
  Buffer.concat(
    parts.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      field.writeUIntLE(value, 0, bytes);
      return field;
    }),
  );

/** APPNOTE.TXT 4.3, as plain as it can be. */
class ZipFile {
  readonly #file: number;
  readonly #hash: Hash = createHash('sha256');
  readonly #directory: Buffer[] = [];
  #bytes = 0;

  constructor(private readonly path: string) {
    this.#file = openSync(path, 'w');
  }

  add(name: string, { stream, plainBytes, crc }: ZipEntry): void {
    const sizes = fields([4, crc], [4, stream.length], [4, plainBytes], [2, name.length], [2, 0]);
    const made = fields([2, 20], [2, 0], [2, 8], [4, 0x5a210000]);
    const placed = fields([2, 0], [2, 0], [2, 0], [4, 0], [4, this.#bytes]);
    this.#directory.push(Buffer.concat([fields([4, 0x02014b50], [2, 20]), made, sizes, placed, Buffer.from(name)]));
    this.#write(Buffer.concat([fields([4, 0x04034b50]), made, sizes, Buffer.from(name), stream]));
  }

  close(): ContentFile {
    const at = this.#bytes;
    const directory = Buffer.concat(this.#directory);
    const counts = fields([2, 0], [2, 0], [2, this.#directory.length], [2, this.#directory.length]);
    this.#write(directory);
    this.#write(Buffer.concat([fields([4, 0x06054b50]), counts, fields([4, directory.length], [4, at], [2, 0])]));
    closeSync(this.#file);
    return { path: this.path, bytes: this.#bytes, sha256: this.#hash.digest('hex') as Digest };
  }

  #write(bytes: Uint8Array): void {
    writeSync(this.#file, bytes);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }
}
