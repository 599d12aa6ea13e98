/**
 * What the whole program takes on a terminal: a release of one file of 300 MB is installed from a real server, asked about,
 * updated by a patch in one worker, and verified, each time by the command as it is installed. Memory is the resident memory of
 * the process at its highest, above that of a bare Node; Linux only.
 *
 *     node bench/dist/update-memory.js [--bytes 300000000]
 *
 * Prints a table; exits with 1 when the update takes more than 96 MiB: 64 for a worker, the rest for everything else.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runRemendo, startServer } from './demo/programs.js';
import { writeLargeFiles } from './large-files.js';
import { bareNodeBytes } from './report/measured-child.js';
import { tableLines } from './report/print-report.js';
import { peakBytesOf } from './report/usage.js';

const memoryAboveNodeBytesMax = 96 * 1024 * 1024;
const token = 'update-memory-token-for-loopback';
const command = fileURLToPath(new URL('../../packages/cli/dist/packed/remendo.js', import.meta.url));
/** The system's count only grows, so that the last look has the peak. */
const lookEveryMs = 5;

interface Measured {
  readonly what: string;
  readonly peakBytes: number;
  readonly seconds: number;
}

async function measure(what: string, args: readonly string[]): Promise<Measured> {
  const began = performance.now();
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  let peakBytes = 0;
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, (child.pid === undefined ? null : peakBytesOf(child.pid)) ?? 0);
  }, lookEveryMs);
  try {
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    if (code !== 0) throw new Error(`remendo ${args[0]} ended with ${code}:\n${complaints}`);
  } finally {
    clearInterval(look);
  }
  return { what, peakBytes, seconds: (performance.now() - began) / 1_000 };
}

async function publish(folder: string, release: string, serverUrl: string): Promise<void> {
  const env = { REMENDO_TOKEN: token, REMENDO_SERVER_URL: serverUrl };
  const { code, stderr } = await runRemendo(['publish', folder, '--application', 'erp', '--release', release, '--wait'], { env });
  if (code !== 0) throw new Error(`publish ended with ${code}:\n${stderr}`);
}

async function measureAll(folder: string, bytes: number, serverUrl: string): Promise<readonly Measured[]> {
  const files = writeLargeFiles(folder, bytes);
  const releases = { '1.0.0': files.base.path, '2.0.0': files.target.path };
  for (const [release, path] of Object.entries(releases)) {
    await mkdir(join(folder, release));
    await rename(path, join(folder, release, 'large.dll'));
  }
  const root = ['--root', join(folder, 'root')];
  const asking = [...root, '--server', serverUrl, '--application', 'erp'];
  await publish(join(folder, '1.0.0'), '1.0.0', serverUrl);
  const rows = [await measure('first install', ['install', ...asking, '--yes'])];
  await publish(join(folder, '2.0.0'), '2.0.0', serverUrl);
  // In this order: what a check was told is remembered, and an update leaves nothing to be told.
  rows.push(await measure('status', ['status', ...root]));
  rows.push(await measure('check', ['check', ...asking]));
  rows.push(await measure('update', ['install', ...asking, '--yes']));
  rows.push(await measure('verify', ['verify', ...root]));
  return rows;
}

async function main(bytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-update-memory-'));
  const server = await startServer(join(folder, 'server'), token, ['--new-application-access', 'public']);
  try {
    const nodeBytes = await bareNodeBytes();
    const rows = await measureAll(folder, bytes, server.url);
    const mebibytes = (count: number): string => (count / 2 ** 20).toFixed(1);
    process.stdout.write(
      `A file of ${(bytes / 1e6).toFixed(0)} MB; MiB above a bare Node, which takes ${mebibytes(nodeBytes)}.\n\n`,
    );
    const table = rows.map(({ what, peakBytes, seconds }) => [what, mebibytes(peakBytes - nodeBytes), seconds.toFixed(1)]);
    for (const line of tableLines([['command', 'MiB', 's'], ...table])) process.stdout.write(`${line}\n`);
    const update = rows.find(({ what }) => what === 'update')?.peakBytes ?? 0;
    if (!(update > nodeBytes && update - nodeBytes <= memoryAboveNodeBytesMax)) process.exitCode = 1;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { bytes: { type: 'string', default: '300000000' } } });
const bytes = Number(values.bytes);
if (!(bytes > 0)) throw new Error('--bytes is a number of bytes above 0');
await main(bytes);
