/** The dead man's switch from end to end: a branch's monitor as a real process, a real server, and a clock that is moved. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, newCustomer, newTerminal, type TestTerminal } from '../testing/test-accounts.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';
import { watchBackups } from './watch-backups.js';

const remendo = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url));

let server: TestServer;
let terminal: TestTerminal;
let top: string;

beforeAll(async () => {
  server = await startTestServer();
  terminal = await newTerminal(server, await newCustomer(server), { branch: 'Roma' });
  top = await mkdtemp(join(tmpdir(), 'remendo-dead-man-'));
  await mkdir(join(top, 'backups'));
  const job = { name: 'database', folder: join(top, 'backups'), intervalSeconds: 3_600, graceSeconds: 600 };
  await mkdir(join(top, 'erp', '.remendo'), { recursive: true });
  await writeFile(
    join(top, 'erp', '.remendo', 'remendo.config.json'),
    JSON.stringify({ server: server.url, backups: { jobs: [job] } }),
  );
});

afterAll(async () => {
  await server?.stop();
  await rm(top, { recursive: true, force: true });
});

/** What the agent does when the time of its backups has come. @returns the exit code. */
function cycle(): Promise<number> {
  const [, key = ''] = terminal.as.authorization?.split(' ') ?? [];
  const env = { ...process.env, REMENDO_API_KEY: key, REMENDO_API_SECRET: terminal.as['x-api-secret'] };
  const args = [remendo, 'backups', 'check', '--root', join(top, 'erp'), '--json'];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env }, () => resolve(child.exitCode ?? -1));
  });
}

const watch = (minutes: number): Promise<number> =>
  watchBackups({ db: server.ports.database.db, notifier: server.ports.notifier }, new Date(Date.now() + minutes * 60_000));

async function told(): Promise<readonly string[]> {
  const { body } = await ask(server, 'GET', '/api/v1/notifications', { as: terminal.as });
  return body.notifications
    .map(({ kind, data }: { kind: string; data: { state: string } }) => `${kind} ${data.state}`)
    .toReversed();
}

it('tells once when the monitor of a branch stops, and when it is there again', async () => {
  expect(await cycle()).toBe(33);
  expect(await told()).toEqual(['backup_failed empty']);
  const path = join(top, 'backups', 'db.bak');
  await writeFile(path, 'a backup');
  const time = Date.now() / 1_000 - 600;
  await utimes(path, time, time);
  expect(await cycle()).toBe(0);
  await watch(69);
  expect(await told()).toEqual(['backup_failed empty', 'backup_recovered ok']);
  // Nobody comes any more.
  await watch(71);
  await watch(500);
  expect(await told()).toEqual(['backup_failed empty', 'backup_recovered ok', 'backup_silent silent']);
  expect(await cycle()).toBe(0);
  await watch(1);
  expect((await told()).slice(3)).toEqual(['backup_recovered ok']);
  const { body } = await ask(server, 'GET', '/api/v1/backups', { as: terminal.as });
  expect(body.backups).toMatchObject([{ job: 'database', branch: 'Roma', state: 'ok', is_silent: false, interval_seconds: 3_600 }]);
  const checks = await ask(server, 'GET', `/api/v1/backups/${body.backups[0].id}/checks`, { as: terminal.as });
  expect(checks.body.checks.map(({ state }: { state: string }) => state)).toEqual(['ok', 'ok', 'empty']);
});
