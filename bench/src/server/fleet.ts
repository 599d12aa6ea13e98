/**
 * A fleet against one server: terminals from an address each check again and again and tell what they do, some of them
 * fetch a delta of 200 kB over links of 256 kbit/s to 4 Mbit/s. Watched is the server's memory.
 *
 *     node bench/dist/server/fleet.js [--terminals 5000] [--minutes 10] [--updating 500] [--check-interval 60s]
 *         [--drops 0.05] [--kills 0.02] [--enrol] [--seed N]
 */
import { parseArgs } from 'node:util';
import {
  application,
  type CustomerKey,
  type MeasuredServer,
  noise,
  startMeasuredServer,
  withTemporaryFolder,
} from './measured-server.js';
import { cliMain, residentBytes, runJson } from './programs.js';

const { values } = parseArgs({
  options: {
    terminals: { type: 'string', default: '5000' },
    minutes: { type: 'string', default: '10' },
    updating: { type: 'string', default: '500' },
    'check-interval': { type: 'string', default: '60s' },
    drops: { type: 'string', default: '0' },
    kills: { type: 'string', default: '0' },
    enrol: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
});
const minutes = Number(values.minutes);
const sampleMs = 5_000;
const deltaBytes = 200_000;

/** What the command prints with --json, as far as it is looked at here. */
interface FleetReport {
  readonly answers_per_second: number;
  readonly latencies: readonly {
    readonly kind: string;
    readonly answers: number;
    readonly p50_ms: number;
    readonly p99_ms: number;
    readonly max_ms: number;
  }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly object[];
  readonly events: object;
  readonly lost: number;
}

/** Resident memory of the server, and when; the time is from the beginning of the fleet. */
interface Sample {
  readonly ms: number;
  readonly bytes: number;
}

async function watched<Value>(server: MeasuredServer, samples: Sample[], run: () => Promise<Value>): Promise<Value> {
  const beganAt = performance.now();
  const sample = async (): Promise<void> =>
    void samples.push({ ms: performance.now() - beganAt, bytes: await residentBytes(server.pid) });
  // One at least, however short the run.
  await sample();
  const timer = setInterval(() => void sample(), sampleMs);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

/** The mean of one minute, as the collector makes it go up and down; the first minute is 1. */
function memoryOfMinute(samples: readonly Sample[], minute: number): number {
  const found = samples.filter(({ ms }) => Math.floor(ms / 60_000) === minute - 1);
  return found.reduce((sum, { bytes }) => sum + bytes, 0) / found.length;
}

/** Two releases with a delta of about 200 kB between them: what is new can not be compressed. */
async function publishPair(server: MeasuredServer): Promise<number> {
  const base = noise('base', 2_000_000);
  await server.publish('1.0.0', new Map([['erp.bin', base]]));
  const target = Buffer.from(base);
  noise('new', deltaBytes).copy(target, 700_000);
  const { deltas } = await server.publish('1.1.0', new Map([['erp.bin', target]]));
  return deltas[0]?.bytes ?? 0;
}

function simulateArgs(server: MeasuredServer): readonly string[] {
  const given = {
    terminals: values.terminals,
    updating: values.updating,
    drops: values.drops,
    kills: values.kills,
    seed: values.seed,
  };
  return [
    cliMain,
    'simulate',
    ...['--server', server.url, '--application', application, '--addresses', 'loopback', '--json'],
    ...['--duration', `${Math.round(minutes * 60)}s`, '--check-interval', values['check-interval']],
    ...['--versions', '1.0.0', '--links', '256k=20,1m=50,4m=30'],
    ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]),
    ...(values.enrol ? ['--enrol'] : []),
  ];
}

const secretsOf = (server: MeasuredServer, { key, secret }: CustomerKey) => ({
  REMENDO_TOKEN: server.token,
  REMENDO_API_KEY: key,
  REMENDO_API_SECRET: secret,
});

const samples: Sample[] = [];
const { bytes, code, report } = await withTemporaryFolder(async (folder) => {
  const server = await startMeasuredServer(folder);
  try {
    const bytes = await publishPair(server);
    const customer = await server.newCustomer();
    const { code, value } = await watched(server, samples, () =>
      runJson<FleetReport>(simulateArgs(server), secretsOf(server, customer)),
    );
    return { bytes, code, report: value };
  } finally {
    await server.stop();
  }
});
const lastMinute = Math.max(1, Math.ceil(minutes));
const earlyMinute = Math.min(3, lastMinute);
const [early, last] = [memoryOfMinute(samples, earlyMinute), memoryOfMinute(samples, lastMinute)];
const mb = (value: number): number => Math.round(value / 1e6);
console.table(report.latencies);
console.table({ [`minute ${earlyMinute}`]: { server_mb: mb(early) }, [`minute ${lastMinute}`]: { server_mb: mb(last) } });
const result = {
  event: 'fleet',
  terminals: Number(values.terminals),
  minutes,
  delta_bytes: bytes,
  check_p99_ms: report.latencies.find(({ kind }) => kind === 'check')?.p99_ms ?? null,
  memory_ratio: Math.round((last / early) * 1_000) / 1_000,
  server_mb: samples.map((sample) => mb(sample.bytes)),
  ...report,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = code === 0 ? 0 : 1;
