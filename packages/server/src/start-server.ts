/** Puts the server together on a data folder: lock, database, objects, queue, routes, port; and takes it apart again. */
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { buildApp } from './app.js';
import type { ServerConfig } from './config.js';
import { lockDataFolder } from './database/lock-data-folder.js';
import { openDatabase } from './database/open-database.js';
import { buildDeltaJob } from './jobs/build-delta-job.js';
import { DeltaQueue } from './jobs/delta-queue.js';
import { DiskObjectStore } from './object-store/disk-object-store.js';
import { ensurePublisherToken } from './operators/publisher-token.js';
import { PlanService } from './plans/plan-service.js';
import { warmPlans } from './plans/warm-plans.js';
import { ManifestReader } from './releases/manifest-object.js';
import { VersionsFolder } from './releases/versions-folder.js';

export interface RunningServer {
  /** Where it answers: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The publisher's token in the clear, when it was made at this start. */
  readonly madeToken: string | null;
  /** Stops: no new requests, running downloads finish within the configured time, builds are given back. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly config: ServerConfig;
  readonly log: FastifyBaseLogger;
  /** Called when the data folder was taken over or the database broke down: the process has to end at once. */
  readonly onBroken: (error: Error) => void;
}

/** @throws UpdaterError SERVER_DATA_LOCKED, STORAGE_…; or what the network refuses (EADDRINUSE). */
export async function startServer({ config, log, onBroken }: StartOptions): Promise<RunningServer> {
  const closers: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse())
      await close().catch((error) => log.error({ event: 'close_failed', err: error }, 'not closed'));
  };
  try {
    closers.push(await lockDataFolder(config.dataFolder, onBroken));
    const workFolder = join(config.dataFolder, 'work');
    await rm(workFolder, { recursive: true, force: true });
    const database = await openDatabase(join(config.dataFolder, 'database'), onBroken);
    closers.push(() => database.close());
    const madeToken = await ensurePublisherToken(database.db, config.token);
    const objects = new DiskObjectStore(config.dataFolder);
    const versions = new VersionsFolder({ db: database.db, objects, defaultApplication: config.defaultApplication, log });
    await versions.write();
    const manifests = new ManifestReader(objects);
    const deltas = await DeltaQueue.open({
      database,
      log,
      workers: config.deltaWorkers,
      expireSeconds: Math.ceil(config.deltaBuildMsMax / 1_000) + 300,
    });
    const stopping = new AbortController();
    closers.push(() => deltas.close());
    closers.push(async () => stopping.abort(new Error('the server is being stopped')));
    const plans = new PlanService({ db: database.db, objects, manifests, log });
    const app = await buildApp(
      { config, database, objects, manifests, plans, deltas, versions, uploadsFolder: join(workFolder, 'uploads') },
      log,
    );
    closers.push(() => closeWithin(app, config.shutdownMs));
    await app.listen({ port: config.port, host: config.host });
    const build = {
      database,
      objects,
      manifests,
      workFolder: join(workFolder, 'deltas'),
      buildMsMax: config.deltaBuildMsMax,
      profile: config.patchProfile,
      log,
    };
    await deltas.work(async (deltaId) => {
      await buildDeltaJob({ ...build, signal: stopping.signal }, deltaId);
      if (!stopping.signal.aborted) await warmPlans({ db: database.db, plans }, deltaId);
    });
    return { url: urlOf(app.server.address() as AddressInfo, config.host), madeToken, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Closing waits for answers that are being sent; what is not sent in time is cut off, and terminals resume elsewhere. */
async function closeWithin(app: Awaited<ReturnType<typeof buildApp>>, ms: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), ms);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

function urlOf({ port }: AddressInfo, host: string): string {
  const named = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${named.includes(':') ? `[${named}]` : named}:${port}`;
}
