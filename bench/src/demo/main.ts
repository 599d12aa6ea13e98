/**
 * The main job, end to end, on real releases: a server, a publisher and three terminals, each a program of its own.
 * Every byte that a terminal receives goes through a counter. The last line on stdout is JSON for machines.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '@remendo/core';
import { bsdiffPatchMaker, scanFolder } from '@remendo/core/publish';
import { assembleBrokenRelease, assembleRelease, type DemoRelease } from './assemble-releases.js';
import { type CountingProxy, startCountingProxy } from './counting-proxy.js';
import { type CommandResult, type RunningServer, runRemendo, startServer } from './programs.js';

const application = 'erp';
const token = 'demo-token-for-loopback-only';
const linkBitsPerSecond = 512_000;

interface TerminalReport {
  readonly name: string;
  readonly outcome: 'updated' | 'recovered' | 'rolled_back' | 'failed';
  readonly exact: boolean;
  readonly bytesSent: number;
  readonly fullBytes: number;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const bytesText = (bytes: number): string => bytes.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',');

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-demo-'));
  const isInteractive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const server = await startServer(join(folder, 'server'), token);
  const interrupt = (): void => void cleanUp(server, folder).then(() => process.exit(130));
  process.once('SIGINT', interrupt);
  const keepRunning = isInteractive ? async () => stayUp(server, folder) : async () => cleanUp(server, folder);
  try {
    const reports = await demonstrate(server, folder);
    printTable(reports);
    if (isInteractive) say(`The server is still up at ${server.url} (operator's token: ${token}). Ctrl-C ends it.`);
    say(
      JSON.stringify({
        event: 'demo',
        terminals: reports.map(({ outcome, exact, bytesSent, fullBytes }) => ({
          outcome,
          exact,
          bytes_sent: bytesSent,
          full_bytes: fullBytes,
        })),
      }),
    );
    if (reports.some(({ exact, outcome }) => !exact || outcome === 'failed')) process.exitCode = 1;
  } catch (error) {
    await cleanUp(server, folder);
    throw error;
  }
  process.off('SIGINT', interrupt);
  await keepRunning();
}

async function demonstrate(server: RunningServer, folder: string): Promise<readonly TerminalReport[]> {
  say(`Server up at ${server.url}`);
  const customer = await registerCustomer(server);
  say(`Customer ${customer.code} registered, with a key for its terminals`);
  Object.assign(process.env, { REMENDO_API_KEY: customer.api_key, REMENDO_API_SECRET: customer.api_secret });
  const releases = join(folder, 'releases');
  const published: DemoRelease[] = [];
  for (const generation of [1, 2, 3] as const) {
    const release = await assembleRelease(releases, `1.0.${generation - 1}`, generation);
    await publish(server, release);
    published.push(release);
  }
  const [oldest, , newest] = published as [DemoRelease, DemoRelease, DemoRelease];
  await compareWithBsdiff(folder, oldest, newest);
  const updated = await updateTerminal(server, folder, oldest, newest);
  const killed = await killTerminal({ server, folder, base: oldest, target: newest, afterBytes: updated.bytesSent / 2 });
  const broken = await assembleBrokenRelease(releases, '1.0.3', newest);
  await publish(server, broken);
  return [updated, killed, await failTerminal(server, folder, oldest)];
}

interface Customer {
  readonly code: string;
  readonly api_key: string;
  readonly api_secret: string;
}

/** Releases are for customers: their terminals sign in with the key that registration shows once. */
async function registerCustomer(server: RunningServer): Promise<Customer> {
  const person = {
    email: 'branch@example.com',
    first_name: 'Ana',
    last_name: 'Souza',
    company: 'Example Ltda.',
    phone: '+55 11 5550',
  };
  const answer = await fetch(`${server.url}/api/v1/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...person, service_level: 'basic' }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`registration failed: ${text}`);
  return (JSON.parse(text) as { data: Customer }).data;
}

async function publish(server: RunningServer, release: DemoRelease): Promise<void> {
  const args = [
    'publish',
    release.folder,
    '--application',
    application,
    '--release',
    release.version,
    '--channel',
    'stable',
    '--wait',
    '--json',
  ];
  const result = await runRemendo(args, { env: { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: token } });
  if (result.code !== 0) throw new Error(`publishing ${release.version} failed:\n${result.stderr}`);
  const { release: answer } = result.events[0] as { release: { deltas: unknown } };
  const deltas = answer.deltas as { base_version: string; state: string; bytes: number | null }[];
  const built = deltas
    .map((delta) => `from ${delta.base_version} ${delta.bytes === null ? delta.state : bytesText(delta.bytes)}`)
    .join(', ');
  say(`Published ${release.version} (${release.parts})${built === '' ? '' : `; deltas in bytes: ${built}`}`);
}

/** What the delta would be with bsdiff's patches; nothing where bsdiff-node was not compiled, which costs nothing else. */
async function compareWithBsdiff(folder: string, base: DemoRelease, target: DemoRelease): Promise<void> {
  if (!(await bsdiffPatchMaker().available()).ok) return;
  const out = join(folder, 'bsdiff40.delta');
  const result = await runRemendo(['diff', base.folder, target.folder, '--out', out, '--codec', 'bsdiff40', '--json']);
  if (result.code !== 0) throw new Error(`the delta with bsdiff40 patches was not made:\n${result.stderr}`);
  say(
    `The delta from ${base.version} to ${target.version} with bsdiff40 patches instead: ${bytesText(Number(result.events[0]?.bytes))}`,
  );
}

const resultOf = (result: CommandResult): Record<string, unknown> =>
  result.events.findLast((event) => event.event === 'result') ?? {};

/** A terminal on a release, installed over the network from nothing; what that took is not counted. */
async function installTerminal(server: RunningServer, folder: string, name: string, release: DemoRelease): Promise<string> {
  const root = join(folder, name);
  await mkdir(root, { recursive: true });
  const result = await runRemendo(['install', release.version, '--root', root, '--yes', '--json'], {
    env: { REMENDO_SERVER_URL: server.url },
  });
  if (result.code !== 0) throw new Error(`installing ${release.version} on ${name} failed:\n${result.stderr}`);
  return root;
}

/** Runs one terminal's part behind a counter of its own. */
async function counted(
  server: RunningServer,
  use: (proxy: CountingProxy) => Promise<Omit<TerminalReport, 'bytesSent' | 'fullBytes'>>,
): Promise<TerminalReport> {
  const proxy = await startCountingProxy(server.url);
  try {
    const report = await use(proxy);
    return { ...report, bytesSent: proxy.bytes.sent, fullBytes: await fullBytes(server) };
  } finally {
    await proxy.close();
  }
}

async function fullBytes(server: RunningServer): Promise<number> {
  const answer = await fetch(`${server.url}/api/v1/updates/check`, {
    headers: {
      'x-client-version': '0.0.1',
      authorization: `Bearer ${process.env.REMENDO_API_KEY}`,
      'x-api-secret': process.env.REMENDO_API_SECRET ?? '',
    },
  });
  return ((await answer.json()) as { size_bytes: number }).size_bytes;
}

async function updateTerminal(
  server: RunningServer,
  folder: string,
  base: DemoRelease,
  target: DemoRelease,
): Promise<TerminalReport> {
  const root = await installTerminal(server, folder, 'terminal-1', base);
  return counted(server, async (proxy) => {
    say(`\nTerminal 1 is on ${base.version} and checks:`);
    const env = { REMENDO_SERVER_URL: proxy.url };
    const check = await runRemendo(['check', '--root', root], { env });
    say(indent(check.stdout));
    const result = await runRemendo(['install', '--root', root, '--yes'], { env });
    say(indent(result.stderr + result.stdout));
    const exact = await isExactly(root, target);
    say(`  it should be on ${target.version} now: ${proofText(exact)}`);
    return { name: 'terminal 1', outcome: result.code === 0 ? 'updated' : 'failed', exact };
  });
}

const proofText = (exact: boolean): string =>
  exact ? 'every file has the SHA-256 of that release' : 'IT DIFFERS FROM THAT RELEASE';

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');

interface KillInput {
  readonly server: RunningServer;
  readonly folder: string;
  readonly base: DemoRelease;
  readonly target: DemoRelease;
  /** Of what a whole update is sent: about so much of it arrives. */
  readonly afterBytes: number;
}

async function killTerminal({ server, folder, base, target, afterBytes }: KillInput): Promise<TerminalReport> {
  const root = await installTerminal(server, folder, 'terminal-2', base);
  return counted(server, async (proxy) => {
    const args = ['install', '--root', root, '--yes', '--json'];
    const env = { REMENDO_SERVER_URL: proxy.url };
    say('\nTerminal 2 is killed in the middle of its download:');
    const first = await runRemendo(args, {
      env,
      onStart: (child) => void proxy.holdAfter(afterBytes).then(() => setTimeout(() => child.kill('SIGKILL'), 500)),
    });
    proxy.letGo();
    say(`  ended by ${first.signal ?? `exit code ${first.code}`} after ${bytesText(proxy.bytes.sent)} bytes`);
    const second = await runRemendo(args, { env });
    const exact = await isExactly(root, target);
    say(`  started again, it should be on ${target.version}: ${proofText(exact)}`);
    const recovered = first.signal === 'SIGKILL' && second.code === 0;
    return { name: 'terminal 2', outcome: recovered ? 'recovered' : 'failed', exact };
  });
}

async function failTerminal(server: RunningServer, folder: string, base: DemoRelease): Promise<TerminalReport> {
  const root = await installTerminal(server, folder, 'terminal-3', base);
  return counted(server, async (proxy) => {
    say('\nTerminal 3 gets 1.0.3, whose start fails:');
    const result = await runRemendo(
      ['install', '--root', root, '--yes', '--json', '--', process.execPath, join(root, 'start.cjs')],
      {
        env: { REMENDO_SERVER_URL: proxy.url },
      },
    );
    const outcome = resultOf(result).outcome;
    const exact = await isExactly(root, base);
    say(`  ${String(resultOf(result).reason ?? outcome)}`);
    say(`  it should be back on ${base.version}: ${proofText(exact)}`);
    return { name: 'terminal 3', outcome: outcome === 'rolled_back' ? 'rolled_back' : 'failed', exact };
  });
}

/** Holds every file of an install root against the folder the release was published from, by SHA-256. */
async function isExactly(root: string, release: DemoRelease): Promise<boolean> {
  const identity = { application, platform: 'any', version: release.version };
  const [found, expected] = await Promise.all(
    [root, release.folder].map((folder) => scanFolder(nodeFileSystem(), folder, identity)),
  );
  return JSON.stringify(found?.manifest) === JSON.stringify(expected?.manifest);
}

function printTable(reports: readonly TerminalReport[]): void {
  const seconds = (bytes: number): string => ((bytes * 8) / linkBitsPerSecond).toFixed(1);
  const rows = reports.map(({ name, outcome, exact, bytesSent, fullBytes: full }) => [
    name,
    outcome,
    exact ? 'yes' : 'NO',
    bytesText(bytesSent),
    bytesText(full),
    `${((1 - bytesSent / full) * 100).toFixed(1)} %`,
    `${seconds(bytesSent)} s`,
    `${seconds(full)} s`,
  ]);
  const head = ['', 'outcome', 'exact', 'bytes sent', 'full zip', 'saved', 'at 512 kbit/s', 'full zip at 512 kbit/s'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  say('');
  for (const row of [head, ...rows]) say(line(row).trimEnd());
  say('(bytes sent: everything the server sent to that terminal: check, plan, index, patches, headers)\n');
}

async function cleanUp(server: RunningServer, folder: string): Promise<void> {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

function stayUp(server: RunningServer, folder: string): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => void cleanUp(server, folder).then(resolve));
  });
}

await main();
