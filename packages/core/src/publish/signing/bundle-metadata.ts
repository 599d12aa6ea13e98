/** What makes the files of a repository a bundle's: see trust/bundle-metadata.ts for what it promises. */
import { Metadata, TargetFile, Targets, type Timestamp } from '@tufjs/models';
import { digestOf } from '../../hash/digest.js';
import { bundleIndex, bundleTimestamp } from '../../trust/release-targets.js';
import { encodeMetadata, lifetimeDays, signedOf } from './build-metadata.js';
import { signMetadata } from './sign-metadata.js';
import type { SigningKey } from './signing-key.js';

/**
 * `bundle.json` for a bundle that carries this timestamp, signed by the key that makes bundles: the online one. The
 * bundle also needs every root from the first on, the snapshot, the targets, and the roles and bins of its applications.
 * @param index what the bundle says it holds: signed with it.
 */
export function nextBundle(
  timestamp: Metadata<Timestamp>,
  { key, nowMs, index }: { readonly key: SigningKey; readonly nowMs: number; readonly index?: Uint8Array },
): Metadata<Targets> {
  const signed = signedOf(timestamp.signed.version, { nowMs, days: lifetimeDays.bundle });
  const targets = {
    [bundleTimestamp]: targetOf(bundleTimestamp, encodeMetadata(timestamp)),
    ...(index === undefined ? {} : { [bundleIndex]: targetOf(bundleIndex, index) }),
  };
  const metadata = new Metadata(new Targets({ ...signed, targets }));
  signMetadata(metadata, { keys: [key.publicKey], threshold: 1 }, [key]);
  return metadata;
}

const targetOf = (path: string, bytes: Uint8Array): TargetFile =>
  new TargetFile({ path, length: bytes.length, hashes: { sha256: digestOf(bytes) } });
