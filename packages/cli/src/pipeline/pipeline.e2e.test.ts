/** Steps with real processes around a real update, and what a person and the log get to read of them. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';

const makeFolder = temporaryFolders();
let folder: string;
let server: RunningServer;
const root = (): string => join(folder, 'erp');
const note = (): string => join(folder, 'note.txt');

const remendo = (...args: readonly string[]): Promise<Ran> =>
  runRemendo(args, { environment: { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: server.token, REMENDO_LANGUAGE: 'en' } });

/** A step that appends a word to the note. */
const writing = (word: string) => ['-e', `require('node:fs').appendFileSync(process.argv[1], '${word} ')`, note()];
const noted = async (): Promise<readonly string[]> => (await readFile(note(), 'utf8').catch(() => '')).trim().split(' ');

async function configure(migrate: string): Promise<void> {
  const backup = join(folder, 'backup-{base}.sql');
  const dump = `require('node:fs').writeFileSync(process.argv[1], 'dump')`;
  const steps = {
    before: [
      { name: 'Maintenance on', command: process.execPath, args: writing('on') },
      { name: 'Back up the database', command: process.execPath, args: ['-e', dump, backup], backupPath: backup },
    ],
    after: [
      {
        name: 'Migrate the database',
        command: process.execPath,
        args: ['-e', migrate],
        changesData: true,
        undo: { command: process.execPath, args: writing('undone') },
      },
    ],
    finally: [{ name: 'Maintenance off', command: process.execPath, args: writing('off') }],
  };
  await writeFile(join(root(), '.remendo', 'remendo.config.json'), JSON.stringify({ steps }));
}

beforeAll(async () => {
  folder = await makeFolder();
  server = await startServer(folder);
  for (const [name, version] of [
    ['one', '1.0.0'],
    ['two', '1.0.1'],
  ] as const) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'app.js'), `console.log('${version}')`);
  }
  await remendo('publish', join(folder, 'one'), '--application', 'erp', '--release', '1.0.0');
  expect((await remendo('install', '--root', root(), '--application', 'erp')).code).toBe(0);
  await remendo('publish', join(folder, 'two'), '--application', 'erp', '--release', '1.0.1');
});
afterAll(async () => {
  await server?.stop();
});

it('a download that takes too long keeps nobody from starting the application', async () => {
  const app = [process.execPath, 'app.js'];
  const waits = ['--check-wait', '600000', '--download-wait', '0'];
  const ran = await remendo('launch', '--root', root(), '--force', ...waits, '--json', '--', ...app);
  expect(ran.code).toBe(0);
  expect(ran.events().at(-1)).toMatchObject({ outcome: 'update_failed', version: '1.0.0' });
  expect(ran.stderr).toContain('the next start goes on with it');
});

it('nothing is installed without a proven backup, nor while the application holds, and nothing is downloaded for it', async () => {
  const backups = join(folder, 'backups');
  await mkdir(backups);
  const jobs = [{ name: 'erp-db', folder: backups, intervalSeconds: 86_400, settleSeconds: 0 }];
  const settings = { backups: { jobs, backupMaxAgeHours: 24 }, agent: { holdFile: join(folder, 'mid-sale') } };
  await writeFile(join(root(), '.remendo', 'remendo.config.json'), JSON.stringify(settings));
  const without = await remendo('install', '--root', root(), '--json');
  expect(without.code).toBe(exitCodes.backup);
  expect(without.events().at(-1)).toMatchObject({ code: 'BACKUP_MISSING' });
  expect(without.stderr).toContain('erp-db');
  expect(without.events().some(({ event }) => event === 'download_progressed')).toBe(false);
  await writeFile(join(backups, 'erp.sql'), 'create table clientes');
  await writeFile(join(folder, 'mid-sale'), String(process.pid));
  const held = await remendo('install', '--root', root(), '--json');
  expect(held.code).toBe(exitCodes.install);
  expect(held.events().at(-1)).toMatchObject({ code: 'INSTALL_ON_HOLD' });
  await rm(join(folder, 'mid-sale'));
});

it('a step that fails is told with the end of its output, everything is undone, and the exit code says so', async () => {
  await configure(`console.log('table clientes is locked'); process.exit(7)`);
  const ran = await remendo('install', '--root', root());
  expect(ran.code).toBe(exitCodes.step);
  expect(ran.stderr).toContain('Migrate the database');
  expect(ran.stderr).toContain('it ended with exit code 7');
  expect(ran.stderr).toContain('table clientes is locked');
  expect(await noted()).toEqual(['on', 'undone', 'off']);
  expect((await remendo('status', '--root', root(), '--json')).json()).toMatchObject({ version: '1.0.0', blocked: ['1.0.1'] });
});

it('the log has the steps, their output and the path of the backup', async () => {
  const log = (await readFile(join(root(), '.remendo', 'update.log'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const ended = log.filter(({ event }) => event === 'step_ended');
  expect(ended.map(({ name, failure }) => [name, failure])).toEqual([
    ['Maintenance on', null],
    ['Back up the database', null],
    ['Migrate the database', 'it ended with exit code 7'],
    ['Maintenance off', null],
  ]);
  expect(ended[1].backup_path).toBe(join(folder, 'backup-1.0.0.sql'));
  expect(ended[2].output).toContain('table clientes is locked');
  expect(log.some(({ state }) => state === 'backing_up')).toBe(true);
});

it('when all succeed the release is installed, and --skip-backup leaves the backup out', async () => {
  await configure('0');
  await writeFile(note(), '');
  const ran = await remendo('install', '--root', root(), '--retry', '--skip-backup', '--json');
  expect(ran.events().at(-1)).toMatchObject({ outcome: 'updated', version: '1.0.1' });
  expect(await noted()).toEqual(['on', 'off']);
  const begun = ran.events().filter(({ event }) => event === 'step_began');
  expect(begun.map(({ name }) => name)).toEqual(['Maintenance on', 'Migrate the database', 'Maintenance off']);
});

it('an update that is held goes on with --retry, though what it put in place is the newest', async () => {
  const allows = join(folder, 'allowed');
  const migrate = `process.exit(require('node:fs').existsSync(${JSON.stringify(allows)}) ? 0 : 7)`;
  const after = [{ name: 'Migrate', command: process.execPath, args: ['-e', migrate], changesData: true }];
  await writeFile(join(root(), '.remendo', 'remendo.config.json'), JSON.stringify({ steps: { after } }));
  const source = ['publish', join(folder, 'one'), '--application', 'erp', '--release', '1.0.2'];
  expect((await remendo(...source, '--no-rollback-compatible')).code).toBe(0);
  expect((await remendo('install', '--root', root())).code).toBe(exitCodes.install);
  await writeFile(allows, '');
  const retried = await remendo('install', '--root', root(), '--retry', '--json');
  expect(retried.events().at(-1)).toMatchObject({ outcome: 'updated', version: '1.0.2' });
});

it('everything that is wrong with the steps is told at once, and nothing starts', async () => {
  const steps = { before: [{ name: 'No program' }], after: [{ name: 'Odd', command: 'x', timeLimitMs: 0, sudo: true }] };
  const ran = await remendo('install', '--root', root(), '--steps', JSON.stringify(steps), '--healthy-after', '-1');
  expect(ran.code).toBe(exitCodes.usage);
  for (const problem of ['before.0', 'after.0.timeLimitMs', '--healthy-after']) expect(ran.stderr).toContain(problem);
});
