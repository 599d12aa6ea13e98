/** From streams that were found to trees of those that are worth inflating. */

import { digestOf } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import { depthMax } from '../../patch/containers/containers-data.js';
import type { DeflateParameters } from '../../patch/deflate/deflater.js';
import { reproduce } from '../deflate/reproduce-stream.js';
import { type FoundStream, findStreams } from './find-streams.js';
import { type OpenedStream, openStream, type StreamNode, viewBytesOf } from './stream-tree.js';

/** One side's streams, each with its digest. */
export type DigestedStream = FoundStream & { readonly digest: string };

export const digestedStreams = (bytes: Uint8Array): readonly DigestedStream[] =>
  findStreams(bytes).map((stream) => ({ ...stream, digest: digestOf(bytes.subarray(stream.start, stream.end)) }));

/** What all streams of a side may inflate to: more is a bomb, not a release. */
export const plainBudget = (bytes: number): { left: number } => ({
  left: Math.min(limits.remendoBytesMax, bytes * 32 + 64 * 1024 * 1024),
});

/** The streams inflated, and those inside them; digests of all of them are added to `digests`. */
export function growStreams(
  bytes: Uint8Array,
  streams: readonly DigestedStream[],
  within: { readonly depth: number; readonly budget: { left: number }; readonly digests: Set<string> },
): readonly StreamNode[] {
  const nodes: StreamNode[] = [];
  for (const stream of streams) {
    within.digests.add(stream.digest);
    const opened = openStream(bytes.subarray(stream.start, stream.end), stream.kind, within.budget.left);
    if (opened === null || opened.plain.length === 0) continue;
    within.budget.left -= opened.plain.length;
    const hasInner = stream.kind === 'deflate' && within.depth < depthMax;
    const inner = hasInner ? digestedStreams(opened.plain) : [];
    const children = growStreams(opened.plain, inner, { ...within, depth: within.depth + 1 });
    nodes.push(nodeOf(stream, opened, children));
  }
  return nodes;
}

const nodeOf = (stream: DigestedStream, { header, plain }: OpenedStream, children: readonly StreamNode[]): StreamNode => ({
  ...stream,
  children,
  plainBytes: plain.length,
  viewBytes: header.length + viewBytesOf(plain.length, children),
  form: null,
  corrections: null,
});

/** Without those that `isDropped`, and what is inside them. */
export function pruned(nodes: readonly StreamNode[], isDropped: (node: StreamNode) => boolean): readonly StreamNode[] {
  return nodes.filter((node) => !isDropped(node)).map((node) => withChildren(node, pruned(node.children, isDropped)));
}

function withChildren(node: StreamNode, children: readonly StreamNode[]): StreamNode {
  const viewBytes = node.viewBytes - viewBytesOf(0, node.children) + viewBytesOf(0, children);
  return { ...node, children, viewBytes };
}

interface StreamMaking {
  /** Null for what is not deflated. */
  readonly parameters: DeflateParameters | null;
  readonly corrections: Uint8Array | null;
}

/** A target's streams that can be made again, each with how; what is inside one that can not is out of reach. */
export class StreamReproducer {
  /** What the last one was made with: one program wrote most of them. */
  #hint: DeflateParameters | undefined;

  reproduced(bytes: Uint8Array, nodes: readonly StreamNode[]): readonly StreamNode[] {
    const made: StreamNode[] = [];
    for (const node of nodes) {
      const opened = openStream(bytes.subarray(node.start, node.end), node.kind, node.plainBytes);
      const form = opened === null ? null : this.#reproduce(opened);
      if (opened === null || form === null) continue;
      const { parameters, corrections } = form;
      const withForm = {
        ...node,
        viewBytes: node.viewBytes + (corrections?.length ?? 0),
        form: { kind: node.kind, deflate: parameters, chunkBytes: opened.chunkBytes },
        corrections,
      };
      made.push(withChildren(withForm, this.reproduced(opened.plain, node.children)));
    }
    return made;
  }

  #reproduce({ plain, deflated }: OpenedStream): StreamMaking | null {
    if (deflated === null) return { parameters: null, corrections: null };
    const form = reproduce({ plain, compressed: deflated, ...(this.#hint === undefined ? {} : { hint: this.#hint }) });
    if (form === null || (form.corrections?.length ?? 0) > limits.correctionsBytesMax) return null;
    this.#hint = form.parameters;
    return form;
  }
}
