/** What a bundle needs of the server's objects: the cheapest way from each base, and the full zip as the last resort. Pure. */
import { type DeltaObject, type Digest, UpdaterError } from '@remendo/core';
import type { BundledRelease, BundleIndex, BundleRequest } from '@remendo/core/protocol';

type AskedRelease = BundleRequest['releases'][number];

/** One way to a release, as a person is told of it. */
export interface BundledWay {
  readonly application: string;
  readonly platform: string;
  /** Null: whatever a terminal has. */
  readonly base: string | null;
  readonly version: string;
  readonly label: string;
  readonly kind: 'delta' | 'zip';
  /** That a terminal reads on its way. */
  readonly readBytes: number;
}

export interface NeededObjects {
  readonly objects: readonly DeltaObject[];
  readonly ways: readonly BundledWay[];
}

/** @param options.hasZip false: only where a way needs it. @throws UpdaterError BUNDLE_INVALID for a release without a plan. */
export function neededObjects({ releases, bases }: BundleIndex, { hasZip }: { readonly hasZip: boolean }): NeededObjects {
  const objects = new Map<Digest, DeltaObject>();
  const need = (digest: string, bytes: number): void => void objects.set(digest as Digest, { digest: digest as Digest, bytes });
  const ways: BundledWay[] = [];
  for (const release of releases) {
    for (const { base, target, plans } of release.plans) {
      const plan = base === null && hasZip ? (plans.find(({ kind }) => kind === 'zip') ?? plans[0]) : plans[0];
      if (plan === undefined) throw new UpdaterError('BUNDLE_INVALID', `the server has no plan to ${release.version}`);
      for (const fetch of plan.fetches) need(fetch.digest, fetch.object_bytes);
      need(target.manifest.digest, target.manifest.bytes);
      if (hasZip) need(target.zip.digest, target.zip.bytes);
      ways.push({
        ...wayOf(release),
        base: base?.version ?? null,
        label: plan.label,
        kind: plan.kind,
        readBytes: plan.fetch_bytes,
      });
    }
  }
  for (const { manifest } of bases) need(manifest.digest, manifest.bytes);
  return { objects: [...objects.values()], ways };
}

const wayOf = ({ application, platform, version }: BundledRelease) => ({ application, platform, version });

/** What was asked for now, and what the folder holds already: one bundle for all of it. */
export function mergedReleases(held: BundleIndex | null, asked: AskedRelease): AskedRelease[] {
  const others = (held?.releases ?? []).map(
    ({ application, platform, version, plans }): AskedRelease => ({
      application,
      platform,
      version,
      bases: plans.flatMap(({ base }) => (base === null ? [] : [base.version])),
    }),
  );
  const same = others.find((one) => isSame(one, asked));
  const bases = [...new Set([...(asked.bases ?? []), ...(same?.bases ?? [])])];
  return [{ ...asked, bases }, ...others.filter((one) => one !== same)];
}

const isSame = (one: AskedRelease, asked: AskedRelease): boolean =>
  one.application === asked.application &&
  one.version === asked.version &&
  (asked.platform === undefined || asked.platform === one.platform);
