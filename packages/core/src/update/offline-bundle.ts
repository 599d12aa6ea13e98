/**
 * A bundle in the place of the server and in front of it: what `createUpdater` works with when it is given one. The folder is
 * opened when it is first asked; one that could not be read is tried again.
 */
import { folderObjectSource } from '../download/folder-object-source.js';
import type { ObjectRequest, ObjectSource } from '../download/object-source.js';
import { hasCode, UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { openBundleTrust } from '../trust/bundle-metadata.js';
import type { ReleaseTrust } from '../trust/release-trust.js';
import type { SignedTrust, SignedTrustOptions } from '../trust/signed-trust.js';
import { type BundleServerApiOptions, bundleServerApi } from './bundle-server-api.js';
import { type Bundle, bundleDescriptionPath, readBundle } from './open-bundle.js';
import type { ServerApi } from './server-api.js';

export interface OfflineBundleOptions {
  readonly fileSystem: FileSystem;
  /** The one that `remendo bundle` wrote; read, and never written to. */
  readonly folder: string;
  /** See `folderPieces`. */
  readonly pieceBytes?: number;
}

export interface OfflineBundle {
  /** What it says it holds; signed, but not verified by this. @throws UpdaterError BUNDLE_INVALID, TRUST_INVALID. */
  read(): Promise<Bundle>;
  readonly source: ObjectSource;
  api(options: Pick<BundleServerApiOptions, 'channel' | 'asking' | 'hasOthers'>): ServerApi;
  /** Verified as online, with a freshness of its own: see trust/bundle-metadata.ts. */
  trust(options: Omit<SignedTrustOptions, 'source' | 'bundle'>): ReleaseTrust;
}

export function offlineBundle(options: OfflineBundleOptions): OfflineBundle {
  const { fileSystem, folder } = options;
  let opened: Promise<Bundle> | null = null;
  const read = (): Promise<Bundle> => {
    opened ??= readBundle(fileSystem, folder).catch((error) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  return {
    read,
    source: stickSource(options),
    api: (asked) => bundleServerApi({ ...options, ...asked, index: async () => (await read()).index }),
    trust: (trustOptions) => lazyTrust(async () => openBundleTrust((await read()).metadata, trustOptions)),
  };
}

/**
 * What can not be read on a stick that is still there is damaged: another plan may do without it. One that was pulled out
 * ends the update, which goes on when it is back.
 */
function stickSource(options: OfflineBundleOptions): ObjectSource {
  const source = folderObjectSource(options);
  return {
    name: `bundle ${options.folder}`,
    async *open(request: ObjectRequest) {
      try {
        yield* source.open(request);
      } catch (cause) {
        if (!hasCode(cause, 'DOWNLOAD_FAILED') || !(await isThere(options))) throw cause;
        throw new UpdaterError('DOWNLOAD_NOT_FOUND', 'an object of the bundle is damaged', {
          details: { digest: request.digest, folder: options.folder },
          cause,
        });
      }
    },
  };
}

async function isThere({ fileSystem, folder }: OfflineBundleOptions): Promise<boolean> {
  const stat = await fileSystem.stat(bundleDescriptionPath(folder)).catch(() => null);
  return stat?.kind === 'file';
}

function lazyTrust(open: () => Promise<SignedTrust>): ReleaseTrust {
  return {
    kind: 'signed',
    refresh: async (signal) => (await open()).refresh(signal),
    verifyRelease: async (claim, signal) => (await open()).verifyRelease(claim, signal),
    verifyManifest: async (claim, signal) => (await open()).verifyManifest(claim, signal),
    status: async () => (await open()).status(),
  };
}
