import type { Tx } from '../database/open-database.js';
import type { JobKind, JobQueue } from '../jobs/job-queue.js';

/** A delivery that fails is tried again until it was tried so often. */
export const attemptsMax = 8;

/** Says that a delivery is due; whether it is says its row (see `claim-delivery.ts`). */
export const deliverNotificationKind: JobKind<{ readonly deliveryId: string }> = {
  name: 'deliver-notification',
  isKeyed: true,
  retriesMax: 3,
  secondsMax: 60,
};

export const enqueueDelivery = (queue: JobQueue, tx: Tx, deliveryId: string, afterSeconds = 0): Promise<void> =>
  queue.enqueue(tx, deliverNotificationKind, { deliveryId }, { key: deliveryId, afterSeconds });
