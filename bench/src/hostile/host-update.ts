/** What a server has to answer and to serve for one input: an honest update but for what is hostile. */
import { brotliCompressSync, constants } from 'node:zlib';
import {
  type Delta,
  type Digest,
  digestOf,
  encodeDeltaIndex,
  encodeManifest,
  indexDelta,
  type Manifest,
  manifestBytes,
} from '@remendo/core';
import {
  buildZip,
  type HostileAnswer,
  type HostileInput,
  hostileBase,
  hostileBaseVersion,
  hostileTarget,
  hostileTargetVersion,
  manifestOf,
  patchedPath,
  type ReleaseBytes,
  releaseAround,
} from '@remendo/core/testing';
import { deltaOfBlob } from './blob-delta.js';

export interface HostedUpdate {
  readonly base: ReleaseBytes;
  readonly target: ReleaseBytes;
  /** What the update fetches first. */
  readonly firstObject: Digest;
  readonly objects: ReadonlyMap<string, Uint8Array>;
  /** By the last part of the address: `check`. */
  readonly answers: ReadonlyMap<string, HostileAnswer>;
}

interface Parts {
  readonly base: ReleaseBytes;
  readonly target: ReleaseBytes;
  /** The stored index, and what its blobs lie in. */
  readonly index: Uint8Array;
  readonly body: Uint8Array;
  readonly zip: Uint8Array;
  readonly manifest: Uint8Array;
  readonly plans: readonly ('delta' | 'zip')[];
}

const fastBrotli = (bytes: Uint8Array): Uint8Array =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

const zipOf = (files: ReleaseBytes): Uint8Array => buildZip(Object.entries(files).map(([name, content]) => ({ name, content })));

/** Null for what comes to no terminal. */
export async function hostUpdate(input: HostileInput): Promise<HostedUpdate | null> {
  if (input.kind === 'delta') return null;
  const parts = await hostileParts(input);
  return parts === null ? null : hostedUpdate(parts, input);
}

/** Most fixtures are this but for one part. */
let honestUpdate: Promise<Parts> | null = null;

async function hostileParts(input: HostileInput): Promise<Parts | null> {
  honestUpdate ??= honestParts(hostileBase, hostileTarget);
  const honest = await honestUpdate;
  switch (input.kind) {
    case 'zip':
      return { ...honest, zip: input.bytes, plans: ['zip'] };
    case 'index':
      return { ...honest, index: input.encoded };
    case 'manifest':
      return { ...honest, manifest: input.bytes, plans: ['zip'] };
    case 'blob': {
      const delta = await deltaOfBlob(input);
      if (delta === null) return null;
      const around = await honestParts(releaseAround(input.base), releaseAround(input.target));
      return { ...around, index: encodeDeltaIndex(indexDelta(delta), 5), body: input.blob };
    }
    case 'swap':
      return { ...honest, plans: input.plan === 'zip' ? ['zip'] : honest.plans };
    default:
      return honest;
  }
}

async function honestParts(base: ReleaseBytes, target: ReleaseBytes): Promise<Parts> {
  const body = target[patchedPath] ?? new Uint8Array();
  const delta = await wholeDelta(base, target, body);
  return {
    base,
    target,
    index: encodeDeltaIndex(indexDelta(delta), 5),
    body,
    zip: zipOf(target),
    manifest: encodeManifest(delta.target),
    plans: ['delta', 'zip'],
  };
}

async function wholeDelta(base: ReleaseBytes, target: ReleaseBytes, body: Uint8Array): Promise<Delta> {
  const content = { sha256: digestOf(body), bytes: body.length };
  const blob = { object: content.sha256, offset: 0, ...content };
  return {
    base: await manifestOf(hostileBaseVersion, base),
    target: await manifestOf(hostileTargetVersion, target),
    objects: [{ digest: content.sha256, bytes: content.bytes }],
    derivations: [{ kind: 'whole', target: content, encoding: 'identity', blob }],
  };
}

async function hostedUpdate(parts: Parts, input: HostileInput): Promise<HostedUpdate> {
  const objects = new Map<string, Uint8Array>();
  const store = (bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    objects.set(digest, bytes);
    return { digest, bytes: bytes.length };
  };
  const baseManifest = await manifestOf(hostileBaseVersion, parts.base);
  const target = await manifestOf(hostileTargetVersion, parts.target);
  const stored = {
    index: store(parts.index),
    manifest: store(fastBrotli(parts.manifest)),
    zip: store(parts.zip),
    content: store(parts.target[patchedPath] ?? new Uint8Array()),
    body: store(parts.body),
    baseManifest: store(fastBrotli(encodeManifest(baseManifest))),
  };
  const honest = {
    check: checkAnswer(),
    plan: planAnswer(parts, { stored, baseManifest, target }),
    contents: { contents: [wholeContent(stored.content)] },
    identify: { application: 'erp', platform: 'any', candidates: [identified(baseManifest, stored.baseManifest)] },
  };
  const answers = new Map<string, HostileAnswer>();
  for (const [name, value] of Object.entries(honest)) {
    const answer = { body: Buffer.from(JSON.stringify(value)) };
    answers.set(name, input.kind === 'answer' && input.to === name ? input.answer(value) : answer);
  }
  const firstObject = parts.plans[0] === 'zip' ? stored.manifest.digest : stored.index.digest;
  return { base: parts.base, target: parts.target, firstObject, objects, answers };
}

interface Stored {
  readonly digest: Digest;
  readonly bytes: number;
}

const checkAnswer = () => ({
  update_available: true,
  application: 'erp',
  platform: 'any',
  current_version: hostileBaseVersion,
  latest_version: hostileTargetVersion,
});

interface Planning {
  readonly stored: Readonly<Record<'index' | 'manifest' | 'zip' | 'body', Stored>>;
  readonly baseManifest: Manifest;
  readonly target: Manifest;
}

function planAnswer(parts: Parts, { stored, baseManifest, target }: Planning) {
  const fetchOf = ({ digest, bytes }: Stored) => ({ digest, object_bytes: bytes, ranges: bytes === 0 ? [] : [[0, bytes]] });
  // It is never fetched; it makes the zip the dearer plan, however small the release is.
  const ballast = { digest: digestOf('ballast'), object_bytes: 8_000_000, ranges: [[0, 8_000_000]] };
  const offered = {
    delta: { kind: 'delta', label: 'delta', index: stored.index, fetches: [stored.index, stored.body].map(fetchOf) },
    zip: { kind: 'zip', label: 'full zip', fetches: [...[stored.manifest, stored.zip].map(fetchOf), ballast] },
  };
  const costs = { fetch_bytes: 1, requests: 1, cost_bytes: 1 };
  return {
    application: 'erp',
    platform: 'any',
    base: { version: hostileBaseVersion, manifest_digest: digestOf(encodeManifest(baseManifest)) },
    target: {
      version: hostileTargetVersion,
      manifest_digest: digestOf(parts.manifest),
      manifest: stored.manifest,
      zip: stored.zip,
      installed_bytes: manifestBytes(target),
    },
    plans: parts.plans.map((kind) => ({ ...offered[kind], ...costs })),
    losers: [],
  };
}

const wholeContent = ({ digest, bytes }: Stored) => ({
  sha256: digest,
  bytes,
  encoding: 'identity',
  object: digest,
  object_bytes: bytes,
  offset: 0,
  encoded_bytes: bytes,
  encoded_sha256: digest,
});

const identified = (manifest: Manifest, stored: Stored) => ({
  version: manifest.version,
  manifest_digest: digestOf(encodeManifest(manifest)),
  manifest: stored,
  matched: manifest.files.length,
  files: manifest.files.length,
});
