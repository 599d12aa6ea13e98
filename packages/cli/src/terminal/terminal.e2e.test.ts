/** The whole way with real processes: a server, a publisher, terminals. The tests of one application follow on each other. */
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { downloadedBytes } from '../testing/downloaded-bytes.js';
import { type Ran, type RunOptions, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, readTree, targetFiles, writeFiles } from '../testing/sample-releases.js';
import { startTamperingProxy, type Tampering } from '../testing/tampering-proxy.js';

const makeFolder = temporaryFolders();
let folder: string;
let server: RunningServer;
const at = (...names: readonly string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = await makeFolder();
  await writeFiles(at('base'), baseFiles);
  await writeFiles(at('target'), targetFiles);
  server = await startServer(folder);
});
afterAll(async () => {
  await server?.stop();
});

function remendo(application: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const environment = { REMENDO_SERVER_URL: server.url, REMENDO_APPLICATION: application, REMENDO_TOKEN: server.token };
  return runRemendo(args, { ...options, environment: { ...environment, ...options.environment } });
}

const own = ['.remendo', 'version.txt'];
const resultOf = (ran: Ran): Record<string, unknown> => ran.events().at(-1) ?? {};

describe('publish, install, verify, roll back', () => {
  const root = (): string => at('root');
  const erp = (...args: readonly string[]): Promise<Ran> => remendo('erp', args);

  it('publishes a folder, and the same again changes nothing', async () => {
    const first = await erp('publish', at('base'), '--release', '1.0.0', '--title', 'First', '--json');
    expect(first.json()).toMatchObject({ already_published: false, release: { version: '1.0.0', files: 6, type: 'stable' } });
    const again = await erp('publish', at('base'), '--release', '1.0.0', '--title', 'First', '--json');
    expect(again.json()).toMatchObject({ already_published: true });
    expect((await erp('publish', at('target'), '--release', '1.0.0')).code).toBe(exitCodes.release);
  });

  it('a wrong token publishes nothing', async () => {
    const ran = await remendo('erp', ['publish', at('base'), '--release', '9.0.0'], {
      environment: { REMENDO_TOKEN: 'not-the-token-that-it-knows' },
    });
    expect(ran.code).toBe(exitCodes.auth);
    expect(ran.stdout + ran.stderr).not.toContain('not-the-token');
  });

  it('installs into an empty root', async () => {
    const ran = await erp('install', '--root', root(), '--json');
    expect(resultOf(ran)).toMatchObject({ event: 'result', outcome: 'updated', base: null, version: '1.0.0' });
    expect(ran.code).toBe(0);
    expect(await readTree(root(), own)).toEqual(await readTree(at('base')));
    expect((await erp('check', '--root', root(), '--json')).json()).toMatchObject({ outcome: 'up_to_date', installed: '1.0.0' });
  });

  it('waits for the deltas to a second release and shows what it means', async () => {
    const published = await erp(
      'publish',
      at('target'),
      '--release',
      '1.0.1',
      '--wait',
      '--changelog',
      '- não há mais erros',
      '--json',
    );
    expect(published.json()).toMatchObject({ release: { deltas: [{ base_version: '1.0.0', state: 'ready' }] } });
    const check = await erp('check', '--root', root(), '--force');
    expect(check.code).toBe(0);
    for (const row of [
      /^current\s+1\.0\.0$/m,
      /^new\s+1\.0\.1$/m,
      /^type\s+stable$/m,
      /^full zip\s+\d+ kB$/m,
      /^backup needed\s+yes$/m,
    ]) {
      expect(check.stdout).toMatch(row);
    }
    expect(check.stdout).toContain('  - não há mais erros');
  });

  it('updates by patches, keeps what is not the release\u2019s, and says what was fetched', async () => {
    await writeFile(join(root(), 'my.ini'), 'mine');
    const ran = await erp('install', '--root', root(), '--json', '--skip-backup');
    expect(resultOf(ran)).toMatchObject({ outcome: 'updated', base: '1.0.0', version: '1.0.1' });
    expect(resultOf(ran).fetched_bytes).toBeLessThan(20_000);
    expect(await readTree(root(), [...own, 'my.ini'])).toEqual(await readTree(at('target')));
    const verified = await erp('verify', '--root', root(), '--json');
    expect(verified.json()).toMatchObject({ version: '1.0.1', intact: true, foreign: ['my.ini'] });
  });

  it('rolls back by command, and does not try that version again by itself', async () => {
    const back = await erp('rollback', '--root', root(), '--json');
    expect(resultOf(back)).toMatchObject({ outcome: 'rolled_back', base: '1.0.1', version: '1.0.0' });
    expect(await readTree(root(), [...own, 'my.ini'])).toEqual(await readTree(at('base')));
    expect((await erp('verify', '--root', root())).code).toBe(0);
    const blocked = await erp('install', '--root', root(), '--json');
    expect(resultOf(blocked)).toMatchObject({ outcome: 'blocked', blocked: '1.0.1' });
    expect(blocked.code).toBe(exitCodes.release);
    expect((await erp('status', '--root', root(), '--json')).json()).toMatchObject({
      version: '1.0.0',
      blocked: ['1.0.1'],
      last_transaction: { state: 'rolled_back' },
    });
    expect((await erp('rollback', '--root', root())).code).toBe(exitCodes.transaction);
    expect(resultOf(await erp('install', '--root', root(), '--json', '--retry'))).toMatchObject({
      outcome: 'updated',
      version: '1.0.1',
    });
  });

  it('finds damage, and lets preserved files differ', async () => {
    await appendFile(join(root(), 'readme.txt'), 'edited');
    const ran = await erp('verify', '--root', root(), '--json');
    expect(ran.code).toBe(exitCodes.install);
    expect(ran.json()).toMatchObject({ intact: false, damaged: [{ path: 'readme.txt', finding: 'changed' }] });
    expect((await erp('verify', '--root', root(), '--preserve', '*.txt')).code).toBe(0);
  });

  it('commands that only look leave no trace in a folder that is no install', async () => {
    await mkdir(at('nothing'));
    for (const command of ['status', 'verify', 'rollback'])
      expect((await erp(command, '--root', at('nothing'))).code).toBe(exitCodes.install);
    await erp('check', '--root', at('nothing'));
    expect(await readdir(at('nothing'))).toEqual([]);
  });

  it('Ctrl-C during the download leaves nothing half-done, and the next install goes on', async () => {
    const args = ['install', '--root', at('slow'), '--json'];
    const isDownloading = (text: string): boolean => /"event":"download_progressed".*"percent":[1-9]\d?\D/.test(text);
    // It falls silent in the middle.
    const holdAfter: Tampering['holdAfter'] = ({ path }) => (path.startsWith('/api/v1/objects/') ? 20_000 : null);
    const holding = await startTamperingProxy(server.url, { holdAfter });
    const stopped = await remendo('erp', args, {
      environment: { REMENDO_SERVER_URL: holding.url },
      onOutput: (text, kill) => {
        if (isDownloading(text)) kill('SIGINT');
      },
    });
    await holding.close();
    expect(stopped.code).toBe(exitCodes.interrupted);
    expect(resultOf(stopped)).toMatchObject({ outcome: 'interrupted' });
    expect(await readTree(at('slow'), own)).toEqual({});
    expect(await downloadedBytes(at('slow'))).toBeGreaterThan(0);
    expect(resultOf(await erp(...args))).toMatchObject({ outcome: 'updated', version: '1.0.1' });
  });

  it('the log tells the whole story', async () => {
    const lines = (await readFile(join(root(), '.remendo', 'update.log'), 'utf8')).trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as { command: string; event: string; state?: string });
    const entered = entries.filter(({ command, event }) => command === 'install' && event !== 'download_progressed');
    const states = entered.flatMap((entry) => entry.state ?? []);
    expect(states.filter((state) => ['started', 'downloading', 'installing', 'completed'].includes(state)).slice(0, 4)).toEqual([
      'started',
      'downloading',
      'installing',
      'completed',
    ]);
    expect(entries.some((entry) => entry.command === 'rollback' && entry.state === 'rolled_back')).toBe(true);
  });
});

describe('launch', () => {
  const root = (): string => at('shop');
  const shop = (...args: readonly string[]): Promise<Ran> => remendo('shop', args);
  /** However long a server on a busy machine takes to answer. */
  const patient = ['--force', '--check-wait', '600000', '--healthy-after', '60000'];
  const launch = (...args: readonly string[]): Promise<Ran> =>
    shop('launch', '--root', root(), ...patient, ...args, '--', process.execPath, 'app.js', '/caixa:3');
  const publish = async (release: string, program: string): Promise<void> => {
    await writeFiles(at(`shop-${release}`), { 'app.js': Buffer.from(program) });
    const published = await shop('publish', at(`shop-${release}`), '--release', release, '--wait');
    expect(published.code).toBe(0);
  };

  it('installs, starts the application in the root with its arguments, and confirms one that ends with 0', async () => {
    await publish('1.0.0', 'console.log("shop 1", process.argv[2], require("fs").existsSync("version.txt"))');
    const ran = await launch();
    expect(ran.stdout).toBe('shop 1 /caixa:3 true\n');
    expect(ran.code).toBe(0);
    expect((await shop('status', '--root', root(), '--json')).json()).toMatchObject({
      version: '1.0.0',
      last_transaction: { state: 'confirmed' },
    });
  });

  it('a release that does not come up is rolled back, and the one before is started', async () => {
    await publish('1.0.1', 'console.log("shop 2"); process.exit(3)');
    const ran = await launch('--json');
    expect(resultOf(ran)).toMatchObject({ event: 'result', outcome: 'rolled_back', base: '1.0.0', version: '1.0.0', exit_code: 0 });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/shop 2.*rolled back.*shop 1/s);
    const after = await launch('--json');
    expect(resultOf(after)).toMatchObject({ outcome: 'blocked', version: '1.0.0' });
    expect((await shop('verify', '--root', root())).code).toBe(0);
  });

  it('install rolls such a release back as well, with exit code 23', async () => {
    const ran = await shop('install', '--root', root(), '--retry', '--json', '--', process.execPath, 'app.js');
    expect(resultOf(ran)).toMatchObject({ outcome: 'rolled_back', version: '1.0.1', installed: '1.0.0' });
    expect(ran.code).toBe(exitCodes.start);
  });

  it('exit codes and signals are passed on; ending an unproved version leaves it to the next launch', async () => {
    const program = 'process.on("SIGTERM", () => process.exit(5)); console.log("shop 3"); setInterval(() => {}, 1000)';
    await publish('1.0.2', program);
    const onOutput: RunOptions['onOutput'] = (text, kill) => {
      if (text.includes('shop 3')) kill('SIGTERM');
    };
    const command = ['--', process.execPath, 'app.js'];
    const unproved = await remendo('shop', ['launch', '--root', root(), ...patient, ...command], { onOutput });
    expect(unproved.code).toBe(exitCodes.terminated);
    expect((await shop('status', '--root', root(), '--json')).json()).toMatchObject({
      version: '1.0.2',
      last_transaction: { state: 'committed' },
    });
    const proved = await remendo('shop', ['launch', '--root', root(), '--healthy-after', '0', '--json', ...command], {
      onOutput: (text, kill) => {
        if (text.includes('"event":"started"')) kill('SIGTERM');
      },
    });
    expect(resultOf(proved)).toMatchObject({ outcome: 'recovered', version: '1.0.2', recovery: 'committed' });
    expect((await shop('status', '--root', root(), '--json')).json()).toMatchObject({ last_transaction: { state: 'confirmed' } });
  });

  it('no server keeps the application from starting', async () => {
    await writeFiles(at('alone'), { 'app.js': Buffer.from('process.exit(7)') });
    const ran = await remendo(
      'shop',
      ['launch', '--root', at('alone'), '--check-wait', '50', '--json', '--', process.execPath, 'app.js'],
      {
        environment: { REMENDO_SERVER_URL: 'http://127.0.0.1:9' },
      },
    );
    expect(ran.code).toBe(7);
    expect(resultOf(ran)).toMatchObject({ outcome: 'update_failed', exit_code: 7 });
    expect(ran.stderr).toContain('warning: starting without an update');
  });

  it('a program that does not exist is a failed start', async () => {
    const ran = await shop('launch', '--root', at('alone'), '--', './no-such-program');
    expect(ran.code).toBe(exitCodes.start);
  });
});
