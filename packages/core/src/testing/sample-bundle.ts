/** An offline bundle of a simulated server's releases, as `remendo bundle` would write it; open to be made hostile. */
import { dirname } from 'node:path';
import { folderPieces } from '../download/folder-object-source.js';
import { withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { codecNames } from '../patch/codec-name.js';
import type { BundleDescription, BundledRelease, BundleIndex, PlanAnswer } from '../protocol/index.js';
import { encodeMetadata, nextBundle, type SigningKey } from '../publish/index.js';
import { bundleDescriptionPath } from '../update/open-bundle.js';
import type { SignedRepository } from './signed-repository.js';
import type { SimulatedServer } from './simulated-server.js';

export interface SampleBundle {
  readonly server: SimulatedServer;
  readonly repository: SignedRepository;
  readonly releases: readonly {
    readonly version: string;
    readonly bases?: readonly string[];
    readonly floors?: readonly string[];
  }[];
  /** See `folderPieces`. */
  readonly pieceBytes?: number;
  /** Default: the key that makes bundles. */
  readonly key?: SigningKey;
  /** Changed before it is signed. */
  readonly changeIndex?: (index: BundleIndex) => void;
}

/** Objects and description in the folder. @returns what the folder says of itself. */
export async function writeSampleBundle(fileSystem: FileSystem, folder: string, bundle: SampleBundle): Promise<BundleDescription> {
  const index = await indexOf(bundle);
  for (const { digest, bytes } of objectsOf(index, bundle.server)) {
    for (const piece of folderPieces(folder, { digest, bytes: bytes.length }, bundle.pieceBytes))
      await writeFile(fileSystem, piece.path, bytes.subarray(piece.offset, piece.offset + piece.bytes));
  }
  bundle.changeIndex?.(index);
  const description = describe(index, bundle);
  await writeDescription(fileSystem, folder, description);
  return description;
}

export const writeDescription = (fileSystem: FileSystem, folder: string, description: object): Promise<void> =>
  writeFile(fileSystem, bundleDescriptionPath(folder), Buffer.from(JSON.stringify(description)));

async function writeFile(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  await fileSystem.makeDirectory(dirname(path));
  await withFile(fileSystem, path, { mode: 'create' }, async (file) => {
    await file.write(0, bytes);
    await file.sync();
  });
}

async function planOf({ server }: SampleBundle, base: string | null, target: string): Promise<PlanAnswer> {
  const query = new URLSearchParams({ target, codecs: codecNames.join(','), ...(base === null ? {} : { base }) });
  return (await (await server.fetch(`${server.url}/api/v1/updates/plan?${query}`)).json()) as PlanAnswer;
}

async function indexOf(bundle: SampleBundle): Promise<BundleIndex> {
  const releases: BundledRelease[] = [];
  const bases: BundleIndex['bases'] = [];
  for (const { version, bases: from = [], floors = [] } of bundle.releases) {
    const plans = [];
    for (const base of [...from, null]) plans.push(structuredClone(await planOf(bundle, base, version)));
    releases.push({
      application: 'erp',
      platform: 'any',
      version,
      type: 'stable',
      title: '',
      changelog: '',
      breaking_changes: '',
      requires_backup: false,
      requires_downtime: false,
      rollback_compatible: true,
      mandatory: false,
      requirements: {},
      floors: [...floors],
      plans,
    });
    for (const base of from) {
      const { target } = await planOf(bundle, null, base);
      const { manifest_digest, manifest } = target;
      bases.push({ application: 'erp', platform: 'any', version: base, manifest_digest, manifest });
    }
  }
  return { format: 'remendo-bundle-index-1', releases, bases };
}

function objectsOf({ releases, bases }: BundleIndex, { objects }: SimulatedServer) {
  const plans = releases.flatMap((release) => release.plans);
  const digests = new Set([
    ...plans.flatMap((plan) => plan.plans.flatMap(({ fetches }) => fetches.map(({ digest }) => digest))),
    ...plans.flatMap(({ target }) => [target.manifest.digest, target.zip.digest]),
    ...bases.map(({ manifest }) => manifest.digest),
  ]);
  return [...digests].map((digest) => ({ digest: digest as Digest, bytes: objects.get(digest as Digest) ?? new Uint8Array() }));
}

function describe(index: BundleIndex, { repository, key = repository.keys.online }: SampleBundle): BundleDescription {
  const { files, online, nowMs } = repository;
  if (online === null) throw new Error('nothing is served');
  const text = JSON.stringify(index);
  const made = encodeMetadata(nextBundle(online.timestamp, { key, nowMs, index: Buffer.from(text) }));
  const metadata = [...files, ['bundle.json', made] as const];
  return {
    format: 'remendo-bundle-1',
    index: text,
    metadata: metadata.map(([name, bytes]) => ({ name, body: Buffer.from(bytes).toString() })),
  };
}
