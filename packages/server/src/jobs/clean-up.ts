/** What is done away with once a day, by one server for all. The audit is kept for ever. */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { cleanCredentials } from '../accounts/clean-credentials.js';
import { serverActor } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db } from '../database/open-database.js';
import { cleanHistory } from '../history/clean-history.js';
import { cleanNotifications } from '../notifications/clean-notifications.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { collectGarbage } from '../releases/collect-garbage.js';
import { cleanSightings } from '../terminals/clean-sightings.js';
import type { JobKind } from './job-queue.js';

export const cleanUpKind: JobKind<object> = {
  name: 'clean-up',
  isKeyed: true,
  retriesMax: 0,
  secondsMax: 7_200,
  cron: '17 3 * * *',
};

export interface CleanPorts {
  readonly db: Db;
  readonly changes: Changes;
  readonly objects: ObjectStore;
  readonly historyDays: number;
  readonly log: FastifyBaseLogger;
  readonly signal: AbortSignal;
}

/** Longer than any upload takes. */
const uploadMsMax = 86_400_000;

const steps: Readonly<Record<string, (ports: CleanPorts, now: Date) => Promise<unknown>>> = {
  history: ({ db, historyDays, signal }, now) => cleanHistory(db, { historyDays, now, signal }),
  sightings: ({ db, historyDays, signal }, now) => cleanSightings(db, { historyDays, now, signal }),
  notifications: ({ db, historyDays, signal }, now) => cleanNotifications(db, { historyDays, now, signal }),
  credentials: ({ db }, now) => cleanCredentials(db, now),
  uploads: ({ objects }, now) => objects.removeUnfinished(new Date(now.getTime() - uploadMsMax)),
  garbage: (ports, now) =>
    collectGarbage(ports, { now, actor: serverActor('clean-up'), reason: 'daily clean-up', signal: ports.signal }),
};

/** Every step is made, also when another one fails; what is left goes the next day. */
export async function cleanUp(ports: CleanPorts, now: Date): Promise<void> {
  for (const [step, clean] of Object.entries(steps)) {
    if (ports.signal.aborted) return;
    try {
      const removed = await clean(ports, now);
      ports.log.info({ event: 'cleaned_up', step, removed }, 'cleaned up');
    } catch (error) {
      ports.log.error({ event: 'clean_up_failed', step, errors: errorChain(error) }, 'a step of the clean-up failed');
    }
  }
}
