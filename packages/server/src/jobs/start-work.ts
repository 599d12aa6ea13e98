/** The jobs of one process: builds deltas, tells people, watches, cleans up; and frees what dead processes held. */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { announceRelease, announceReleaseKind } from '../notifications/announce-release.js';
import { sweepDeliveries } from '../notifications/claim-delivery.js';
import { deliverNotification } from '../notifications/deliver-notification.js';
import { deliverNotificationKind } from '../notifications/deliver-notification-kind.js';
import { openSenders } from '../notifications/open-senders.js';
import { warmPlans } from '../plans/warm-plans.js';
import type { AppPorts } from '../routes/app-ports.js';
import { renewMetadata, renewMetadataKind } from '../signing/renew-metadata.js';
import { buildDeltaJob } from './build-delta-job.js';
import { buildDeltaKind } from './build-delta-kind.js';
import { sweepDeltas, workerName } from './claim-delta.js';
import { cleanUp, cleanUpKind } from './clean-up.js';
import { watchFleet, watchFleetKind } from './watch-fleet.js';

const sweepMs = 15_000;
/** At the same time: one webhook that answers nothing must not hold up everybody's mail. */
const deliveriesMax = 4;

export interface StartWorkOptions {
  /** Builds lie here; it is this process's own. */
  readonly folder: string;
  readonly log: FastifyBaseLogger;
}

/** @returns what stops: running builds are given back, so that others go on with them. */
export async function startWork(ports: AppPorts, { folder, log }: StartWorkOptions): Promise<() => Promise<void>> {
  const { config, database, queue } = ports;
  const stopping = new AbortController();
  await startTelling(ports, { log, signal: stopping.signal });
  const sweep = (all: boolean): Promise<void> =>
    database.db.transaction().execute(async (tx) => {
      await sweepDeltas(tx, queue, { all });
      await sweepDeliveries(tx, queue);
    });
  // Nobody else can be building for a database of this process alone.
  await sweep(!database.isShared);
  const timer = setInterval(() => {
    sweep(false).catch((error) =>
      log.warn({ event: 'sweep_failed', errors: errorChain(error) }, 'what dead processes held could not be freed'),
    );
  }, sweepMs);
  const building = {
    ...ports,
    workFolder: folder,
    buildMsMax: config.deltaBuildMsMax,
    profile: config.patchProfile,
    isQuickFirst: config.quickPatches === 'on',
    budgetBytes: config.deltaBudgetBytes,
    worker: workerName(),
    log,
    signal: stopping.signal,
  };
  await queue.work(buildDeltaKind, config.deltaWorkers, async () => {
    const built = await buildDeltaJob(building);
    if (built !== null && !stopping.signal.aborted) await warmPlans({ ...ports, db: database.db }, built);
  });
  return async () => {
    clearInterval(timer);
    stopping.abort(new Error('the server is being stopped'));
  };
}

interface Telling {
  readonly log: FastifyBaseLogger;
  readonly signal: AbortSignal;
}

/** Notifications, what there is to notify of, and the daily clean-up. @throws UpdaterError CONFIG_INVALID. */
async function startTelling(
  { config, database, changes, queue, notifier, objects, signer, metadata }: AppPorts,
  { log, signal }: Telling,
): Promise<void> {
  const { db } = database;
  const { silentHours, historyDays } = config;
  const delivering = { db, queue, senders: openSenders(config), log, signal };
  await queue.work(deliverNotificationKind, deliveriesMax, async ({ deliveryId }) => {
    await deliverNotification(delivering, deliveryId);
  });
  await queue.work(announceReleaseKind, 1, (announcement) => announceRelease({ db, queue, notifier }, announcement));
  await queue.work(watchFleetKind, 1, () => watchFleet({ db, notifier, silentHours, log }, new Date()));
  await queue.work(renewMetadataKind, 1, () => renewMetadata({ changes, signer, metadata, log }, new Date()));
  await queue.work(cleanUpKind, 1, () => cleanUp({ db, changes, objects, historyDays, log, signal }, new Date()));
}
