/**
 * Decides which compressed streams of bases and targets a patch sees inflated: those that changed, and of the targets
 * only those that can be made again bit for bit. What is the same in both stays as it is, and is copied.
 */
import { limits } from '../../limits.js';
import { encodeContainers } from '../../patch/containers/containers-data.js';
import type { FileStarts } from '../references/see-references.js';
import { codedStreams, flat } from './code-streams.js';
import { codedNumbers } from './encode-data.js';
import { digestedStreams, growStreams, plainBudget, pruned, StreamReproducer } from './grow-streams.js';
import { fillView, openStream, type StreamNode, viewBytesOf, viewStarts } from './stream-tree.js';

/** All bases joined, and all targets. */
export interface ContainedFiles {
  readonly base: Uint8Array;
  readonly target: Uint8Array;
}

export interface ContainersPlan {
  /** The transform's. */
  readonly data: Uint8Array;
  /** Of the targets' streams that are seen inflated. */
  readonly recodedBytes: number;
  readonly baseViewBytes: number;
  readonly targetViewBytes: number;
  /** Fills a buffer of so many bytes with the bases' view; and with the targets'. */
  fillBase(into: Uint8Array): void;
  fillTarget(into: Uint8Array): void;
  /** Where files begin in the views, whose places in the files are given, and what streams inflate to. */
  starts(files: FileStarts): FileStarts;
}

/** Null when there is nothing to gain: no stream changed, or none can be made again. */
export function planContainers(files: ContainedFiles): ContainersPlan | null {
  const streams = changedStreams(files);
  if (streams.base.length + streams.target.length === 0) return null;
  const target = new StreamReproducer().reproduced(files.target, streams.target);
  const base = usefulStreams(streams.base, { before: streams.target, made: target, files });
  return planOf(files, withinLimits({ base, target }));
}

/** How many of the largest streams are looked for in targets that have none themselves, and how many of their bytes. */
const probesMax = 32;
const probeBytes = 48;

/**
 * The base's streams without those that nothing of the targets is made from: their counterparts can not be made again, and
 * have more in common with them as they are.
 */
function usefulStreams(
  base: readonly StreamNode[],
  target: { readonly before: readonly StreamNode[]; readonly made: readonly StreamNode[]; readonly files: ContainedFiles },
): readonly StreamNode[] {
  const keyOf = ({ kind, name }: StreamNode): string => `${kind}/${name}`;
  const made = new Set(target.made.map(keyOf));
  const left = new Set(target.before.map(keyOf).filter((key) => !made.has(key)));
  const useful = base.filter((node) => !left.has(keyOf(node)));
  const isCompressed = ({ kind }: StreamNode): boolean => kind !== 'directory';
  const isUsed = target.made.some(isCompressed) || isFoundInflated(useful.filter(isCompressed), target.files);
  return isUsed ? useful : useful.filter((node) => !isCompressed(node));
}

/** Whether the targets have, as it is, what is compressed in the bases. */
function isFoundInflated(nodes: readonly StreamNode[], { base, target }: ContainedFiles): boolean {
  const largest = [...nodes].sort((a, b) => b.plainBytes - a.plainBytes).slice(0, probesMax);
  const searched = Buffer.from(target.buffer, target.byteOffset, target.length);
  return largest.some((node) => {
    const plain = openStream(base.subarray(node.start, node.end), node.kind, node.plainBytes)?.plain ?? base;
    const middle = plain.length >> 1;
    return searched.includes(Buffer.from(plain.subarray(middle, middle + probeBytes)));
  });
}

interface SideStreams {
  readonly base: readonly StreamNode[];
  readonly target: readonly StreamNode[];
}

function changedStreams({ base, target }: ContainedFiles): SideStreams {
  const found = { base: digestedStreams(base), target: digestedStreams(target) };
  const digests = {
    base: new Set(found.base.map(({ digest }) => digest)),
    target: new Set(found.target.map(({ digest }) => digest)),
  };
  const grow = (side: keyof ContainedFiles, other: keyof ContainedFiles): readonly StreamNode[] =>
    growStreams(
      { base, target }[side],
      found[side].filter(({ digest }) => !digests[other].has(digest)),
      {
        depth: 1,
        budget: plainBudget({ base, target }[side].length),
        digests: digests[side],
      },
    );
  const grown = { base: grow('base', 'target'), target: grow('target', 'base') };
  return {
    base: pruned(grown.base, ({ digest }) => digests.target.has(digest)),
    target: pruned(grown.target, ({ digest }) => digests.base.has(digest)),
  };
}

/** The largest ones, when there are more than a patch can have. */
function withinLimits({ base, target }: SideStreams): SideStreams {
  const limited = (nodes: readonly StreamNode[]): readonly StreamNode[] => {
    const bytes = flat(nodes).map(({ node }) => node.plainBytes);
    if (bytes.length <= limits.containerStreamsMax) return nodes;
    const least = bytes.sort((a, b) => b - a)[limits.containerStreamsMax] ?? 0;
    return pruned(nodes, ({ plainBytes }) => plainBytes <= least);
  };
  return { base: limited(base), target: limited(target) };
}

function planOf(files: ContainedFiles, { base, target }: SideStreams): ContainersPlan | null {
  const baseViewBytes = viewBytesOf(files.base.length, base);
  const targetViewBytes = viewBytesOf(files.target.length, target);
  const inflatedBytes = flat(base).reduce((sum, { node }) => sum + inflatedBytesOf(node), 0);
  if (Math.max(baseViewBytes, targetViewBytes, inflatedBytes) > limits.remendoBytesMax) return null;
  if (base.length + target.length === 0) return null;
  return {
    data: codedNumbers(encodeContainers({ inflatedBytes, targetViewBytes, ...codedStreams(flat(base), flat(target)) })),
    recodedBytes: target.reduce((sum, { start, end }) => sum + end - start, 0),
    baseViewBytes,
    targetViewBytes,
    fillBase: (into) => fillView(into, files.base, base),
    fillTarget: (into) => fillView(into, files.target, target),
    starts: ({ bases, targets }) => ({ bases: viewStarts(base, bases), targets: viewStarts(target, targets) }),
  };
}

/** What it inflates to, with what its kind has in front of that. */
const inflatedBytesOf = (node: StreamNode): number => node.viewBytes - viewBytesOf(0, node.children);
