/**
 * Metadata that an offline bundle carries: the files of a repository as they were when it was made, and `bundle.json`,
 * signed by the role `bundle` that the targets delegate, which names that timestamp and has an expiry of its own.
 *
 * Signatures, versions and hashes hold as they do online, and floors are kept and raised; freshness is weaker. Timestamp
 * and snapshot hold for days, and a bundle travels for weeks: their expiry is held against the time at which the bundle
 * was signed, and the bundle's against the terminal's. What was withdrawn in between is not known to it.
 */
import type { Metadata, Targets } from '@tufjs/models';
import { UpdaterError } from '../errors.js';
import { digestOf } from '../hash/digest.js';
import { mapMetadataSource } from './metadata-source.js';
import { parseMetadata, signedAtMs } from './parse-metadata.js';
import { bundleIndex, bundleRole, bundleTimestamp } from './release-targets.js';
import type { BundleFreshness } from './release-trust.js';
import { type BundleCheck, SignedTrust, type SignedTrustOptions } from './signed-trust.js';

export const bundleFile = 'bundle.json';

/**
 * Holds what a bundle says it holds against what `bundle.json` names; that `bundle.json` itself is signed is what a trust
 * opened by it verifies before it lets a release through.
 * @throws UpdaterError TRUST_INVALID.
 */
export function assertBundleIndex(files: ReadonlyMap<string, Uint8Array>, index: Uint8Array): void {
  assertNamed(parseBundle(files), bundleIndex, index);
}

function parseBundle(files: ReadonlyMap<string, Uint8Array>): Metadata<Targets> {
  const bytes = files.get(bundleFile);
  if (bytes === undefined) throw new UpdaterError('TRUST_INVALID', `there is no ${bundleFile} in the bundle`);
  return parseMetadata('targets', bytes);
}

function assertNamed(bundle: Metadata<Targets>, path: string, bytes: Uint8Array): void {
  const named = bundle.signed.targets[path];
  if (named?.hashes.sha256 === digestOf(bytes) && named.length === bytes.length) return;
  throw new UpdaterError('TRUST_INVALID', `the bundle carries another ${path} than the one it names`);
}

/**
 * Trust in releases by what a bundle carries.
 * @param files `bundle.json`, `timestamp.json`, `2.root.json`, …: a terminal that knows newer ones refuses older ones.
 * @throws UpdaterError TRUST_INVALID when the bundle says nothing of itself.
 */
export function openBundleTrust(
  files: ReadonlyMap<string, Uint8Array>,
  options: Omit<SignedTrustOptions, 'source' | 'bundle'>,
): SignedTrust {
  return new SignedTrust({ ...options, source: mapMetadataSource(files), bundle: checkOf(parseBundle(files)) });
}

function checkOf(bundle: Metadata<Targets>): BundleCheck {
  const freshness = { signedAtMs: signedAtMs(bundle.signed), expiresMs: Date.parse(bundle.signed.expires) };
  return {
    freshness,
    async verify(session, now) {
      assertSigned(bundle, session.trusted.getRole('targets'));
      if (bundle.signed.isExpired(now))
        throw new UpdaterError('TRUST_EXPIRED', `the bundle expired ${bundle.signed.expires} and has to be made again`);
      const { timestamp = '' } = await session.files();
      assertNamed(bundle, bundleTimestamp, Buffer.from(timestamp));
    },
  };
}

function assertSigned(bundle: Metadata<Targets>, targets: Metadata<Targets> | undefined): void {
  try {
    if (targets === undefined) throw new TypeError('there are no trusted targets');
    targets.verifyDelegate(bundleRole, bundle);
  } catch (cause) {
    throw new UpdaterError('TRUST_INVALID', 'the bundle is not signed by who may make bundles', { cause });
  }
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** For whoever looks at the output of an install from a bundle. */
export const describeFreshness = ({ signedAtMs: signed, expiresMs }: BundleFreshness): string =>
  `as of ${dayOf(signed)}, when the bundle was made; it expires ${dayOf(expiresMs)}, and knows nothing of what was withdrawn since`;
