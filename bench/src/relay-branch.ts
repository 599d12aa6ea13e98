/**
 * A branch of terminals that all update at once, each a program of its own: without a relay, through one, with the relay
 * killed in the middle, and with one that lies. Counts every byte that crosses the branch's link and looks at every file.
 *
 *     node bench/dist/relay-branch.js [--terminals 20] [--megabytes 4] [--killed-at 0.3] [--only SCENARIO] [--namespaces]
 *
 * The relay is killed when half of the terminals have that share of the new bytes. What stood in the buffers of its
 * connection to the server by then counts as carried over the link, though it was of no use to anybody.
 *
 * With --namespaces (Linux, root) every machine has a network of its own on one bridge, and terminals find the relay by
 * multicast DNS; without, they are told its address and all share this machine's.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { nodeFileSystem } from '@remendo/core';
import { scanFolder } from '@remendo/core/publish';
import { type CountingProxy, startCountingProxy } from './demo/counting-proxy.js';
import { type RunningServer, runRemendo, startServer } from './demo/programs.js';
import { type BranchNetwork, openBranchNetwork } from './relay-namespaces.js';
import { type RunningRelay, runInBranch, startLiar, startRelay } from './relay-programs.js';

const { values } = parseArgs({
  options: {
    terminals: { type: 'string', default: '20' },
    megabytes: { type: 'string', default: '4' },
    'killed-at': { type: 'string', default: '0.3' },
    only: { type: 'string' },
    namespaces: { type: 'boolean', default: false },
  },
});
const count = Number(values.terminals);
const newBytes = Math.round(Number(values.megabytes) * 1_000_000);
/** What the update takes over the relay that is going to be killed: fast enough for terminals to stay with it. */
const slowSeconds = 40;
/** How much of the new bytes most of them have then. */
const killedAtShare = Number(values['killed-at']);
const token = 'relay-branch-token-for-loopback';
const scenarios = ['without a relay', 'through the relay', 'relay killed in the middle', 'relay that lies'] as const;
type Scenario = (typeof scenarios)[number];

interface Branch {
  readonly folder: string;
  readonly server: RunningServer;
  readonly network: BranchNetwork | null;
  /** The link of the terminals to the server, and the relay's: every byte is counted. */
  readonly direct: CountingProxy;
  readonly upstream: CountingProxy;
  readonly targetFiles: string;
}

interface Row {
  readonly scenario: Scenario;
  readonly updated: number;
  readonly exact: number;
  /** From the server to the branch. */
  readonly linkBytes: number;
  readonly ofTheRelay: number;
  /** By the relay's own count. */
  readonly servedBytes: number | null;
  readonly seconds: number;
}

async function filesOf(folder: string): Promise<string> {
  const { manifest } = await scanFolder(nodeFileSystem(), folder, { application: 'erp', platform: 'any', version: '0.0.0' });
  return JSON.stringify(manifest.files.filter(({ path }) => path !== 'version.txt'));
}

/** New bytes that nothing can be patched from, and a program with a small change. */
async function makeReleases(folder: string): Promise<readonly [string, string]> {
  const program = randomBytes(2_000_000);
  const changed = Buffer.concat([program.subarray(0, 900_000), randomBytes(1_000), program.subarray(900_000)]);
  const releases = { '1.0.0': { 'erp.exe': program }, '1.1.0': { 'erp.exe': changed, 'reports.dat': randomBytes(newBytes) } };
  for (const [version, files] of Object.entries(releases)) {
    await mkdir(join(folder, version), { recursive: true });
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, version, name), bytes);
  }
  return [join(folder, '1.0.0'), join(folder, '1.1.0')];
}

async function must(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const { code, stderr } = await runRemendo(args, { env });
  if (code !== 0) throw new Error(`remendo ${args.join(' ')} ended with ${code}:\n${stderr}`);
}

async function openBranch(folder: string, network: BranchNetwork | null): Promise<Branch> {
  const open = ['--new-application-access', 'public', '--requests-per-minute', '1000000', '--checks-per-minute', '1000000'];
  const server = await startServer(join(folder, 'server'), token, open);
  const releases = await makeReleases(join(folder, 'releases'));
  const env = { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: token };
  for (const [index, release] of releases.entries()) {
    await must(['publish', release, '--application', 'erp', '--release', `1.${index}.0`, '--wait', '--json'], env);
    if (index === 0) await must(['install', '--root', join(folder, 'base'), '--yes', '--json'], env);
  }
  const address = network?.address ?? '127.0.0.1';
  const [direct, upstream] = await Promise.all([startCountingProxy(server.url, address), startCountingProxy(server.url, address)]);
  return { folder, server, network, direct, upstream, targetFiles: await filesOf(releases[1]) };
}

/** @param relay for the setting of that name. */
async function updateAll(
  branch: Branch,
  prefix: string,
  relay: string,
): Promise<{ readonly updated: number; readonly exact: number }> {
  const roots = Array.from({ length: count }, (_, index) => join(branch.folder, `${prefix}-${index}`));
  for (const root of roots) await cp(join(branch.folder, 'base'), root, { recursive: true });
  const env = { REMENDO_SERVER_URL: branch.direct.url, REMENDO_RELAY: relay, REMENDO_ALLOW_INSECURE: 'on' };
  const ended = await Promise.all(
    roots.map((root, index) =>
      runInBranch(['install', '--root', root, '--yes'], { env, namespace: branch.network?.namespaces[index + 1] ?? null }),
    ),
  );
  for (const { code, stderr } of ended) if (code !== 0) process.stderr.write(stderr);
  const files = await Promise.all(roots.map((root) => filesOf(root)));
  for (const root of roots) await rm(root, { recursive: true, force: true });
  return {
    updated: ended.filter(({ code }) => code === 0).length,
    exact: files.filter((found) => found === branch.targetFiles).length,
  };
}

/** Resolves when so much lies in the folders of downloads of half of the terminals: one that went to the server is soon done. */
async function hasArrived({ folder }: Branch, prefix: string, wantedBytes: number): Promise<void> {
  for (let median = 0; median < wantedBytes; ) {
    await setTimeout(200);
    const folders = Array.from({ length: count }, (_, index) => join(folder, `${prefix}-${index}`, '.remendo', 'downloads'));
    const sizes = folders.map(async (downloads) => {
      const names = await readdir(downloads).catch(() => []);
      const stats = names.map((name) => stat(join(downloads, name)).catch(() => null));
      return (await Promise.all(stats)).reduce((sum, one) => sum + (one?.size ?? 0), 0);
    });
    median = (await Promise.all(sizes)).sort((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
  }
}

const relayIn = ({ folder, network, upstream }: Branch, name: string, args: readonly string[] = []): Promise<RunningRelay> =>
  startRelay(
    ['--folder', join(folder, name), '--server', upstream.url, '--host', network === null ? '127.0.0.1' : '0.0.0.0', ...args],
    { env: { REMENDO_ALLOW_INSECURE: 'on' }, namespace: network?.namespaces[0] ?? null },
  );

/** What terminals are told: in networks of their own they find it themselves. */
const asked = ({ network }: Branch, url: string): string => (network === null ? url : 'auto');

async function play(branch: Branch, scenario: Scenario): Promise<Row> {
  const { direct, upstream } = branch;
  const before = { direct: direct.bytes.sent, upstream: upstream.bytes.sent };
  const beganMs = performance.now();
  const { outcome, servedBytes } = await playing[scenario](branch, scenario.replaceAll(' ', '-'));
  const ofTheRelay = upstream.bytes.sent - before.upstream;
  const linkBytes = direct.bytes.sent - before.direct + ofTheRelay;
  return { scenario, ...outcome, linkBytes, ofTheRelay, servedBytes, seconds: (performance.now() - beganMs) / 1_000 };
}

type Played = { readonly outcome: Pick<Row, 'updated' | 'exact'>; readonly servedBytes: number | null };

const playing: Readonly<Record<Scenario, (branch: Branch, name: string) => Promise<Played>>> = {
  'without a relay': async (branch, name) => ({ outcome: await updateAll(branch, name, 'off'), servedBytes: null }),
  async 'through the relay'(branch, name) {
    const relay = await relayIn(branch, name);
    const outcome = await updateAll(branch, `${name}-terminal`, asked(branch, relay.url));
    return { outcome, servedBytes: Number((await relay.stop()).bytes_served) };
  },
  async 'relay killed in the middle'(branch, name) {
    // As slow as a thin link, so that all of them have begun by then.
    const relay = await relayIn(branch, name, ['--bandwidth', String(Math.round(newBytes / slowSeconds))]);
    const prefix = `${name}-terminal`;
    const killed = hasArrived(branch, prefix, newBytes * killedAtShare).then(() => relay.kill());
    const outcome = await updateAll(branch, prefix, asked(branch, relay.url));
    await killed;
    return { outcome, servedBytes: null };
  },
  async 'relay that lies'(branch, name) {
    const relay = await relayIn(branch, name);
    const liar = await startLiar(relay.url, branch.network?.address ?? '127.0.0.1');
    const outcome = await updateAll(branch, `${name}-terminal`, liar.url);
    const servedBytes = Number((await relay.stop()).bytes_served);
    liar.close();
    return { outcome, servedBytes };
  },
};

const bytesText = (bytes: number | null): string => (bytes === null ? '—' : bytes.toString().replaceAll(/\B(?=(\d{3})+$)/g, ','));

function print(rows: readonly Row[]): void {
  const head = ['scenario', 'updated', 'exact', 'over the link', 'of it the relay', 'relay gave', 'seconds'];
  const cells = rows.map((row) => [
    row.scenario,
    `${row.updated} of ${count}`,
    `${row.exact} of ${count}`,
    bytesText(row.linkBytes),
    bytesText(row.ofTheRelay),
    bytesText(row.servedBytes),
    row.seconds.toFixed(1),
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...cells])
    process.stdout.write(
      `${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}\n`,
    );
}

const folder = await mkdtemp(join(tmpdir(), 'remendo-branch-'));
const network = values.namespaces ? openBranchNetwork(count + 1) : null;
let branch: Branch | null = null;
try {
  branch = await openBranch(folder, network);
  const rows: Row[] = [];
  for (const scenario of scenarios.filter((name) => name === (values.only ?? name))) rows.push(await play(branch, scenario));
  print(rows);
  const fields = rows.map(({ scenario, updated, exact, linkBytes, ofTheRelay }) => ({
    scenario,
    updated,
    exact,
    link_bytes: linkBytes,
    of_the_relay: ofTheRelay,
  }));
  process.stdout.write(
    `${JSON.stringify({ event: 'relay_branch', terminals: count, new_bytes: newBytes, killed_at: killedAtShare, scenarios: fields })}\n`,
  );
  if (rows.some(({ updated, exact }) => updated !== count || exact !== count)) process.exitCode = 1;
} finally {
  await Promise.all([branch?.direct.close(), branch?.upstream.close()]);
  await branch?.server.stop();
  network?.close();
  await rm(folder, { recursive: true, force: true });
}
