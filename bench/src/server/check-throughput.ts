/**
 * What everything around a check costs (key and secret, licence, rate limits, rollout, recording who was there): its
 * requests per second against those of a bare Fastify route that answers the same JSON, in turns on one machine. Then how
 * long checks go on after their key was revoked, and an offer after its release was withdrawn.
 *
 *     node bench/dist/server/check-throughput.js [--seconds 6] [--rounds 5] [--connections 32]
 *
 * With REMENDO_TEST_POSTGRES (the address of an empty database) the delays are measured on two more servers that share
 * it: one makes the change, the other is asked.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { effectDelay } from './effect-delay.js';
import { type Load, type Loaded, loadInTurns } from './load.js';
import {
  application,
  type CustomerKey,
  type MeasuredServer,
  noise,
  startMeasuredServer,
  withTemporaryFolder,
} from './measured-server.js';
import { besides, type ListeningProgram, listen } from './programs.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
  },
});
const loading = { by: 'autocannon', seconds: Number(values.seconds), connections: Number(values.connections) } as const;

const checkPath = `/api/v1/updates/check?application=${application}`;
const offered = '1.1.0';

const headersOf = (customer: CustomerKey, terminal: string) => ({
  ...customer.headers,
  'x-terminal-id': terminal,
  'x-client-version': '1.0.0',
});

async function check(server: MeasuredServer, headers: Readonly<Record<string, string>>) {
  const answer = await fetch(server.url + checkPath, { headers });
  return {
    status: answer.status,
    body: (await answer.json()) as { readonly latest_version?: string; readonly update_available?: boolean },
  };
}

/** Two releases, the newer of them for half of the terminals. */
async function publishPair(server: MeasuredServer): Promise<void> {
  for (const version of ['1.0.0', offered]) {
    await server.publish(version, new Map([['app.bin', noise(version, 50_000)]]));
  }
  const change = { share: 5_000, reason: 'half of them first' };
  await server.call('PATCH', `/api/v1/rollouts/${offered}?application=${application}`, change);
}

/** Headers of that many terminals of the customer that are offered the newer release, and the answer they all get. */
async function terminalsOffered(server: MeasuredServer, customer: CustomerKey, count: number) {
  const requests: Load['requests'][number][] = [];
  let answer: object = {};
  for (let index = 0; requests.length < count; index += 1) {
    const headers = headersOf(customer, `terminal-${index}`);
    const { body } = await check(server, headers);
    if (body.update_available !== true) continue;
    requests.push({ path: checkPath, headers });
    answer = body;
  }
  return { requests, answer };
}

const urlAndPid = ({ url, pid }: ListeningProgram) => ({ url, pid });

async function throughput(server: MeasuredServer): Promise<Readonly<Record<'check' | 'bare', Loaded>>> {
  const customer = await server.newCustomer();
  const { requests, answer } = await terminalsOffered(server, customer, 64);
  const bare = await listen([besides('bare-route.js'), JSON.stringify(answer)]);
  try {
    const loads = {
      check: { ...loading, ...urlAndPid(server), requests },
      bare: { ...loading, ...urlAndPid(bare), requests: requests.map(({ headers }) => ({ path: '/', headers })) },
    };
    return await loadInTurns(loads, Number(values.rounds));
  } finally {
    await bare.stop();
  }
}

interface Delays {
  readonly revokedKeyMs: number;
  readonly withdrawnReleaseMs: number;
}

/** @param changed makes the changes; @param asked is another process, or the same. */
async function delays(changed: MeasuredServer, asked: MeasuredServer): Promise<Delays> {
  const [customer, other] = [await changed.newCustomer(), await changed.newCustomer()];
  const revoke = () => changed.call('DELETE', `/api/v1/customers/${customer.code}/keys/${customer.prefix}`);
  const revoked = await effectDelay(async () => (await check(asked, headersOf(customer, 'any'))).status === 200, revoke);
  const [terminal] = (await terminalsOffered(asked, other, 1)).requests;
  const withdraw = () =>
    changed.call('PATCH', `/api/v1/releases/${offered}?application=${application}`, { state: 'withdrawn', reason: 'a mistake' });
  const isOffered = async () => (await check(asked, terminal?.headers ?? {})).body.update_available === true;
  const withdrawn = await effectDelay(isOffered, withdraw);
  return { revokedKeyMs: revoked.delayMs, withdrawnReleaseMs: withdrawn.delayMs };
}

const measuredAlone = () =>
  withTemporaryFolder(async (folder) => {
    const server = await startMeasuredServer(folder);
    try {
      await publishPair(server);
      return { ...(await throughput(server)), alone: await delays(server, server) };
    } finally {
      await server.stop();
    }
  });

/** Two servers on one database; they see the same objects on disk. */
const measuredShared = (databaseUrl: string) =>
  withTemporaryFolder(async (folder) => {
    const env = { REMENDO_DATABASE_URL: databaseUrl, REMENDO_KEY_PASSPHRASE: 'a-passphrase-for-measuring' };
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    for (const path of [join(first, 'objects'), second]) await mkdir(path, { recursive: true });
    await symlink(join(first, 'objects'), join(second, 'objects'));
    const servers = [
      await startMeasuredServer(first, [], env),
      await startMeasuredServer(second, ['--worker', 'off'], env),
    ] as const;
    try {
      await publishPair(servers[0]);
      return await delays(servers[0], servers[1]);
    } finally {
      for (const server of servers) await server.stop();
    }
  });

const rounded = ({ revokedKeyMs, withdrawnReleaseMs }: Delays) => ({
  revoked_key_ms: Math.round(revokedKeyMs),
  withdrawn_release_ms: Math.round(withdrawnReleaseMs),
});

const { check: ours, bare, alone } = await measuredAlone();
const databaseUrl = process.env.REMENDO_TEST_POSTGRES;
const shared = databaseUrl === undefined ? null : await measuredShared(databaseUrl);
console.table({ check: ours, 'bare route': bare });
console.table({ 'one process': rounded(alone), ...(shared === null ? {} : { 'two processes': rounded(shared) }) });
const ratio = (part: number, whole: number): number => Math.round((part / whole) * 1_000) / 1_000;
const result = {
  event: 'check_throughput',
  check_per_second: Math.round(ours.requestsPerSecond),
  bare_per_second: Math.round(bare.requestsPerSecond),
  ratio: ratio(ours.requestsPerSecond, bare.requestsPerSecond),
  cpu_ratio: ratio(bare.cpuMicrosPerRequest, ours.cpuMicrosPerRequest),
  one_process: rounded(alone),
  two_processes: shared === null ? null : rounded(shared),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
