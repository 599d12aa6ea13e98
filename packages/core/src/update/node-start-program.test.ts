/** Programs that are started, by real processes: what arrives there. */
import { fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toolEnvironment } from './child-environment.js';
import { nodeApplicationStarter } from './node-host.js';
import { exitOf, startProgram } from './node-start-program.js';

let folder: string;
const reporter = `require('node:fs').writeFileSync('report.json', JSON.stringify([process.argv.slice(2), process.env]));`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-start-'));
  await writeFile(join(folder, 'report.cjs'), reporter);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const report = async () => JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as [string[], Record<string, string>];

const set = {
  REMENDO_TOKEN: 'token-of-a-publisher',
  remendo_api_secret: 'secret-of-a-customer',
  REMENDO_ANYTHING_LATER: 'a-passphrase',
  NOTIFY_SOCKET: '/run/notify',
  CREDENTIALS_DIRECTORY: '/run/credentials',
  ERP_DATABASE: 'postgres://erp@db/erp',
  ERP_TOKEN: "the application's own",
};
const unset = { ...process.env };
function setAll(): void {
  Object.assign(process.env, set);
}
afterEach(() => {
  for (const name of Object.keys(set)) if (unset[name] === undefined) delete process.env[name];
});

/** Everything that some shell gives a meaning to. */
const metacharacters = [
  '',
  ' ',
  'a b',
  '"',
  `'`,
  '\\',
  'ends with \\',
  '\\"',
  '$HOME',
  '$(id)',
  '`id`',
  '%PATH%',
  '!x!',
  '^&|<>',
  '; id',
  '&& calc',
  '*',
  '?',
  '~',
  '#',
  '\n',
  'São João',
  '-rf',
  '--',
];

describe('the application', () => {
  it('gets its arguments as they are, whatever a shell would make of them', async () => {
    const child = startProgram({ command: process.execPath, args: ['report.cjs', ...metacharacters], folder }, 'ignore');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect((await report())[0]).toEqual(metacharacters);
  });

  it('gets the environment of this process, without secrets and messages that are for the updater', async () => {
    setAll();
    const running = nodeApplicationStarter().start({ command: process.execPath, args: ['report.cjs'], folder });
    expect(await running.exited).toEqual({ code: 0, signal: null });
    const [, environment] = await report();
    expect(environment).toMatchObject({ ERP_DATABASE: set.ERP_DATABASE, ERP_TOKEN: set.ERP_TOKEN, PATH: process.env.PATH });
    expect(Object.keys(environment).filter((name) => /^remendo_|^notify_|^credentials_/i.test(name))).toEqual([]);
  });

  it('that is not there has failed to start, and says why', async () => {
    const running = nodeApplicationStarter().start({ command: 'no-such-erp', args: [], folder });
    expect(await running.exited).toMatchObject({ code: null, error: expect.stringContaining('no such program') });
  });
});

it('a tool of the updater gets only what every program needs', async () => {
  setAll();
  const child = fork(join(folder, 'report.cjs'), [], { cwd: folder, env: toolEnvironment(process.env), stdio: 'ignore' });
  expect(await exitOf(child)).toEqual({ code: 0, signal: null });
  const [, environment] = await report();
  expect(environment.PATH).toBe(process.env.PATH);
  expect(Object.values(environment).filter((value) => Object.values(set).includes(value))).toEqual([]);
  // What the system itself adds stands below.
  const known = [
    ...Object.keys(toolEnvironment(process.env)),
    'NODE_CHANNEL_FD',
    'NODE_CHANNEL_SERIALIZATION_MODE',
    'PWD',
    '__CF_USER_TEXT_ENCODING',
  ];
  expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
});

describe('the sources', () => {
  const repository = fileURLToPath(new URL('../../../../', import.meta.url));
  const folders = [
    'packages/core/src',
    'packages/core/kernels',
    'packages/server/src',
    'packages/cli/src',
    'bench/src',
    'fixtures',
    'scripts',
  ];
  const sources = folders.flatMap((one) =>
    (readdirSync(join(repository, one), { recursive: true }) as string[])
      .filter((name) => /\.(ts|mts|mjs|js|cjs)$/.test(name) && !/node_modules|dist[\\/]/.test(name))
      .map((name) => [join(one, name), readFileSync(join(repository, one, name), 'utf8')] as const),
  );
  /** Those of node:child_process that have no shell unless they are told to. */
  const withoutShell = [
    'ChildProcess',
    'ChildProcessByStdio',
    'ExecFileOptions',
    'SpawnOptions',
    'StdioOptions',
    'execFile',
    'execFileSync',
    'fork',
    'spawn',
    'spawnSync',
  ];

  it('start no program by a shell', () => {
    expect(sources.length).toBeGreaterThan(300);
    for (const [name, text] of sources) {
      const asked = [...text.matchAll(/^(?! \*).*\bshell: *(\S+)/gm)].map(([, value]) => value?.replace(/\W+$/, ''));
      expect(
        asked.filter((value) => value !== 'false'),
        name,
      ).toEqual([]);
      for (const taken of namesOfChildProcess(text)) expect(withoutShell, name).toContain(taken);
    }
  });

  it('start programs in few places: the application, steps, builds of deltas, looks at backups, what the operator named, and tools of the system', () => {
    const shipped = sources.filter(([name]) => name.startsWith('packages') && !/\.test\.|testing|kernels/.test(name));
    const starting = shipped.filter(([, text]) => /^import (?!type )[^;]*'node:child_process'/m.test(text)).map(([name]) => name);
    expect(starting.map((name) => name.split(/[\\/]/).at(-1)).sort()).toEqual([
      'look-apart.ts',
      'node-end-tree.ts',
      'node-process-table.ts',
      'node-start-program.ts',
      'node-step-runner.ts',
      'qualify-program.ts',
      'run-build-process.ts',
      'run-verify-command.ts',
      'service-tools.ts',
      'windows-tools.ts',
    ]);
  });
});

/** What a source takes of node:child_process; the whole module by one name is not among what may be taken. */
const namesOfChildProcess = (text: string): readonly string[] =>
  [...text.matchAll(/^(?:import (?:type )?|const )(.+?) (?:from |= (?:await import|require)\()'node:child_process'/gm)].flatMap(
    ([, list = '']) =>
      list
        .replace(/[{}]/g, '')
        .split(',')
        .map((name) => name.replace(/\btype /, '').trim()),
  );

it('a signal that does not reach a program that runs is no end of it', async () => {
  const child = startProgram({ command: process.execPath, args: ['-e', 'process.exit(6)'], folder }, 'ignore');
  const exited = exitOf(child);
  child.emit('error', Object.assign(new Error('kill EPERM'), { code: 'EPERM' }));
  expect(await exited).toEqual({ code: 6, signal: null });
});
