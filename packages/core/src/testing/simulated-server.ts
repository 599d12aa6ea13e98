/**
 * A server in memory behind a `fetch`: it publishes releases, makes patches between all of them, plans, and serves
 * ranges, with the library's own planner and formats. For tests of the update on any file system; what is peculiar to
 * HTTP is tested against real servers elsewhere.
 */
import { brotliCompressSync } from 'node:zlib';
import { bufferSource } from '../bytes/byte-source.js';
import type { Delta, DeltaObject, Derivation } from '../delta/delta.js';
import { encodeDeltaIndex } from '../delta/delta-index.js';
import { contentsOf, indexDelta } from '../delta/resolve-delta.js';
import { readSmallFile } from '../file-system/file-source.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { encodeManifest, manifestDigest } from '../manifest/encode-manifest.js';
import { emptyManifest, type Manifest, manifestBytes } from '../manifest/manifest.js';
import { compareVersions } from '../manifest/version.js';
import { type CodecName, isCodecName, unannouncedCodecs } from '../patch/codec-name.js';
import type { DeltaRecipe, ObjectFetch } from '../planner/plan.js';
import { nothingHeld, planCost } from '../planner/plan-cost.js';
import { planUpdate } from '../planner/plan-update.js';
import type {
  BlocksRequest,
  CheckAnswer,
  ContentsAnswer,
  ContentsRequest,
  IdentifyAnswer,
  IdentifyRequest,
  OfferedPlan,
  PlanAnswer,
} from '../protocol/index.js';
import type { BuildToSign } from '../publish/index.js';
import { pairContents } from '../publish/pair-contents.js';
import { scanFolder } from '../publish/scan-folder.js';
import { type ContentInZip, scanZip } from '../publish/scan-zip.js';
import { writeZip } from '../publish/write-zip.js';
import { encodeBsdiff40 } from './bsdiff40-encoder.js';
import { MemoryFileSystem } from './memory-file-system.js';
import { type SampleRelease, writeSample } from './sample-install.js';
import { answerBlocks } from './simulated-blocks.js';

interface Published {
  readonly manifest: Manifest;
  readonly stored: DeltaObject;
  readonly zip: DeltaObject;
  readonly contents: readonly ContentInZip[];
  readonly bytesOf: (sha256: Digest) => Uint8Array;
}

export interface SimulatedServer {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Every request's method and path. */
  readonly requests: string[];
  /** By digest; tests damage them here. */
  readonly objects: Map<Digest, Uint8Array>;
  /** Signed metadata, by the names below `/metadata/`; null: the server has none. */
  metadata: ReadonlyMap<string, Uint8Array> | null;
  /** What every release says of itself from now on. */
  requirements: Readonly<Record<string, string>>;
  rollbackCompatible: boolean;
  isMandatory: boolean;
  /** While true nothing answers. */
  isDown: boolean;
  publish(version: string, files: SampleRelease): Promise<Manifest>;
  withdraw(version: string): void;
  /** What there is to sign of a published release. */
  buildOf(version: string): BuildToSign;
}

const application = 'erp';
const platform = 'any';
const bytesMax = 2 ** 31;

export function createSimulatedServer(): SimulatedServer {
  const objects = new Map<Digest, Uint8Array>();
  const releases = new Map<string, Published>();
  const recipes: DeltaRecipe[] = [];
  const store = (bytes: Uint8Array): DeltaObject => {
    const digest = digestOf(bytes);
    objects.set(digest, bytes);
    return { digest, bytes: bytes.length };
  };
  const plans = new Map<string, PlanAnswer>();
  const server: SimulatedServer = {
    url: 'https://updates.example',
    requests: [],
    objects,
    metadata: null,
    requirements: {},
    rollbackCompatible: true,
    isMandatory: false,
    isDown: false,
    fetch: async (input, init) => {
      const request = new Request(input as Request, init);
      const url = new URL(request.url);
      server.requests.push(`${request.method} ${url.pathname}`);
      if (server.isDown) throw new TypeError('fetch failed');
      return answer(request, url);
    },
    async publish(version, files) {
      const release = await readRelease(version, files, store);
      for (const base of releases.values()) recipes.push(makeRecipe(base, release, store));
      releases.set(version, release);
      return release.manifest;
    },
    withdraw: (version) => void releases.delete(version),
    buildOf(version) {
      const release = releases.get(version);
      if (release === undefined) throw new Error(`${version} is not published`);
      const manifest = encodeManifest(release.manifest);
      return { application, platform, version, manifest: { digest: digestOf(manifest), bytes: manifest.length }, zip: release.zip };
    },
  };

  async function answer(request: Request, url: URL): Promise<Response> {
    const { pathname } = url;
    if (pathname.startsWith('/metadata/')) return answerMetadata(server.metadata?.get(decodeURIComponent(pathname.slice(10))));
    if (pathname.startsWith('/api/v1/objects/'))
      return answerObject(objects.get(pathname.slice(16) as Digest), request, pathname.slice(16));
    if (pathname === '/api/v1/updates/check') return Response.json(check(request.headers.get('x-client-version')));
    if (pathname === '/api/v1/updates/identify') return Response.json(identify((await request.json()) as IdentifyRequest));
    if (pathname === '/api/v1/updates/contents') return Response.json(contents((await request.json()) as ContentsRequest));
    if (pathname === '/api/v1/updates/blocks') return blocks((await request.json()) as BlocksRequest);
    const target = releases.get(url.searchParams.get('target') ?? '');
    if (pathname === '/api/v1/updates/plan' && target !== undefined)
      return Response.json(withPolicy(plan(releases.get(url.searchParams.get('base') ?? ''), target, codecsOf(url))));
    return Response.json({ type: 'about:blank', title: 'Not Found', status: 404, code: 'RELEASE_NOT_FOUND' }, { status: 404 });
  }

  function withPolicy(answer: PlanAnswer): PlanAnswer {
    const { requirements, rollbackCompatible: rollback_compatible } = server;
    return { ...answer, target: { ...answer.target, requirements, rollback_compatible } };
  }

  function check(version: string | null): CheckAnswer {
    const latest = [...releases.keys()].sort(compareVersions).at(-1) ?? null;
    const isNewer = latest !== null && (version === null || compareVersions(latest, version) > 0);
    const policy = isNewer ? { mandatory: server.isMandatory } : {};
    return { update_available: isNewer, application, platform, current_version: version, latest_version: latest, ...policy };
  }

  function identify({ files }: IdentifyRequest): IdentifyAnswer {
    const candidates = [...releases.values()].map(({ manifest, stored }) => {
      const known = new Set(manifest.files.map((file) => `${file.path} ${file.sha256}`));
      const matched = files.filter((file) => known.has(`${file.path} ${file.sha256}`)).length;
      return {
        version: manifest.version,
        manifest_digest: manifestDigest(manifest),
        manifest: stored,
        matched,
        files: manifest.files.length,
      };
    });
    return { application, platform, candidates: candidates.filter((candidate) => candidate.matched > 0) };
  }

  function contents(request: ContentsRequest): ContentsAnswer {
    const release = releases.get(request.version);
    const found = release?.contents.filter((content) => (request.contents as readonly string[]).includes(content.sha256)) ?? [];
    return {
      contents: found.map((content) => ({
        sha256: content.sha256,
        bytes: content.bytes,
        encoding: content.encoding,
        object: release?.zip.digest ?? '',
        object_bytes: release?.zip.bytes ?? 0,
        offset: content.offset,
        encoded_bytes: content.encodedBytes,
        encoded_sha256: content.encodedSha256,
      })),
    };
  }

  function blocks(request: BlocksRequest): Response {
    const release = releases.get(request.version);
    const held = new Set<string>(release?.contents.map(({ sha256 }) => sha256));
    const answer = answerBlocks(request, (sha256) => (held.has(sha256) ? (release?.bytesOf(sha256 as Digest) ?? null) : null));
    return answer === null ? notThere() : new Response(Buffer.from(answer));
  }

  /** Made once for each pair and the codecs of those who ask, as long as nothing is published. */
  function plan(base: Published | undefined, target: Published, codecs: readonly CodecName[]): PlanAnswer {
    const pair = `${base?.manifest.version} ${target.manifest.version} ${recipes.length} ${codecs}`;
    const known = plans.get(pair) ?? makePlan(base, target, codecs);
    plans.set(pair, known);
    return known;
  }

  function makePlan(base: Published | undefined, target: Published, codecs: readonly CodecName[]): PlanAnswer {
    const baseManifest = base?.manifest ?? emptyManifest(application, platform);
    const wholes = target.contents.map((content) => wholeInZip(content, target.zip));
    const known = [...objects].map(([digest, bytes]) => ({ digest, bytes: bytes.length }));
    const choice = planUpdate({
      held: new Set(contentsOf(baseManifest).map((content) => content.sha256)),
      wanted: contentsOf(target.manifest),
      derivations: [...recipes.flatMap((recipe) => recipe.derivations), ...wholes],
      objects: known,
      deltas: recipes,
      codecs: new Set(codecs),
      baseRelease: base?.manifest.version ?? null,
      targetRelease: target.manifest.version,
      zip: target.zip,
    });
    const plans = choice.plans.map((chosen): OfferedPlan => {
      if (chosen.kind === 'zip') return { kind: 'zip', label: chosen.label, ...priced([whole(target.stored), ...chosen.fetches]) };
      const used = new Set(chosen.derivations.map((derivation) => derivation.blob.object));
      const delta: Delta = {
        base: baseManifest,
        target: target.manifest,
        objects: known.filter((object) => used.has(object.digest)),
        derivations: chosen.derivations,
      };
      const index = store(encodeDeltaIndex(indexDelta(delta)));
      return { kind: 'delta', label: chosen.label, index, ...priced([whole(index), ...chosen.fetches]) };
    });
    return {
      application,
      platform,
      base: base === undefined ? null : { version: base.manifest.version, manifest_digest: manifestDigest(base.manifest) },
      target: {
        version: target.manifest.version,
        manifest_digest: manifestDigest(target.manifest),
        manifest: target.stored,
        zip: target.zip,
        installed_bytes: manifestBytes(target.manifest),
      },
      plans,
      losers: choice.losers.map(({ label, cost, reason }) => ({ label, cost_bytes: cost?.costBytes ?? null, reason })),
    };
  }

  return server;
}

const codecsOf = (url: URL): readonly CodecName[] =>
  url.searchParams.get('codecs')?.split(',').filter(isCodecName) ?? unannouncedCodecs;

const whole = (object: DeltaObject): ObjectFetch => ({
  digest: object.digest,
  objectBytes: object.bytes,
  ranges: [{ offset: 0, bytes: object.bytes }],
});

function priced(fetches: readonly ObjectFetch[]) {
  const cost = planCost(fetches, nothingHeld);
  return {
    fetches: fetches.map(({ digest, objectBytes, ranges }) => ({
      digest,
      object_bytes: objectBytes,
      ranges: ranges.map(({ offset, bytes }): [number, number] => [offset, bytes]),
    })),
    fetch_bytes: cost.fetchBytes,
    requests: cost.requests,
    cost_bytes: cost.costBytes,
  };
}

const wholeInZip = (content: ContentInZip, zip: DeltaObject): Derivation => ({
  kind: 'whole',
  target: { sha256: content.sha256, bytes: content.bytes },
  encoding: content.encoding,
  blob: { object: zip.digest, offset: content.offset, bytes: content.encodedBytes, sha256: content.encodedSha256 },
});

async function readRelease(version: string, files: SampleRelease, store: (bytes: Uint8Array) => DeltaObject): Promise<Published> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory('/release');
  await writeSample(disk, '/release', files);
  const identity = { application, platform, version };
  const folder = await scanFolder(disk, '/release', identity);
  await writeZip(disk, folder, '/release.zip');
  const zipBytes = (await readSmallFile(disk, '/release.zip', bytesMax)) ?? new Uint8Array();
  const { contents, zip } = await scanZip(bufferSource(zipBytes), identity);
  zip.close();
  const bytes = new Map<Digest, Uint8Array>();
  for (const file of folder.manifest.files) {
    bytes.set(file.sha256, (await readSmallFile(disk, folder.filePaths.get(file.path) ?? '', bytesMax)) ?? new Uint8Array());
  }
  return {
    manifest: folder.manifest,
    stored: store(brotliCompressSync(encodeManifest(folder.manifest))),
    zip: store(zipBytes),
    contents,
    bytesOf: (sha256) => bytes.get(sha256) ?? new Uint8Array(),
  };
}

/** One pack with a patch, or the whole content, for everything that is new; not small, but right. */
function makeRecipe(base: Published, target: Published, store: (bytes: Uint8Array) => DeltaObject): DeltaRecipe {
  const parts: { readonly derivation: (blob: Derivation['blob']) => Derivation; readonly bytes: Uint8Array }[] = [];
  for (const pair of pairContents(base.manifest, target.manifest)) {
    const bytes = target.bytesOf(pair.target.sha256);
    const { base: from } = pair;
    const add = Math.min(from?.bytes ?? 0, bytes.length);
    const patch =
      from === null || add === 0
        ? bytes
        : encodeBsdiff40(base.bytesOf(from.sha256), bytes, { parts: [{ basePosition: 0, add, copy: bytes.length - add }] });
    if (from === null || patch.length >= bytes.length) {
      parts.push({ bytes, derivation: (blob) => ({ kind: 'whole', target: pair.target, encoding: 'identity', blob }) });
      continue;
    }
    parts.push({
      bytes: patch,
      derivation: (blob) => ({ kind: 'patch', codec: 'bsdiff40', bases: [from], targets: [pair.target], blob }),
    });
  }
  const pack = store(Buffer.concat(parts.map((part) => part.bytes)));
  let offset = 0;
  const derivations = parts.map(({ bytes, derivation }) => {
    const made = derivation({ object: pack.digest, offset, bytes: bytes.length, sha256: digestOf(bytes) });
    offset += bytes.length;
    return made;
  });
  return { base: base.manifest.version, target: target.manifest.version, derivations };
}

const notThere = (): Response =>
  Response.json({ status: 404, code: 'DOWNLOAD_NOT_FOUND', title: 'Not Found', type: 'about:blank' }, { status: 404 });

const answerMetadata = (bytes: Uint8Array | undefined): Response =>
  bytes === undefined ? notThere() : new Response(Buffer.from(bytes));

function answerObject(object: Uint8Array | undefined, request: Request, digest: string): Response {
  if (object === undefined) return notThere();
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get('range') ?? '');
  const headers = { etag: `"${digest}"`, 'accept-ranges': 'bytes' };
  if (range === null)
    return new Response(Buffer.from(object), { headers: { ...headers, 'content-length': String(object.length) } });
  const [start, end] = [Number(range[1]), Number(range[2])];
  const part = Buffer.from(object.subarray(start, end + 1));
  return new Response(part, {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start}-${end}/${object.length}`, 'content-length': String(part.length) },
  });
}
