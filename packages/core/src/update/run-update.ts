/** The whole path on one screen: plan, download, stage, commit; each fallback says why. */
import { hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import { shownVersion } from '../manifest/version.js';
import { countText } from '../planner/number-text.js';
import { assertOneVolume } from '../transaction/assert-one-volume.js';
import { beginTransaction, type Install } from '../transaction/install.js';
import { findChanges, stagingBytes } from './changes.js';
import { chooseTarget } from './choose-target.js';
import { assertRoom, type DownloadedUpdate, downloadUpdate } from './download-update.js';
import { offerPlans, type PlanOffer, type UpdatePlan } from './offer-plans.js';
import { confirmUpdate } from './prove-committed.js';
import { assertMachine, type StagedUpdate } from './put-in-place.js';
import { isNoAnswer } from './server-api.js';
import { buildStagedFiles } from './stage-update.js';
import type { UpdateContext } from './update-context.js';
import type { PrepareResult, UpdateOptions } from './update-options.js';

/**
 * Failures that another plan would meet too, most of them after having fetched far more. A link or a server that fails is
 * among them: the next update goes on where this one stopped, while the full zip would take hours on a thin link.
 */
const isFinal = (error: unknown): boolean =>
  !isUpdaterError(error) ||
  isNoAnswer(error) ||
  hasCode(
    error,
    'STORAGE_NO_SPACE',
    'STORAGE_FAILED',
    'TRANSACTION_LOCKED',
    'TRANSACTION_FILE_HELD',
    'TRANSACTION_PATH_BLOCKED',
    'TRANSACTION_STATE',
    'RELEASE_NOT_FOUND',
    'RELEASE_NOT_OFFERED',
    'DOWNLOAD_REFUSED',
    'AUTH_REQUIRED',
    'LICENSE_EXPIRED',
    'LICENSE_SUSPENDED',
  );

/** The server's plans in the order of their cost, and the full zip last, whatever it costs. */
function ladder(plan: UpdatePlan): readonly PlanOffer[] {
  const deltas = plan.offers.filter((offer) => offer.kind === 'delta');
  const zips = plan.offers.filter((offer) => offer.kind === 'zip');
  return plan.offers[0]?.kind === 'zip' ? [...zips, ...deltas] : [...deltas, ...zips];
}

/**
 * Downloads and stages by the cheapest plan that works out. A committed update that has not proved itself is confirmed
 * only when the next one is here, ready to be staged.
 * @throws UpdaterError of the last plan when none does; the install root is as it was.
 */
export async function downloadAndStage(
  context: UpdateContext,
  install: Install,
  plan: UpdatePlan,
  signal?: AbortSignal,
): Promise<StagedUpdate> {
  if (install.transaction?.state === 'staged') await install.transaction.discard();
  return withFirstOffer(context, { plan, signal }, async (offer) => {
    const downloaded = await downloadUpdate(context, plan, offer, signal);
    if (install.transaction?.state === 'committed') await confirmUpdate(context, install.transaction, { keepsDownloads: true });
    return stageDownloaded(context, install, downloaded, signal);
  });
}

/** Downloads what an update would; see `Updater.prepare`. */
export async function prepareUpdate(
  context: UpdateContext,
  install: Install,
  options: Pick<UpdateOptions, 'version' | 'retry' | 'allowDowngrade' | 'signal'>,
): Promise<PrepareResult> {
  const { signal } = options;
  const chosen = await chooseTarget(context, options);
  if (chosen.kind !== 'chosen') return chosen;
  await assertOneVolume(context.host.fileSystem, context.layout);
  const allowDowngrade = options.allowDowngrade === true;
  const plan = await offerPlans(context, chosen.version, { allowDowngrade, ...(signal === undefined ? {} : { signal }) });
  await assertMachine(context, plan, signal);
  if (install.transaction?.state === 'begun') await install.transaction.discard();
  const offer = await withFirstOffer(context, { plan, signal }, async (one) => {
    await downloadUpdate(context, plan, one, signal);
    return one;
  });
  const installed = plan.installed.version === null ? null : shownVersion(plan.installed.version);
  return { kind: 'prepared', installed, version: chosen.version, plan: offer.label };
}

interface Trying {
  readonly plan: UpdatePlan;
  readonly signal: AbortSignal | undefined;
}

/** Tries the offers from the cheapest on until one works out; each fallback says why. */
async function withFirstOffer<T>(
  context: UpdateContext,
  { plan, signal }: Trying,
  use: (offer: PlanOffer) => Promise<T>,
): Promise<T> {
  const offers = ladder(plan);
  const [first] = offers;
  if (first === undefined) throw new UpdaterError('PLAN_IMPOSSIBLE', `the server has no plan that reaches ${plan.release.version}`);
  const losers = [
    ...offers.slice(1).map(({ label, cost }) => ({
      label,
      costBytes: cost.costBytes,
      reason: `${countText(cost.costBytes - first.cost.costBytes, 'byte')} dearer`,
    })),
    ...plan.losers,
  ];
  emitChosen(context, plan, { offer: first, losers });
  for (const [index, offer] of offers.entries()) {
    try {
      return await use(offer);
    } catch (error) {
      signal?.throwIfAborted();
      const next = offers[index + 1];
      if (next === undefined || isFinal(error)) throw error;
      const code = isUpdaterError(error) ? error.code : null;
      context.emit({ kind: 'plan-failed', label: offer.label, code, reason: (error as Error).message, next: next.label });
    }
  }
  throw new UpdaterError('PLAN_IMPOSSIBLE', 'no plan worked out');
}

function emitChosen(
  context: UpdateContext,
  { release, installed, base }: UpdatePlan,
  { offer, losers }: { readonly offer: PlanOffer; readonly losers: UpdatePlan['losers'] },
): void {
  const { application, platform, version, zip } = release;
  context.emit({
    kind: 'plan-chosen',
    application,
    platform,
    base: base.files.length === 0 ? (installed.version?.version ?? null) : base.version,
    version,
    zipBytes: zip.bytes,
    label: offer.label,
    cost: offer.cost,
    losers,
  });
}

/** Builds and verifies the target in staging. A failure discards the transaction and leaves the install root alone. */
export async function stageDownloaded(
  context: UpdateContext,
  install: Install,
  downloaded: DownloadedUpdate,
  signal?: AbortSignal,
): Promise<StagedUpdate> {
  const { plan, target } = downloaded;
  const changes = await findChanges(context, plan, target, signal);
  await assertRoom(context, stagingBytes(changes, downloaded.kind === 'delta' ? downloaded.derivations : []));
  const transaction = await beginTransaction(install, {
    base: plan.base.files.length === 0 ? null : { version: plan.base.version, manifestDigest: manifestDigest(plan.base) },
    target: { version: target.version, manifestDigest: manifestDigest(target) },
  });
  try {
    await buildStagedFiles(context, downloaded, { changes, transaction, ...(signal === undefined ? {} : { signal }) });
    await transaction.stage(changes.changes, signal === undefined ? {} : { signal });
  } catch (error) {
    await transaction.discard();
    throw error;
  }
  const bytes = changes.changes.reduce((sum, change) => sum + (change.target?.bytes ?? 0), 0);
  const changedFiles = changes.changes.length - changes.ownContents.size;
  context.emit({ kind: 'staged', files: changedFiles, bytes });
  return { plan, offer: downloaded.offer, transaction, changedFiles };
}
