/** A server, a relay in front of it, and whoever asks that relay: real connections, a disk in memory, time by hand. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { type Digest, digestOf, nodeHost, type PlanNames, relayObjectPath } from '@remendo/core';
import { type HostileServer, type ManualClock, MemoryFileSystem, manualClock, startHostileServer } from '@remendo/core/testing';
import { afterEach } from 'vitest';
import { type OpenRelay, openRelay, type RelayOptions } from './open-relay.js';
import { type RelayServerSettings, relayConfigOf } from './relay-settings.js';

export const folder = '/var/lib/relay';
export const names: PlanNames = { application: 'erp', platform: 'win-x64', base: '1.0.0', target: '1.1.0', codecs: ['remendo'] };

/** Bytes that nobody else has, the same for the same seed. */
export function bytesOf(count: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  });
}

/** Of requests to a server in the same process, by the machine's own clock; what comes within them is the test's clock's. */
export const patientTimeouts = { answerMs: 60_000, exchangeMs: 60_000, stallMs: 10_000 };

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False when the connection ended before the body did. */
  readonly isWhole: boolean;
}

export interface RelayWorld {
  readonly server: HostileServer;
  readonly disk: MemoryFileSystem;
  readonly clock: ManualClock;
  readonly relay: OpenRelay;
  readonly events: readonly (object & { readonly event: string })[];
  /** Paths that the relay asked the server for. */
  asked(): readonly string[];
  /** Serves the object and names it in the plan between the releases. */
  plan(objects: readonly Uint8Array[], of?: PlanNames): readonly Digest[];
  /** As a terminal does; `path` and headers may be anything. */
  ask(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
  get(digest: Digest, range?: readonly [number, number], of?: PlanNames | null): Promise<Answer>;
  /** Ends the relay and starts another on the same disk. */
  restart(): Promise<RelayWorld>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface WorldOptions {
  readonly settings?: RelayServerSettings;
  readonly relay?: Partial<RelayOptions>;
  readonly disk?: MemoryFileSystem;
  readonly server?: HostileServer;
}

export async function openWorld(options: WorldOptions = {}): Promise<RelayWorld> {
  const server = options.server ?? (await startHostileServer());
  if (options.server === undefined) closing.push(() => server.close());
  const disk = options.disk ?? new MemoryFileSystem();
  const clock = manualClock(1_000);
  const events: (object & { readonly event: string })[] = [];
  const { processes } = nodeHost({ workers: 1 });
  let ids = 0;
  const random = { id: () => `id-${++ids}`, fraction: () => 0 };
  const relay = await openRelay({
    config: relayConfigOf({ host: '127.0.0.1', port: 0, announce: false, ...options.settings }),
    folder,
    server: server.url,
    allowInsecure: false,
    credentials: { authorization: 'Bearer relay', 'x-api-secret': 'secret of the relay' },
    bandwidthBytesPerSecond: null,
    timeouts: patientTimeouts,
    host: { fileSystem: disk, clock, random, processes },
    onEvent: (event, fields) => events.push({ event, ...fields }),
    ...options.relay,
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await relay.close();
    isOpen = false;
  };
  closing.push(close);
  const ask: RelayWorld['ask'] = (path, headers, method) => askAt(relay.port, { path, headers, method });
  return {
    server,
    disk,
    clock,
    relay,
    events,
    asked: () => server.requests.map(({ path }) => path),
    plan: (objects, of = names) => planOn(server, objects, of),
    ask,
    get(digest, range, of = names) {
      const path = of === null ? `/v1/objects/${digest}` : `/${relayObjectPath(digest, of)}`;
      return ask(path, range === undefined ? {} : { range: `bytes=${range[0]}-${range[1]}`, 'if-range': `"${digest}"` });
    },
    async restart() {
      await close();
      return openWorld({ ...options, server, disk });
    },
  };
}

function planOn(server: HostileServer, objects: readonly Uint8Array[], of: PlanNames): readonly Digest[] {
  const digests = objects.map((object) => server.serve(object));
  const [manifest, zip] = [server.serve(bytesOf(10, 1)), server.serve(bytesOf(20, 2))];
  const query = new URLSearchParams({
    target: of.target,
    ...(of.base === null ? {} : { base: of.base }),
    codecs: of.codecs.join(','),
  });
  const fetches = objects.map((object, index) => ({
    digest: digests[index],
    object_bytes: object.length,
    ranges: [[0, object.length]],
  }));
  server.serveJson(`/api/v1/updates/plan?${query}`, {
    application: of.application,
    platform: of.platform,
    base: null,
    target: {
      version: of.target,
      manifest_digest: digestOf('manifest'),
      manifest: { digest: manifest, bytes: 10 },
      zip: { digest: zip, bytes: 20 },
      installed_bytes: 1,
    },
    plans: [{ kind: 'zip', label: 'full zip', fetches, fetch_bytes: 1, requests: 1, cost_bytes: 1 }],
    losers: [],
  });
  return digests;
}

interface Asking {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly method?: string | undefined;
}

function askAt(port: number, { path, headers = {}, method = 'GET' }: Asking): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const end = (isWhole: boolean): void =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), isWhole });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => end(response.complete));
      response.once('error', () => end(false));
    });
    asking.once('error', reject);
    asking.end();
  });
}
