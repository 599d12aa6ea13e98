/** What is looked at every minute, by one server for all: what should have happened, and did not. */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { watchLicences } from '../accounts/watch-licences.js';
import { watchBackups } from '../backups/watch-backups.js';
import type { Db } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';
import { watchTerminals } from '../terminals/watch-terminals.js';
import type { JobKind } from './job-queue.js';
import { watchDeltas } from './watch-deltas.js';

export const watchFleetKind: JobKind<object> = {
  name: 'watch-fleet',
  isKeyed: true,
  retriesMax: 0,
  secondsMax: 300,
  cron: '* * * * *',
};

export interface WatchPorts {
  readonly db: Db;
  readonly notifier: Notifier;
  readonly silentHours: number;
  readonly log: FastifyBaseLogger;
}

const watchers: Readonly<Record<string, (ports: WatchPorts, now: Date) => Promise<unknown>>> = {
  licences: watchLicences,
  deltas: watchDeltas,
  backups: watchBackups,
  terminals: watchTerminals,
};

/** Every watcher looks, also when another one fails; what it could not tell it tells the next time. */
export async function watchFleet(ports: WatchPorts, now: Date): Promise<void> {
  for (const [watcher, watch] of Object.entries(watchers)) {
    await watch(ports, now).catch((error) =>
      ports.log.error({ event: 'watch_failed', watcher, errors: errorChain(error) }, 'a watch failed'),
    );
  }
}
