/** An update from the check to the proof, on one screen. */
import { UpdaterError } from '../errors.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import { shownVersion } from '../manifest/version.js';
import { assertOneVolume } from '../transaction/assert-one-volume.js';
import type { Install } from '../transaction/install.js';
import type { Transaction } from '../transaction/transaction.js';
import { checkServer } from './check-server.js';
import { chooseTarget } from './choose-target.js';
import { offerPlans, type UpdatePlan } from './offer-plans.js';
import { confirmUpdate, maintenance, type ProveOptions, proveCommitted } from './prove-committed.js';
import type { ApplicationStarter, HealthRule, RunningApplication, StartCommand } from './prove-start.js';
import { assertReady, putInPlace, runAfter, type StagedUpdate } from './put-in-place.js';
import { downloadAndStage } from './run-update.js';
import { isNoAnswer } from './server-api.js';
import type { UpdateContext } from './update-context.js';
import type { UpdateOptions, UpdateResult } from './update-options.js';

export interface RunOptions extends UpdateOptions {
  readonly install: Install;
  readonly starter: ApplicationStarter;
}

/** All stages in order; see `Updater.update`. */
export async function runUpdate(context: UpdateContext, options: RunOptions): Promise<UpdateResult> {
  const { install, signal } = options;
  const held = install.transaction?.heldBecause ?? null;
  if (held !== null) return goOnWithHeld(context, heldTransaction(install, held, options), options);
  const chosen = await chooseTarget(context, options);
  if (chosen.kind !== 'chosen') return chosen;
  await assertOneVolume(context.host.fileSystem, context.layout);
  const { version: target } = chosen;
  const allowDowngrade = options.allowDowngrade === true;
  const plan = await offerPlans(context, target, { allowDowngrade, ...(signal === undefined ? {} : { signal }) });
  await assertReady(context, plan, options);
  const staged = await downloadAndStage(context, install, plan, signal);
  await askAgain(context, staged, options);
  await putInPlace(context, staged, options);
  const base = plan.installed.version === null ? null : shownVersion(plan.installed.version);
  const { displayVersion: version } = plan;
  const result = await settle(context, staged.transaction, { ...options, base, version });
  if (result.kind === 'rolled-back') return result;
  const { changedFiles, offer } = staged;
  return { ...result, plan: offer.label, changedFiles, finalVersion: chosen.finalVersion };
}

type Settled =
  | {
      readonly kind: 'updated';
      readonly base: string | null;
      readonly version: string;
      readonly running: RunningApplication | null;
    }
  | Extract<UpdateResult, { kind: 'rolled-back' }>;

/** Proves a committed update, or confirms it, or leaves both to the next `launch`. */
async function settle(
  context: UpdateContext,
  transaction: Transaction,
  { base, version, ...options }: RunOptions & { readonly base: string | null; readonly version: string },
): Promise<Settled> {
  const updated = { kind: 'updated', base, version, running: null } as const;
  if (options.start === undefined) {
    if (options.awaitsLaunch !== true) await confirmUpdate(context, transaction);
    return updated;
  }
  const verdict = await proveCommitted(context, transaction, proving(options.starter, options.start, options.health));
  if (verdict.kind === 'rolled-back') return { kind: 'rolled-back', base, version, reason: verdict.reason };
  return { ...updated, running: verdict.running };
}

/** @throws UpdaterError INSTALL_MAINTENANCE unless somebody decided to go on. */
function heldTransaction({ transaction }: Install, held: string, { retry }: RunOptions): Transaction {
  if (transaction !== null && retry === true) return transaction;
  throw maintenance(transaction?.target.version ?? '', held);
}

/** What is left of a held update: the steps that have not ended, those of `finally`, and the proof. */
async function goOnWithHeld(context: UpdateContext, transaction: Transaction, options: RunOptions): Promise<UpdateResult> {
  await runAfter(context, transaction, options.signal);
  const { version } = transaction.target;
  const result = await settle(context, transaction, { ...options, base: transaction.base?.version ?? null, version });
  return result.kind === 'rolled-back' ? result : { ...result, plan: 'what was held', changedFiles: 0, finalVersion: null };
}

export const proving = (starter: ApplicationStarter, command: StartCommand, health?: HealthRule): ProveOptions => ({
  starter,
  command,
  ...(health === undefined ? {} : { health }),
});

const askAgainWaitMsDefault = 60_000;

/** Downloading may have taken days: a release that is no longer offered is not swapped in. */
async function askAgain(context: UpdateContext, staged: StagedUpdate, options: RunOptions): Promise<void> {
  const { signal, askAgainWaitMs = askAgainWaitMsDefault } = options;
  const [late, answered] = [new AbortController(), new AbortController()];
  const message = `the server did not answer within ${askAgainWaitMs} ms`;
  context.host.clock.sleep(askAgainWaitMs, answered.signal).then(
    () => late.abort(new UpdaterError('DOWNLOAD_FAILED', message)),
    () => undefined,
  );
  try {
    const until = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    await assertOffered(context, staged.plan, { ...options, signal: until });
  } catch (error) {
    // No answer is no withdrawal: everything that is needed is here.
    if (signal?.aborted !== true && isNoAnswer(error)) return;
    await staged.transaction.discard();
    throw error;
  } finally {
    answered.abort();
  }
}

/** Of a release that was asked for by its version, or that a newer one has replaced, only a plan tells. */
async function assertOffered(context: UpdateContext, { release, base }: UpdatePlan, options: RunOptions): Promise<void> {
  const { signal, version } = options;
  const found = await checkServer(context, options);
  if (found.kind === 'available' && found.version === release.version) return;
  if (version === undefined && found.kind !== 'available')
    throw new UpdaterError('RELEASE_NOT_OFFERED', `${release.version} is no longer offered`);
  const known = base.files.length === 0 ? null : base;
  const query = { base: known?.version ?? null, baseManifest: known === null ? null : manifestDigest(known) };
  await context.api.plan({ ...query, target: release.version }, signal);
}
