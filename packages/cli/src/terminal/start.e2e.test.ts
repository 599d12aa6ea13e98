/** What the application gets when the real command starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { reachesByItself } from './supervised-starter.js';

const makeFolder = temporaryFolders();
const reporter = 'console.log(JSON.stringify([process.argv.slice(1), process.env]))';

it('launch passes arguments on as they are, and the environment without the updater’s secrets', async () => {
  const root = join(await makeFolder(), 'erp');
  const secrets = {
    REMENDO_TOKEN: 'token-of-a-publisher',
    REMENDO_API_KEY: 'rk_abcdefghijkl_nothing',
    REMENDO_API_SECRET: 'secret-of-a-customer',
    REMENDO_SERVER_URL: 'http://127.0.0.1:9',
  };
  const args = ['/caixa:3', 'a b', '"', '$HOME', '%PATH%', '& calc', '; id', '`id`', '--', '--json'];
  const ran = await runRemendo(
    ['launch', '--root', root, '--check-wait', '0', '--', process.execPath, '-e', reporter, '--', ...args],
    {
      environment: { ...secrets, ERP_TOKEN: 'its own' },
    },
  );
  const [given, environment] = JSON.parse(ran.stdout) as [string[], Record<string, string>];
  expect(given).toEqual(args);
  expect(environment.ERP_TOKEN).toBe('its own');
  expect(environment.PATH).toBe(process.env.PATH);
  const names = Object.keys(environment).filter((name) => /^remendo_/i.test(name));
  expect(names).toEqual([]);
  expect(Object.values(environment).filter((value) => Object.values(secrets).includes(value))).toEqual([]);
});

it('a program that is not there is a failed start, told with its name', async () => {
  const root = join(await makeFolder(), 'erp');
  const ran = await runRemendo([
    'launch',
    '--root',
    root,
    '--server',
    'http://127.0.0.1:9',
    '--check-wait',
    '0',
    '--',
    'no-such-erp',
  ]);
  expect(ran.code).toBe(23);
  expect(ran.stderr).toContain('no-such-erp could not be started: there is no such program');
});

it.skipIf(!existsSync('/dev/full'))('launch starts it though nothing that it says can be written anywhere', async () => {
  const root = join(await makeFolder(), 'erp');
  const full = openSync('/dev/full', 'w');
  const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const settings = ['--root', root, '--server', 'http://127.0.0.1:9', '--check-wait', '0', '--json'];
  const args = [command, 'launch', ...settings, '--', process.execPath, '-e', 'process.exit(7)'];
  const [code] = await once(spawn(process.execPath, args, { stdio: ['ignore', full, full] }), 'exit');
  closeSync(full);
  expect(code).toBe(7);
});

it('Ctrl-C reaches programs of a console by itself, and the end of a console on Windows is not sent to one with windows', () => {
  expect(reachesByItself('SIGINT', { platform: 'linux', isConsole: true })).toBe(true);
  expect(reachesByItself('SIGINT', { platform: 'linux', isConsole: false })).toBe(false);
  expect(reachesByItself('SIGHUP', { platform: 'win32', isConsole: false })).toBe(true);
  expect(reachesByItself('SIGHUP', { platform: 'linux', isConsole: true })).toBe(false);
  expect(reachesByItself('SIGTERM', { platform: 'win32', isConsole: true })).toBe(false);
});
