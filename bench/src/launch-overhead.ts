/**
 * How much later an application starts because `remendo launch` starts it, when nothing is due: from starting a process until
 * the application's first byte of output, against starting the application alone, in turn.
 *
 *     node bench/dist/launch-overhead.js [--runs 20]
 *
 * Measured are the command as it is installed (packed, run by this Node) and, where `npm run -s build:executables` has
 * built it, the single executable for this machine. Ends with exit code 1 when a median is over the budget.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runRemendo, startServer } from './demo/programs.js';

const budgetMs = 300;
const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' } } });
const runs = Number(values.runs);
const token = 'launch-overhead-token-for-loopback';
/** Says something and ends: the shortest application there is. */
const application = process.platform === 'win32' ? ['cmd.exe', '/d', '/c', 'echo started'] : ['/bin/echo', 'started'];

const inRepository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const executable = inRepository(`dist/executables/remendo-${process.platform === 'win32' ? 'win-x64.exe' : 'linux-x64'}`);
const programs = [
  { name: `Node.js ${process.versions.node}`, command: [process.execPath, inRepository('packages/cli/dist/packed/remendo.js')] },
  ...(existsSync(executable) ? [{ name: 'single executable', command: [executable] }] : []),
];

/** An install with nothing to update, and the arguments that launch it. */
async function prepare(folder: string, serverUrl: string): Promise<readonly string[]> {
  const release = join(folder, 'release');
  await mkdir(release);
  await writeFile(join(release, 'program.txt'), 'a program\n');
  const env = { REMENDO_TOKEN: token, REMENDO_SERVER_URL: serverUrl };
  const flags = ['--root', join(folder, 'install'), '--application', 'erp'];
  for (const args of [
    ['publish', release, '--application', 'erp', '--release', '1.0.0'],
    ['install', ...flags, '--yes'],
  ]) {
    const { code, stderr } = await runRemendo(args, { env });
    if (code !== 0) throw new Error(`remendo ${args[0]} ended with ${code}:\n${stderr}`);
  }
  return ['launch', ...flags, '--server', serverUrl];
}

/** @returns milliseconds until the first output, and what was printed altogether. */
function timeToOutput([command = '', ...args]: readonly string[]): Promise<{ readonly ms: number; readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let ms = Number.NaN;
    let stdout = '';
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout === '') ms = performance.now() - began;
      stdout += text;
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve({ ms, stdout }) : reject(new Error(`${command} ended with ${code}`))));
  });
}

/** Whether nothing was due and nothing was asked of the server. */
async function assertNothingDue(launch: readonly string[]): Promise<void> {
  const { stdout } = await timeToOutput([...launch, '--json', '--', ...application]);
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as { outcome?: string; fetched_bytes?: number };
  if (last.outcome !== 'up_to_date' || last.fetched_bytes !== 0) throw new Error(`something was due: ${JSON.stringify(last)}`);
}

const sorted = (times: readonly number[]): readonly number[] => [...times].sort((a, b) => a - b);
const median = (times: readonly number[]): number => sorted(times)[Math.floor(times.length / 2)] ?? Number.NaN;
const p95 = (times: readonly number[]): number => sorted(times)[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN;
const text = (ms: number): string => ms.toFixed(0).padStart(6);

const folder = await mkdtemp(join(tmpdir(), 'remendo-launch-'));
const server = await startServer(join(folder, 'server'), token, ['--new-application-access', 'public']);
try {
  const launchArgs = await prepare(folder, server.url);
  console.log(`start of an application, ms, ${runs} runs   median    p95   added`);
  for (const { name, command } of programs) {
    const launch = [...command, ...launchArgs];
    // The first asks the server and remembers what it said.
    await timeToOutput([...launch, '--', ...application]);
    await assertNothingDue(launch);
    const alone: number[] = [];
    const launched: number[] = [];
    for (let run = 0; run < runs; run++) {
      alone.push((await timeToOutput(application)).ms);
      launched.push((await timeToOutput([...launch, '--', ...application])).ms);
    }
    const addedMs = median(launched) - median(alone);
    console.log(`alone                                    ${text(median(alone))} ${text(p95(alone))}`);
    console.log(`by ${name.padEnd(37)} ${text(median(launched))} ${text(p95(launched))}  ${text(addedMs)}`);
    if (!(addedMs < budgetMs)) process.exitCode = 1;
  }
  console.log(`budget: less than ${budgetMs} ms added: ${process.exitCode === 1 ? 'EXCEEDED' : 'kept'}`);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
