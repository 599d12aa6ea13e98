/**
 * The central directory of a zip (APPNOTE.TXT 4.3.12) with offsets that say less: an entry whose header follows the data
 * of the entry before it, as nearly all do, has the same number there in every release. What is in front of an entry may
 * change as it likes.
 *
 * An entry's offset is shown as what it is more, modulo 2^32, than the end of the entry before it as far as the directory
 * tells that: the offset of that, 30 bytes of its header, its name and its data.
 */
/** Of an entry, in front of its name. */
export const directoryHeaderBytes = 46;
const signature = 0x02014b50;

/** Whether an entry of a directory begins with these bytes. */
export const isDirectoryEntry = (bytes: Uint8Array): boolean =>
  bytes.length >= directoryHeaderBytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === signature;

/** How long the entry is that begins with these bytes. */
export function directoryEntryBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return directoryHeaderBytes + view.getUint16(28, true) + view.getUint16(30, true) + view.getUint16(32, true);
}

/** Shows offsets as they are seen, or makes them what they were; in pieces of any length. */
export class DirectoryOffsets {
  readonly #header = new Uint8Array(directoryHeaderBytes);
  #held = 0;
  /** Of the entry whose header is done: bytes behind that. */
  #behind = 0;
  #expected = 0;

  constructor(private readonly to: 'seen' | 'made') {}

  /** Views that hold until the next one. */
  *write(part: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let done = 0; done < part.length; ) {
      const behind = part.subarray(done, done + this.#behind);
      if (behind.length > 0) yield behind;
      this.#behind -= behind.length;
      done += behind.length;
      const piece = part.subarray(done, done + directoryHeaderBytes - this.#held);
      this.#header.set(piece, this.#held);
      this.#held += piece.length;
      done += piece.length;
      if (this.#held === directoryHeaderBytes) yield this.#turned();
    }
  }

  /** What is no whole entry is as it was. */
  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#held > 0) yield this.#header.subarray(0, this.#held);
  }

  #turned(): Uint8Array {
    const view = new DataView(this.#header.buffer);
    const offset = view.getUint32(42, true);
    const turned = (this.to === 'seen' ? offset - this.#expected : offset + this.#expected) >>> 0;
    view.setUint32(42, turned, true);
    const made = this.to === 'seen' ? offset : turned;
    this.#expected = (made + 30 + view.getUint16(28, true) + view.getUint32(20, true)) >>> 0;
    this.#behind = directoryEntryBytes(this.#header) - directoryHeaderBytes;
    this.#held = 0;
    return this.#header;
  }
}
