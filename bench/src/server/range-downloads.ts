/**
 * Ranges of a stored object: this server against @fastify/static and, where it is installed, nginx, on the same file, in
 * turns on one machine.
 *
 *     node bench/dist/server/range-downloads.js [--seconds 5] [--rounds 5] [--connections 16] [--range-bytes 262144]
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Load, loadInTurns } from './load.js';
import { noise, startMeasuredServer, withTemporaryFolder } from './measured-server.js';
import { besides, type ListeningProgram, listen } from './programs.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    'range-bytes': { type: 'string', default: '262144' },
  },
});
const rangeBytes = Number(values['range-bytes']);
const objectBytes = 64 * 1_024 * 1_024;

/** The same ranges for everybody, spread over the object. */
const requestsAt = (path: string): Load['requests'] =>
  Array.from({ length: 64 }, (_, index) => {
    const offset = Math.floor((index * 0.618_034 * objectBytes) % (objectBytes - rangeBytes));
    return { path, headers: { range: `bytes=${offset}-${offset + rangeBytes - 1}` } };
  });

const hasNginx = spawnSync('nginx', ['-v']).status === 0;

/** nginx takes no port 0, and one that was free a moment ago may be somebody else's by now: it has an address of its own. */
const ownAddress = (): string => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}:23080`;

/** One process, as the others are. */
async function startNginx(folder: string, root: string): Promise<ListeningProgram> {
  const address = ownAddress();
  const config = `
    master_process off; daemon off; pid ${folder}/nginx.pid; error_log stderr crit; user root;
    events { worker_connections 1024; }
    http { access_log off; sendfile on; keepalive_requests 1000000;
      client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
      uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
      server { listen ${address}; root ${root}; } }`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'nginx.conf'), config);
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://${address}`;
  await answers(url);
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 1_200; tries += 1) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers at ${url}`);
}

async function measure(folder: string) {
  const server = await startMeasuredServer(join(folder, 'server'), ['--new-application-access', 'public']);
  const programs: ListeningProgram[] = [server];
  try {
    const { zipDigest } = await server.publish('1.0.0', new Map([['large.bin', noise('large', objectBytes)]]));
    const root = join(folder, 'server', 'objects', zipDigest.slice(0, 2));
    const others = {
      static: await listen([besides('static-files.js'), root]),
      ...(hasNginx ? { nginx: await startNginx(join(folder, 'nginx'), root) } : {}),
    };
    programs.push(...Object.values(others));
    const loading = { by: 'sockets', seconds: Number(values.seconds), connections: Number(values.connections) } as const;
    const loads: Record<string, Load> = {
      remendo: { ...loading, url: server.url, pid: server.pid, requests: requestsAt(`/api/v1/objects/${zipDigest}`) },
    };
    for (const [name, { url, pid }] of Object.entries(others))
      loads[name] = { ...loading, url, pid, requests: requestsAt(`/${zipDigest}`) };
    return await loadInTurns(loads, Number(values.rounds));
  } finally {
    for (const program of programs) await program.stop();
  }
}

const measured = await withTemporaryFolder(measure);
const ours = measured.remendo;

/** Above 1: this server does better. */
function ratiosTo(name: string): { readonly requests: number; readonly cpu: number } | null {
  const other = measured[name];
  if (ours === undefined || other === undefined) return null;
  const ratio = (part: number, whole: number): number => Math.round((part / whole) * 1_000) / 1_000;
  return {
    requests: ratio(ours.requestsPerSecond, other.requestsPerSecond),
    cpu: ratio(other.cpuMicrosPerRequest, ours.cpuMicrosPerRequest),
  };
}

const rows = Object.entries(measured).map(([name, { requestsPerSecond, bytesPerSecond, p99Ms, cpuMicrosPerRequest }]) => ({
  name,
  requests_per_second: Math.round(requestsPerSecond),
  mb_per_second: Math.round(bytesPerSecond / 1e6),
  p99_ms: p99Ms,
  cpu_micros_per_request: Math.round(cpuMicrosPerRequest),
}));
console.table(rows);
if (!hasNginx) process.stderr.write('nginx is not installed and was left out\n');
const result = {
  event: 'range_downloads',
  range_bytes: rangeBytes,
  to_static: ratiosTo('static'),
  to_nginx: ratiosTo('nginx'),
  programs: rows,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
