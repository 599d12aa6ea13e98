/** Puts the server together: lock, database, objects, queue, routes, port; and takes it apart again. */
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { ensureFirstOperator } from './accounts/first-operator.js';
import { SignIn } from './accounts/sign-in.js';
import { buildApp } from './app.js';
import type { ServerConfig } from './config.js';
import { Changes } from './database/changes.js';
import { makeDataFolder } from './database/data-folder.js';
import { lockDataFolder } from './database/lock-data-folder.js';
import { type DatabaseLocation, openDatabase } from './database/open-database.js';
import { DeltaWishes } from './jobs/delta-wishes.js';
import { jobKinds } from './jobs/job-kinds.js';
import { JobQueue } from './jobs/job-queue.js';
import { startWork } from './jobs/start-work.js';
import { startEmbeddedMetrics } from './metrics/embedded-metrics.js';
import { Metrics } from './metrics/metrics.js';
import { fleetReader } from './metrics/read-fleet.js';
import { Notifier } from './notifications/notifier.js';
import { type ObjectStoreOptions, openObjectStore } from './object-store/open-object-store.js';
import { PlanService } from './plans/plan-service.js';
import { readTls, reloadTls } from './plugins/tls.js';
import { Catalogue } from './releases/catalogue.js';
import { ManifestReader } from './releases/manifest-object.js';
import { VersionsFolder } from './releases/versions-folder.js';
import { readOpenPgpKeys } from './releases/zip-signature.js';
import type { AppPorts } from './routes/app-ports.js';
import { MetadataFolder } from './signing/metadata-folder.js';
import { readPassphrase, ServerKeys } from './signing/server-keys.js';
import { Signer } from './signing/signer.js';
import { Sightings } from './terminals/sightings.js';

export interface RunningServer {
  /** Where it answers: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The first operator's token in the clear, when it was made at this start. */
  readonly madeToken: string | null;
  /** What its routes work with. */
  readonly ports: AppPorts;
  /** Takes the certificate that its files hold now; without TLS nothing happens. @throws UpdaterError CONFIG_INVALID; the old one serves on. */
  reloadCertificate(): void;
  /** Stops: no new requests, running downloads finish within the configured time, builds are given back. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly config: ServerConfig;
  readonly log: FastifyBaseLogger;
  /** Called when the data folder was taken over or the database broke down: the process has to end at once. */
  readonly onBroken: (error: Error) => void;
  /** Whether jobs that have a time (watching, renewing, cleaning up) come by themselves. Default: true. */
  readonly isTimed?: boolean;
}

type Closers = (() => Promise<unknown>)[];

/** @throws UpdaterError SERVER_DATA_LOCKED, STORAGE_…; or what the network refuses (EADDRINUSE). */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { config, log } = options;
  const closers: Closers = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse())
      await close().catch((error) => log.error({ event: 'close_failed', err: error }, 'not closed'));
  };
  try {
    // A certificate or keys that can not be used: before anything is opened.
    readTls(config);
    await readOpenPgpKeys(config);
    const { ports, madeToken } = await openPorts(options, closers);
    const app = await buildApp(ports, log);
    closers.push(() => closeWithin(app, config.shutdownMs));
    await app.listen({ port: config.port, host: config.host });
    if (config.worker === 'on') closers.push(await startWork(ports, { folder: join(config.dataFolder, 'work', 'deltas'), log }));
    return {
      url: urlOf(app.server.address() as AddressInfo, config),
      madeToken,
      ports,
      reloadCertificate: () => reloadTls(app.server, config),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** What routes and jobs work with, in the order in which one needs the other; what is to be closed goes to `closers`. */
async function openPorts({ config, log, onBroken, isTimed = true }: StartOptions, closers: Closers) {
  await makeDataFolder(config.dataFolder, log);
  closers.push(await lockDataFolder(config.dataFolder, onBroken));
  const workFolder = join(config.dataFolder, 'work');
  await rm(workFolder, { recursive: true, force: true });
  const database = await openDatabase(databaseLocation(config), onBroken);
  closers.push(() => database.close());
  const { db } = database;
  const changes = new Changes(database, log);
  const madeToken = await ensureFirstOperator(changes, config.token);
  const objects = await openObjectStore(objectStoreOptions(config));
  const queue = await JobQueue.open(database, log, isTimed ? jobKinds : jobKinds.map(({ cron: _, ...kind }) => kind));
  closers.push(() => queue.close());
  const notifier = new Notifier({ queue, config });
  const readFleet = fleetReader(db);
  const metrics = new Metrics(readFleet, () => objects.ready());
  if (config.embeddedMetrics === 'on') closers.push(startEmbeddedMetrics({ metrics, readFleet, log }));
  const { defaultApplication } = config;
  const catalogue = new Catalogue({ db, changes, defaultApplication });
  const manifests = new ManifestReader(objects);
  const keys = new ServerKeys(await readPassphrase(config.dataFolder, config.keyPassphrase));
  const signer = new Signer({ keys, manifests, allowsHandOver: config.handOver === 'on' });
  await changes.change(['catalogue', 'metadata'], (tx) => signer.signWaiting(tx));
  const metadata = new MetadataFolder({ db, objects, log });
  const versions = new VersionsFolder({ db, objects, catalogue, defaultApplication, log });
  const sightings = new Sightings({ db, log });
  const deltaWishes = new DeltaWishes({ db, changes, queue, log });
  for (const writer of [sightings, deltaWishes]) {
    writer.start();
    closers.push(() => writer.stop());
  }
  changes.start();
  closers.push(() => changes.stop());
  await versions.write();
  await metadata.write();
  const plans = new PlanService({ db, objects, manifests, metrics, log });
  const signIn = new SignIn({ db, changes });
  const uploadsFolder = join(workFolder, 'uploads');
  const ports: AppPorts = {
    config,
    database,
    changes,
    signIn,
    catalogue,
    sightings,
    objects,
    manifests,
    plans,
    deltaWishes,
    queue,
    metrics,
    notifier,
    versions,
    signer,
    metadata,
    uploadsFolder,
  };
  return { ports, madeToken };
}

const databaseLocation = ({ databaseUrl, dataFolder }: ServerConfig): DatabaseLocation =>
  databaseUrl === null ? { kind: 'embedded', folder: join(dataFolder, 'database') } : { kind: 'postgres', url: databaseUrl };

function objectStoreOptions(config: ServerConfig): ObjectStoreOptions {
  if (config.objectStore === 'disk' || config.s3Bucket === null) return { kind: 'disk', folder: config.dataFolder };
  return {
    kind: 's3',
    bucket: config.s3Bucket,
    prefix: config.s3Prefix,
    region: config.s3Region,
    ...(config.s3Endpoint === null ? {} : { endpoint: config.s3Endpoint, forcePathStyle: true }),
  };
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

function urlOf({ port }: AddressInfo, { host, tlsCertificate }: ServerConfig): string {
  const named = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${tlsCertificate === null ? 'http' : 'https'}://${named.includes(':') ? `[${named}]` : named}:${port}`;
}
