/** The streams of a file that changed, with those inside them, and how the file looks with them inflated. */

import { limits } from '../../limits.js';
import type { StreamForm, StreamKind } from '../../patch/containers/containers-data.js';
import { adler32, chunkFrameBytes, IdatCutter, idatBytes, zlibHeaderBytes } from '../../patch/containers/idat-chunks.js';
import { DirectoryOffsets } from '../../patch/containers/zip-directory.js';
import type { FoundStream } from './find-streams.js';
import { inflateAt } from './inflate.js';

/** A stream of the files, or of what the stream around it inflates to. */
export interface StreamNode extends FoundStream {
  /** SHA-256 of its bytes as they are. */
  readonly digest: string;
  readonly children: readonly StreamNode[];
  /** Of what it inflates to, as the view has it without corrections; and of its part of the view. */
  readonly plainBytes: number;
  readonly viewBytes: number;
  /** A target's: how it is made again. Null for a base's. */
  readonly form: StreamForm | null;
  readonly corrections: Uint8Array | null;
}

/** What a stream consists of. */
export interface OpenedStream {
  /** What stands in the view in front of the plain bytes. */
  readonly header: Uint8Array;
  readonly plain: Uint8Array;
  /** The deflate stream alone; null where there is none. */
  readonly deflated: Uint8Array | null;
  /** A PNG's; 0 for other kinds. */
  readonly chunkBytes: number;
}

const nothing = new Uint8Array();

/** @returns null when the bytes are no such stream from end to end, or too much. */
export function openStream(bytes: Uint8Array, kind: StreamKind, plainBytesMax: number): OpenedStream | null {
  if (kind === 'idat') return openIdat(bytes, plainBytesMax);
  if (kind === 'directory') return { header: nothing, plain: seenDirectory(bytes), deflated: null, chunkBytes: 0 };
  const inflated = inflateAt(bytes, plainBytesMax);
  if (inflated === null || inflated.consumed !== bytes.length) return null;
  return { header: nothing, plain: inflated.plain, deflated: bytes, chunkBytes: 0 };
}

function seenDirectory(bytes: Uint8Array): Uint8Array {
  const offsets = new DirectoryOffsets('seen');
  const parts: Uint8Array[] = [];
  // Views that hold until the next one.
  for (const part of offsets.write(bytes)) parts.push(part.slice());
  return Buffer.concat(parts);
}

/** Only what comes out exactly: right checksums, chunks of one length but the last. */
function openIdat(bytes: Uint8Array, plainBytesMax: number): OpenedStream | null {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += (pieces.at(-1)?.length ?? 0) + chunkFrameBytes)
    pieces.push(bytes.subarray(at + 8, at + 8 + (idatBytes(bytes.subarray(at)) ?? 0)));
  const stream = Buffer.concat(pieces);
  const inflated = inflateAt(stream.subarray(zlibHeaderBytes), plainBytesMax);
  const chunkBytes = pieces[0]?.length ?? 0;
  if (chunkBytes === 0 || chunkBytes > limits.idatChunkBytesMax) return null;
  if (inflated === null || stream.length !== zlibHeaderBytes + inflated.consumed + 4) return null;
  if (stream.readUInt32BE(stream.length - 4) !== adler32(inflated.plain)) return null;
  if (Buffer.compare(chunksOf(stream, chunkBytes), bytes) !== 0) return null;
  const header = stream.subarray(0, zlibHeaderBytes);
  return { header, plain: inflated.plain, deflated: stream.subarray(zlibHeaderBytes, -4), chunkBytes };
}

function chunksOf(stream: Uint8Array, chunkBytes: number): Uint8Array {
  const cutter = new IdatCutter(chunkBytes);
  const chunks: Uint8Array[] = [];
  // Views that hold until the next one.
  for (const chunk of cutter.write(stream)) chunks.push(chunk.slice());
  for (const chunk of cutter.end()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Writes what the view shows of `bytes`; `into` is as long as that. */
export function fillView(into: Uint8Array, bytes: Uint8Array, nodes: readonly StreamNode[]): void {
  let at = 0;
  let from = 0;
  const put = (part: Uint8Array): void => {
    into.set(part, at);
    at += part.length;
  };
  for (const node of nodes) {
    put(bytes.subarray(from, node.start));
    from = node.end;
    const opened = openStream(bytes.subarray(node.start, node.end), node.kind, node.plainBytes);
    if (opened === null) throw new RangeError('a stream is no longer what it was');
    if (node.corrections !== null) put(node.corrections);
    put(opened.header);
    const end = at + viewBytesOf(opened.plain.length, node.children);
    fillView(into.subarray(at, end), opened.plain, node.children);
    at = end;
  }
  put(bytes.subarray(from));
}

/** How long `bytes` bytes are with these streams of theirs inflated. */
export const viewBytesOf = (bytes: number, nodes: readonly StreamNode[]): number =>
  nodes.reduce((sum, { start, end, viewBytes }) => sum - (end - start) + viewBytes, bytes);

/** Where in the view files begin that begin at `starts`, and what streams inflate to, in order. */
export function viewStarts(nodes: readonly StreamNode[], starts: readonly number[]): readonly number[] {
  const all: number[] = [];
  const left = [...starts];
  let moved = 0;
  const takeUpTo = (end: number): void => {
    for (let start = left[0]; start !== undefined && start <= end; start = left[0]) {
      all.push(start + moved);
      left.shift();
    }
  };
  for (const node of nodes) {
    takeUpTo(node.start);
    const plainAt = node.start + moved + node.viewBytes - viewBytesOf(node.plainBytes, node.children);
    for (const inner of viewStarts(node.children, [0])) all.push(plainAt + inner);
    moved += node.viewBytes - (node.end - node.start);
  }
  takeUpTo(Number.POSITIVE_INFINITY);
  return all;
}
