/**
 * What an offline bundle holds, signed: releases, how each is reached from the bases that were named, and the metadata that
 * a terminal verifies all of it by. The objects are fetched by whoever writes the bundle, by digest like any others.
 */
import { codecNames, isUpdaterError, UpdaterError } from '@remendo/core';
import type { BundleAnswer, BundledRelease, BundleIndex, BundleRequest } from '@remendo/core/protocol';
import type { Principal } from '../accounts/principal.js';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import { describeRelease } from '../plans/check-for-update.js';
import type { CatalogueView } from '../releases/catalogue.js';
import { mayKnow, requireAccess, requireBuild, requireOffered } from '../releases/release-access.js';
import type { BuildRecord } from '../releases/release-records.js';
import { readZipSignature } from '../releases/zip-signature.js';
import type { AppPorts } from '../routes/app-ports.js';
import { addWay, anyBase, type BundleWays, basesOf, closedBy, floorsBelow } from './bundle-ways.js';

export type BundlePorts = Pick<AppPorts, 'config' | 'database' | 'changes' | 'catalogue' | 'plans' | 'deltaWishes' | 'signer'>;

export interface BundleOrder {
  readonly principal: Principal;
  readonly actor: Actor;
  readonly request: BundleRequest;
}

type AskedRelease = BundleRequest['releases'][number];

/** A bundle being put together. */
interface Making {
  readonly ports: BundlePorts;
  readonly view: CatalogueView;
  readonly principal: Principal;
  readonly ways: BundleWays;
  readonly leftOut: BundleAnswer['left_out'];
  readonly failures: UpdaterError[];
}

const indexBytesMax = 16 * 1024 * 1024;

/**
 * Every object that the bundle names can be fetched when this returns, and stays for a month.
 * @throws UpdaterError when nothing is left of what was asked for, why; LIMIT_EXCEEDED, REQUEST_INVALID.
 */
export async function makeBundle(ports: BundlePorts, { principal, actor, request }: BundleOrder): Promise<BundleAnswer> {
  const making: Making = { ports, view: await ports.catalogue.view(), principal, ways: new Map(), leftOut: [], failures: [] };
  for (const asked of request.releases) addRelease(making, asked);
  if (making.ways.size === 0) throw making.failures[0] ?? new UpdaterError('REQUEST_INVALID', 'nothing was asked for');
  const codecs = codecNames.filter((name) => request.codecs?.includes(name) ?? true);
  const releases: BundledRelease[] = [];
  for (const [target, bases] of making.ways) releases.push(await bundled(making, { target, bases, codecs }));
  const known = new Set([...making.ways.values()].flatMap((bases) => [...bases]));
  const index = Buffer.from(
    JSON.stringify({ format: 'remendo-bundle-index-1', releases, bases: [...known].map(baseOf) } satisfies BundleIndex),
  );
  if (index.length > indexBytesMax) throw new UpdaterError('LIMIT_EXCEEDED', 'so much does not fit into one bundle');
  const builds = [...new Set([...making.ways.keys(), ...known])];
  const metadata = await ports.changes.change([], async (tx) => {
    await recordAudit(tx, actor, {
      action: 'bundle_made',
      subjectKind: 'release',
      subject: releases
        .map(({ application, version }) => `${application} ${version}`)
        .join(', ')
        .slice(0, 1_000),
      detail: { bases: [...known].map(({ application, version }) => `${application} ${version}`) },
    });
    return ports.signer.signBundle(tx, { index, builds });
  });
  return {
    description: {
      format: 'remendo-bundle-1',
      index: index.toString(),
      metadata: [...metadata].map(([name, body]) => ({ name, body: Buffer.from(body).toString() })),
    },
    left_out: making.leftOut,
    under_way: [...making.ways].flatMap(([target, bases]) =>
      [...bases].filter((base) => making.view.isUnderWay(base, target)).map((base) => ({ ...nameOf(target), base: base.version })),
    ),
  };
}

const nameOf = ({ application, platform, version }: BuildRecord) => ({ application, platform, version });

const baseOf = (build: BuildRecord): BundleIndex['bases'][number] => ({
  ...nameOf(build),
  manifest_digest: build.manifest_digest,
  manifest: { digest: build.manifest_object, bytes: build.manifest_object_bytes },
});

/** One release and the ways to it; what is not to be had is told and left out. */
function addRelease(making: Making, asked: AskedRelease): void {
  const { view, principal, ports } = making;
  leavingOut(making, asked.application, asked.version, () => {
    const application = view.application(asked.application);
    const licensed = requireAccess(principal, application, ports.config.licenseGraceDays);
    const platform = view.platform(application, asked.platform);
    const target = requireBuild(view, principal, { application, platform, version: asked.version });
    requireOffered(target, principal, licensed);
    const closed = closedBy(target);
    if (closed !== null) throw closed;
    const { builds } = view.releases(application, platform);
    basesOf(making.ways, target);
    for (const base of asked.any_base === true ? anyBase(target, builds) : [])
      leavingOut(making, application.slug, base.version, () => addWay(making.ways, { base, target }, builds));
    for (const version of asked.bases ?? [])
      leavingOut(making, application.slug, version, () => {
        const base = requireBuild(view, principal, { application, platform, version });
        addWay(making.ways, { base, target }, builds);
      });
  });
}

function leavingOut({ leftOut, failures }: Making, application: string | undefined, version: string, add: () => void): void {
  try {
    add();
  } catch (error) {
    if (!isUpdaterError(error) || error.code.startsWith('AUTH_')) throw error;
    leftOut.push({ application: application ?? '', version, code: error.code, reason: error.message.slice(0, 1_000) });
    failures.push(error);
  }
}

interface Bundling {
  readonly target: BuildRecord;
  readonly bases: ReadonlySet<BuildRecord>;
  readonly codecs: Parameters<AppPorts['plans']['plan']>[1]['codecs'];
}

async function bundled({ ports, view, principal }: Making, { target, bases, codecs }: Bundling): Promise<BundledRelease> {
  const plans = [];
  for (const base of [...bases, null]) {
    if (base !== null) ports.deltaWishes.wish(base, target);
    plans.push(await ports.plans.plan(view, { base, target, codecs }));
  }
  const application = view.application(target.application);
  const floors = floorsBelow(target, view.releases(application, target.platform).builds);
  return {
    ...nameOf(target),
    ...describeRelease(target),
    mandatory: target.mandatory,
    floors: floors.filter((floor) => mayKnow(floor, principal)).map(({ version }) => version),
    ...(target.is_zip_signed ? { zip_signature: await readZipSignature(ports.database.db, target) } : {}),
    plans,
  };
}
