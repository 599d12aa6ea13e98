/** One release pair: our delta and the peers' patches, made, applied, compared and measured. */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeltaCauses, type Derivation, type Digest, derivationTargets, manifestBytes } from '@remendo/core';
import { reportFiles } from '@remendo/core/publish';
import type { PublishedSize } from '../corpus/corpus.js';
import { applyDelta } from './apply-delta.js';
import type { MadeFile, MakeJob } from './make-alone.js';
import { inChild } from './measured-child.js';
import { type OpenedDelta, openDelta } from './open-delta.js';
import type { OurCodec } from './our-makers.js';
import { peerFiles } from './peer-files.js';
import { type PeerName, peers } from './peers.js';
import { areSameFiles } from './same-files.js';
import { type ScannedRelease, scanRelease } from './scanned-release.js';
import type { Usage } from './usage.js';

export interface MeasurePairInput {
  readonly id: string;
  readonly kind: string;
  readonly fresh?: boolean;
  /** Folders. */
  readonly base: string;
  readonly target: string;
  readonly published: readonly PublishedSize[];
  readonly codec: OurCodec;
  readonly peers: readonly PeerName[];
  /** How often each job runs: of the seconds the fewest count, of the memory the most. */
  readonly runs: number;
}

export interface ToolReport {
  readonly tool: string;
  /** Of all that has to be fetched. Of ours every byte counts, of peers' the patches alone. */
  readonly bytes: number;
  /** Whether every file came out byte for byte. */
  readonly exact: boolean;
  readonly make: Usage;
  readonly apply: Usage;
}

/** A file of the target; of a patch that makes several, a share by its size. */
export interface FileShare {
  readonly path: string;
  /** The codec, or `whole`. */
  readonly how: string;
  readonly bytes: number;
  readonly storedBytes: number;
}

export interface PairReport {
  readonly id: string;
  readonly kind: string;
  readonly targetBytes: number;
  /** See `CorpusPair`. */
  readonly fresh: boolean;
  readonly ours: ToolReport;
  /** What the bytes of our delta are for. */
  readonly causes: DeltaCauses;
  /** The files that cost the most, the dearest first. */
  readonly files: readonly FileShare[];
  readonly peers: readonly ToolReport[];
  readonly published: readonly PublishedSize[];
  /** The smallest that a peer makes, here or elsewhere; null without any. */
  readonly best: PublishedSize | null;
  readonly notices: readonly string[];
}

interface Releases {
  readonly base: ScannedRelease;
  readonly target: ScannedRelease;
  readonly folder: string;
}

/** @throws Error when a tool fails or when our delta is not the same in every run. */
export async function measurePair(input: MeasurePairInput): Promise<PairReport> {
  const { id, kind, published, fresh = false } = input;
  const folder = await mkdtemp(join(tmpdir(), 'remendo-report-'));
  try {
    const [base, target] = [await scanRelease(input.base, '1.0.0'), await scanRelease(input.target, '1.0.1')];
    const releases = { base, target, folder };
    const { ours, opened, notices } = await measureOurs(input, releases);
    const measured: ToolReport[] = [];
    for (const name of input.peers)
      if (peers[name].missing() === null) measured.push(await measurePeer(name, { ...releases, ...input, base, target }, opened));
    const best = smallest([...measured.filter(({ exact }) => exact), ...published]);
    const { causes } = opened.described;
    const targetBytes = manifestBytes(target.manifest);
    const files = dearestFiles(opened);
    return { id, kind, fresh, targetBytes, ours, causes, files, peers: measured, published, best, notices };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const filesToldMax = 20;

function dearestFiles({ delta }: OpenedDelta): readonly FileShare[] {
  const codings = new Map(delta.derivations.flatMap((one) => derivationTargets(one).map(({ sha256 }) => [sha256, codingOf(one)])));
  const contentAt = new Map<string, Digest>(delta.target.files.map(({ path, sha256 }) => [path, sha256]));
  const made = reportFiles(delta).filter(({ how }) => how === 'patch' || how === 'whole');
  return made
    .map(({ path, bytes, storedBytes }) => ({ path, how: codings.get(contentAt.get(path) as Digest) ?? '', bytes, storedBytes }))
    .sort((a, b) => b.storedBytes - a.storedBytes)
    .slice(0, filesToldMax);
}

const codingOf = (derivation: Derivation): string => (derivation.kind === 'patch' ? derivation.codec : 'whole');

function smallest(sizes: readonly PublishedSize[]): PublishedSize | null {
  const [first = null] = [...sizes].sort((a, b) => a.bytes - b.bytes);
  return first === null ? null : { tool: first.tool, bytes: first.bytes };
}

async function measureOurs({ codec, runs }: MeasurePairInput, { base, target, folder }: Releases) {
  const usages: { make: Usage; apply: Usage }[] = [];
  let last: { opened: OpenedDelta; notices: readonly string[]; exact: boolean } | null = null;
  for (let run = 0; run < runs; run += 1) {
    const runFolder = join(folder, `${codec}-${run}`);
    const workFolder = join(runFolder, 'work');
    await mkdir(workFolder, { recursive: true });
    const deltaPath = join(runFolder, 'delta');
    const jobPath = join(runFolder, 'job.json');
    await writeFile(jobPath, JSON.stringify({ base, target, codec, workFolder, deltaPath } satisfies MakeJob));
    const made = await inChild<MadeFile>('report/make-alone.js', jobPath);
    const opened = await openDelta(deltaPath, base.manifest);
    const { exact, usage } = await applyDelta({ base, target, opened, folder: runFolder });
    if (last !== null && !(await areSameFiles([[last.opened.path, deltaPath]]))) throw new Error('two runs make two deltas');
    usages.push({ make: made.usage, apply: usage });
    last = { opened, notices: made.notices, exact };
  }
  if (last === null) throw new Error('nothing was run');
  const { opened, notices, exact } = last;
  const ours: ToolReport = { tool: codec, bytes: opened.bytes, exact, ...combined(usages) };
  return { ours, opened, notices };
}

async function measurePeer(name: PeerName, releases: Releases & { readonly runs: number }, { delta }: OpenedDelta) {
  const folder = join(releases.folder, name);
  await mkdir(folder, { recursive: true });
  const files = peerFiles({ ...releases, delta }, folder);
  const filesPath = join(folder, 'files.json');
  await writeFile(filesPath, JSON.stringify(files));
  const usages: { make: Usage; apply: Usage }[] = [];
  for (let run = 0; run < releases.runs; run += 1) {
    const make = await inChild<Usage>('report/peer-alone.js', 'make', name, filesPath);
    const apply = await inChild<Usage>('report/peer-alone.js', 'apply', name, filesPath);
    usages.push({ make, apply });
  }
  let bytes = 0;
  // Whoever gets a patch larger than its content takes the content.
  for (const { patch, content } of files) bytes += Math.min((await stat(patch)).size, content.bytes);
  const exact = await areSameFiles(files.map(({ made, target }) => [made, target]));
  await rm(folder, { recursive: true, force: true });
  return { tool: name, bytes, exact, ...combined(usages) } satisfies ToolReport;
}

const combined = (usages: readonly { readonly make: Usage; readonly apply: Usage }[]) => ({
  make: combineUsages(usages.map(({ make }) => make)),
  apply: combineUsages(usages.map(({ apply }) => apply)),
});

const combineUsages = (usages: readonly Usage[]): Usage => ({
  cpuSeconds: Math.min(...usages.map(({ cpuSeconds }) => cpuSeconds)),
  wallSeconds: Math.min(...usages.map(({ wallSeconds }) => wallSeconds)),
  peakBytes: Math.max(...usages.map(({ peakBytes }) => peakBytes)),
});
