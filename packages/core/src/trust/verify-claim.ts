/** What a server says a release is, held against the targets that signed metadata names. */
import type { TargetFile } from '@tufjs/models';
import { UpdaterError } from '../errors.js';
import { type Digest, isDigest } from '../hash/digest.js';
import { limits } from '../limits.js';
import { compareVersions, isSemver } from '../manifest/version.js';
import type { TufSession } from './node-tuf-session.js';
import { applicationRole, binOf, manifestTarget, zipTarget } from './release-targets.js';
import type { ReleaseClaim, VerifiedManifest, VerifiedRelease } from './release-trust.js';

/** @throws UpdaterError TRUST_RELEASE_UNSIGNED. */
export async function verifyClaim(session: TufSession, claim: ReleaseClaim): Promise<VerifiedRelease> {
  const manifest = await requireManifest(session, claim);
  const zip = await requireTarget(session, claim, zipTarget(claim));
  if (zip.hashes.sha256 !== claim.zip.digest || zip.length !== claim.zip.bytes) throw unsigned(claim, 'with another zip');
  const from = manifest.custom.downgrade_from;
  return {
    ...claim,
    manifest: manifestOf(manifest),
    mayReplace: (installed: string) => typeof from === 'string' && isSemver(from) && compareVersions(installed, from) <= 0,
  } as VerifiedRelease;
}

export type ManifestClaim = Omit<ReleaseClaim, 'zip'>;

export async function requireManifest(session: TufSession, claim: ManifestClaim): Promise<TargetFile> {
  const manifest = await requireTarget(session, claim, manifestTarget(claim));
  if (manifest.hashes.sha256 !== claim.manifestDigest) throw unsigned(claim, 'with another manifest');
  return manifest;
}

export const manifestOf = ({ hashes, length }: TargetFile): VerifiedManifest => ({
  digest: hashes.sha256 as Digest,
  bytesMax: Math.min(length, limits.manifestBytesMax),
});

const unsigned = (claim: ManifestClaim, how: string): UpdaterError => {
  const { application, platform, version } = claim;
  return new UpdaterError(
    'TRUST_RELEASE_UNSIGNED',
    `${application} ${version} for ${platform} is announced ${how} than the one that is signed`,
    {
      details: { application, platform, version },
    },
  );
};

async function requireTarget(session: TufSession, claim: ManifestClaim, name: string): Promise<TargetFile> {
  const { application, platform, version } = claim;
  const { snapshot } = session.trusted;
  const roles = [applicationRole(application), binOf(application, name)];
  const isListed = roles.every((role) => snapshot !== undefined && Object.hasOwn(snapshot.signed.meta, `${role}.json`));
  const target = isListed ? await session.target(name) : null;
  if (target === null || !isDigest(target.hashes.sha256 ?? '')) {
    throw new UpdaterError('TRUST_RELEASE_UNSIGNED', `no trusted key signed ${application} ${version} for ${platform}`, {
      details: { application, platform, version },
    });
  }
  return target;
}
