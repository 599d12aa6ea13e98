/** One running relay: its cache, what it may fetch, and its door. */
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import {
  acquireInstallLock,
  createBandwidthLimit,
  type Digest,
  errorChain,
  type FileSystem,
  type Host,
  isUpdaterError,
  type PlanNames,
  UpdaterError,
} from '@remendo/core';
import type { Credentials } from '../credentials.js';
import { openKnownPlans } from './known-plans.js';
import { ObjectCache } from './object-cache.js';
import { createRelayApp } from './relay-app.js';
import { openRelayObjects } from './relay-objects.js';
import type { RelayConfig } from './relay-settings.js';
import { noTraffic, type Traffic } from './traffic.js';
import { openUpstream, type UpstreamTimeouts } from './upstream.js';

export interface RelayOptions {
  readonly config: RelayConfig;
  /** For the cache, the lock and nothing else of anybody's. */
  readonly folder: string;
  readonly server: string;
  readonly allowInsecure: boolean;
  /** The relay's own: headers. */
  readonly credentials: Credentials;
  /** For everything from the server together; null: no limit. */
  readonly bandwidthBytesPerSecond: number | null;
  readonly host: Pick<Host, 'fileSystem' | 'clock' | 'random' | 'processes' | 'fetch'>;
  readonly onEvent: (event: string, fields: object) => void;
  /** Of requests to the server (default: as long as terminals can wait for them). */
  readonly timeouts?: UpstreamTimeouts;
}

export interface OpenRelay {
  readonly port: number;
  /** Where terminals reach it. */
  readonly urls: readonly string[];
  /** Since it started. */
  traffic(): Traffic & { readonly bytesUpstream: number; readonly cacheBytes: number };
  close(): Promise<void>;
}

/** @throws UpdaterError CONFIG_INVALID, DOWNLOAD_INSECURE, TRANSACTION_LOCKED when another relay has the folder, STORAGE_…. */
export async function openRelay(options: RelayOptions): Promise<OpenRelay> {
  const { config, folder, host } = options;
  const { fileSystem, clock, random } = host;
  const upstream = openUpstream({
    ...options,
    clock,
    random,
    bytesPerDay: config.upstreamBytesPerDay,
    bandwidth: options.bandwidthBytesPerSecond === null ? null : createBandwidthLimit(options.bandwidthBytesPerSecond, clock),
    ...(host.fetch === undefined ? {} : { fetch: host.fetch }),
    onPlanFailed: (names, error) => options.onEvent('plan_failed', { ...shown(names), ...failed(error) }),
  });
  const objectsFolder = join(folder, 'objects');
  await makeOwn(fileSystem, folder);
  await makeOwn(fileSystem, objectsFolder);
  const lock = await acquireInstallLock(host, join(folder, 'lock'));
  try {
    const cache = await ObjectCache.open({ fileSystem, folder: objectsFolder, bytesMax: config.cacheBytes });
    const traffic = noTraffic();
    const plans = openKnownPlans({
      fetchPlan: upstream.plan,
      clock,
      applications: config.applications,
      onLearned: (names, objects) => options.onEvent('plan_learned', { ...shown(names), objects }),
    });
    const onFailure = (digest: Digest, error: unknown): void => options.onEvent('transfer_failed', { digest, ...failed(error) });
    const objects = openRelayObjects({ upstream, cache, fileSystem, clock, random, onFailure });
    const app = createRelayApp({ config, cache, plans, objects, traffic });
    const port = await listen(app, config);
    return {
      port,
      urls: urlsOf(config.host, port),
      traffic: () => ({ ...traffic, bytesUpstream: upstream.bytes(), cacheBytes: cache.heldBytes }),
      async close() {
        await app.close();
        await objects.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const shown = ({ codecs: _codecs, ...names }: PlanNames): Omit<PlanNames, 'codecs'> => names;

const failed = (error: unknown): { readonly code: string | null; readonly reason: string } => ({
  code: isUpdaterError(error) ? error.code : null,
  reason: errorChain(error).join(': '),
});

/** A folder that was there before keeps its mode: it may be somebody's who named the wrong one. */
async function makeOwn(fileSystem: FileSystem, folder: string): Promise<void> {
  const found = await fileSystem.stat(folder);
  await fileSystem.makeDirectory(folder);
  if (found === null && fileSystem.hasModes) await fileSystem.setMode(folder, 0o700);
}

async function listen(app: ReturnType<typeof createRelayApp>, { host, port }: RelayConfig): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    throw new UpdaterError('CONFIG_INVALID', `the relay can not listen at ${host}, port ${port}`, {
      details: { host, port },
      cause,
    });
  }
  return (app.server.address() as AddressInfo).port;
}

/** Of every network this machine is in, when it listens in all of them. */
function urlsOf(host: string, port: number): readonly string[] {
  const isAll = host === '0.0.0.0' || host === '::';
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const addresses = isAll ? (own.length === 0 ? ['127.0.0.1'] : own) : [host];
  return addresses.map((address) => `http://${address.includes(':') ? `[${address}]` : address}:${port}/`);
}
