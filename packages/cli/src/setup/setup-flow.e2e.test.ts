/** `remendo setup` from a file of answers to a working terminal, against a real server; only the system's services are a double. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { chmod, mkdir, readFile, realpath, stat, utimes, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { acquireInstallLock, errorChain, nodeHost } from '@remendo/core';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { createOutput, type Streams } from '../output/output.js';
import { systemPermissions } from '../permissions/system-permissions.js';
import type { AgentDefinition } from '../service/agent-service.js';
import { type RecordedTools, recordedTools } from '../service/recorded-tools.test.support.js';
import { systemdService } from '../service/systemd-service.js';
import { patience } from '../testing/patience.js';
import { runRemendo, temporaryFolders, testRecord } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, writeFiles } from '../testing/sample-releases.js';
import { runSetup } from './setup-command.js';
import { systemFacts, unsupportedBecause } from './supported-system.js';

const makeFolder = temporaryFolders();
/** As it is built: what all tests start is packed for their user alone. */
const mainPath = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const mails: Email[] = [];
let mailServer: SMTPServer;
let server: RunningServer;

beforeAll(async () => {
  mailServer = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    async onData(stream, _session, done) {
      mails.push(await PostalMime.parse(Buffer.concat((await stream.toArray()) as Buffer[])));
      done();
    },
  });
  mailServer.listen(0, '127.0.0.1');
  await once(mailServer.server, 'listening');
  vi.stubEnv('REMENDO_SMTP_URL', `smtp://127.0.0.1:${(mailServer.server.address() as AddressInfo).port}`);
  const folder = await makeFolder();
  server = await startServer(folder, ['--new-application-access', 'licensed']);
  vi.unstubAllEnvs();
  const release = await writeFiles(join(folder, 'release'), baseFiles);
  const publish = ['publish', release, '--server', server.url, '--application', 'erp', '--release', '1.0.0'];
  const published = await runRemendo(publish, { environment: { REMENDO_TOKEN: server.token } });
  expect(published.code, published.stderr).toBe(0);
});

afterAll(async () => {
  await server?.stop();
  mailServer?.close();
});

interface SetUp {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command in this process, with services that only write down what they are asked. */
async function setUp(answers: object, tools: RecordedTools, more: { readonly isRemoving?: boolean } = {}): Promise<SetUp> {
  const file = join(await makeFolder(), 'answers.json');
  await writeFile(file, JSON.stringify(answers));
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const streams = { stdout, stderr } as unknown as Streams;
  const context: CommandContext = {
    output: createOutput(streams, { json: false }),
    language: 'en',
    environment: {},
    signal: new AbortController().signal,
    isInteractive: false,
    takeSignals: () => () => {},
  };
  const openService = (definition: AgentDefinition) =>
    systemdService(definition, {
      tools,
      isRoot: true,
      userName: 'ana',
      configFolder: '/home/ana/.config',
      callLine: 'remendo setup',
    });
  const ports = { permissions: systemPermissions, openService, system: systemFacts('10.0.19045') };
  const given = { flags: {}, answers: file, own: {}, ownService: {}, isDry: false, isRemoving: false, ...more };
  const code = await runSetup(context, given, ports).catch((error) => {
    stderr.write(`${errorChain(error).join('\n')}\n`);
    return -1;
  });
  const said = { stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
  testRecord.output('setup', said.stdout + said.stderr);
  return { code, ...said };
}

/** Whether every account of this machine may run a file. */
const isOpenToAll = (path: string): boolean =>
  dirname(path) === path || ((statSync(path).mode & 0o005) !== 0 && isOpenToAll(dirname(path)));

const booted = () => recordedTools({ there: ['/run/systemd/system'] });
const newRoot = async (): Promise<string> => join(await realpath(await makeFolder()), 'erp');
const configOf = async (root: string) => JSON.parse(await readFile(join(root, '.remendo', 'remendo.config.json'), 'utf8'));
const ana = { email: 'ana@example.com', firstName: 'Ana', lastName: 'Lima', company: 'Padaria São João' };
const answersFor = (root: string, more: object = {}) => ({
  root,
  server: server.url,
  application: 'erp',
  register: ana,
  terminal: { name: 'Caixa 3', branch: 'Centro' },
  ...more,
});

// biome-ignore lint/suspicious/noExplicitAny: answers of all kinds, which the expectations look into.
const asOperator = async (path: string, method = 'GET'): Promise<any> => {
  const headers = { authorization: `Bearer ${server.token}` };
  const response = await fetch(new URL(path, server.url), { method, headers });
  return response.status === 204 ? null : response.json();
};

/** `step outcome` of each line. */
const stepsOf = ({ stdout }: SetUp): readonly string[] =>
  stdout
    .split('\n')
    .flatMap((line) => /^(\w+) +(done|kept|changed|left out|by hand|failed)\b/.exec(line)?.slice(1, 3).join(' ') ?? []);

describe('one file of answers', () => {
  it('makes a registered, enrolled, installed and scheduled terminal; again, it changes nothing', async () => {
    const root = await newRoot();
    const tools = booted();
    const first = await setUp(answersFor(root, { language: 'it' }), tools);
    expect(first.code, first.stderr).toBe(0);
    expect(stepsOf(first)).toEqual([
      'folders done',
      'permissions kept',
      'trust left out',
      'configuration done',
      'customer done',
      'terminal done',
      'application done',
      'agent done',
    ]);
    expect(await readFile(join(root, 'readme.txt'), 'utf8')).toBe('one\n'.repeat(100));
    const unit =
      tools
        .lines()
        .find((line) => line.startsWith('write '))
        ?.slice('write '.length) ?? '';
    expect(Buffer.from(tools.bytes(unit)).toString()).toContain(`"agent" "--root" "${root}"`);

    const secretFile = join(root, '.remendo', 'terminal-secret');
    const config = await configOf(root);
    expect(config).toEqual({ server: server.url, application: 'erp', language: 'it', terminalSecretFile: secretFile });
    if (process.platform !== 'win32') expect((await stat(secretFile)).mode & 0o777).toBe(0o600);
    const [id = '', secret = ''] = (await readFile(secretFile, 'utf8')).trim().split(':');
    expect(first.stdout).toContain(id);
    expect(first.stdout + first.stderr + JSON.stringify(config)).not.toContain(secret);
    const { terminals } = await asOperator('/api/v1/terminals');
    expect(terminals).toMatchObject([{ terminal_id: id, name: 'Caixa 3', branch: 'Centro', architecture: process.arch }]);

    const again = await setUp(answersFor(root), tools);
    expect(again.code, again.stderr).toBe(0);
    expect(stepsOf(again)).toEqual([
      'folders kept',
      'permissions kept',
      'trust kept',
      'configuration kept',
      'terminal kept',
      'application kept',
      'agent kept',
    ]);
    expect((await asOperator('/api/v1/terminals')).terminals).toHaveLength(1);

    // An agent that runs has read its settings when it started; the first of the two calls fails on the way to it.
    await writeFile(join(root, '.remendo', 'agent.lock'), '');
    const later = answersFor(root, { agent: { jitterMinutesMax: 5 } });
    const lock = await acquireInstallLock(nodeHost(), join(root, '.remendo', 'lock'));
    expect(stepsOf(await setUp(later, tools))).toEqual(expect.arrayContaining(['configuration changed', 'application failed']));
    await lock.release();
    // Both in one tick of the disk's clock: nobody can tell which of them came first.
    const { mtime } = await stat(join(root, '.remendo', 'remendo.config.json'));
    await utimes(join(root, '.remendo', 'agent.lock'), mtime, mtime);
    await utimes(join(root, '.remendo', 'remendo.config.json'), mtime, mtime);
    tools.lines();
    expect(stepsOf(await setUp(later, tools))).toEqual(expect.arrayContaining(['configuration kept', 'agent changed']));
    expect(tools.lines().at(-1)).toContain('systemctl restart');

    const license = await runRemendo(['license', '--root', root]);
    expect(license.code, license.stderr).toBe(0);
    expect(license.stdout).toMatch(/^posta +non confermata/m);
    const check = await runRemendo(['check', '--root', root], {
      environment: { REMENDO_API_KEY: 'rk_abcdefghijkl_nothing', REMENDO_API_SECRET: 'nothing' },
    });
    expect(check.stdout, 'the terminal asks as itself, whatever key is in the environment').toContain(
      'Aggiornato: è installata la 1.0.0.',
    );

    expect((await setUp(answersFor(root), tools, { isRemoving: true })).stdout).toContain('the application stays');
    expect(await readFile(join(root, 'readme.txt'), 'utf8')).toBe('one\n'.repeat(100));
  });

  it('the mail address is confirmed by the code that was sent there', async () => {
    const root = await newRoot();
    const bia = { ...ana, email: 'bia@example.com' };
    const told = await setUp(answersFor(root, { register: bia, install: false, service: { mode: 'none' } }), booted());
    expect(told.stderr).toContain('a code was sent to bia@example.com');
    await vi.waitFor(() => expect(mails.map(({ to }) => to?.[0]?.address)).toContain('bia@example.com'), patience);
    const text = mails.find(({ to }) => to?.[0]?.address === 'bia@example.com')?.text ?? '';
    const code = /: ([A-Z2-9]{10})/.exec(text)?.[1] ?? '';
    const lines = (await readFile(join(root, '.remendo', 'customer.env'), 'utf8')).trim().split('\n');
    const environment = Object.fromEntries(lines.map((line) => line.split('=', 2) as [string, string]));
    const confirm = (given: string) =>
      runRemendo(['register', '--server', server.url, '--confirm', given, '--lang', 'it'], { environment });
    expect((await confirm('AAAAAAAAAA')).code).toBe(exitCodes.record);
    const ran = await confirm(code.toLowerCase());
    expect(ran.stdout, ran.stderr).toContain("L'indirizzo di posta è confermato");
    expect((await runRemendo(['license', '--root', root, '--lang', 'it'])).stdout).toMatch(/^posta +confermata$/m);
  });
});

describe('what fails half-way', () => {
  it('leaves what is done, says how to go on, and is gone on with', async () => {
    const root = await newRoot();
    const away = await setUp(
      answersFor(root, { server: 'http://127.0.0.1:9', register: { ...ana, email: 'caio@example.com' } }),
      booted(),
    );
    expect(away.code).toBe(-1);
    expect(stepsOf(away)).toContain('customer failed');
    expect(away.stderr).toContain('it goes on from here');
    expect(away.stderr).toContain('DOWNLOAD_FAILED');
    expect(await configOf(root)).toMatchObject({ application: 'erp' });
    const back = await setUp(answersFor(root, { register: { ...ana, email: 'caio@example.com' } }), booted());
    expect(back.code, back.stderr).toBe(0);
    expect(stepsOf(back).slice(0, 6)).toEqual([
      'folders kept',
      'permissions kept',
      'trust left out',
      'configuration changed',
      'customer done',
      'terminal done',
    ]);
  });

  it('a terminal that was revoked is enrolled anew with the key that is still there', async () => {
    const root = await newRoot();
    const dora = answersFor(root, { register: { ...ana, email: 'dora@example.com' }, install: false, service: { mode: 'none' } });
    await setUp(dora, booted());
    const [id = ''] = (await readFile(join(root, '.remendo', 'terminal-secret'), 'utf8')).split(':');
    await asOperator(`/api/v1/terminals/${id}`, 'DELETE');
    await vi.waitFor(async () => expect((await runRemendo(['license', '--root', root])).code).toBe(exitCodes.auth), patience);
    const again = await setUp(dora, booted());
    expect(stepsOf(again).slice(4, 6)).toEqual(['customer kept', 'terminal changed']);
    expect((await runRemendo(['license', '--root', root])).code).toBe(0);
  });

  it.skipIf(process.getuid?.() !== 0 || !isOpenToAll(mainPath))(
    'an install for an account of its own is that account’s, whatever root made of it',
    async () => {
      const folder = await realpath(await makeFolder());
      await chmod(folder, 0o755);
      const answers = join(folder, 'answers.json');
      const eva = answersFor(join(folder, 'erp'), {
        register: { ...ana, email: 'eva@example.com' },
        service: { account: 'nobody' },
      });
      await writeFile(answers, JSON.stringify(eva));
      const ran = await runRemendo(['setup', '--answers', answers, '--json'], { command: mainPath });
      expect(ran.code, ran.stderr).toBe(0);
      expect(ran.json().steps).toContainEqual({ step: 'application', outcome: 'done' });
      for (const path of ['', '.remendo', '.remendo/terminal-secret', '.remendo/update.log', 'readme.txt'])
        expect((await stat(join(folder, 'erp', path))).uid, path).not.toBe(0);
      await mkdir(join(folder, 'other'));
      const other = await runRemendo(['setup', '--answers', answers, '--root', join(folder, 'other')]);
      expect(other.stderr).toContain('INSTALL_UNSAFE');
    },
  );
});

describe('a system', () => {
  const linux = { platform: 'linux', architecture: 'x64', release: '6.1.0', glibc: '2.36' } as const;
  const windows = { platform: 'win32', architecture: 'x64', release: '10.0.14393', glibc: null } as const;

  it('is supported from Windows 10 and Server 2016 on, and as Linux with glibc, on x64', () => {
    expect([linux, windows, { ...windows, release: '10.0.22631' }].map(unsupportedBecause)).toEqual([null, null, null]);
    expect([
      unsupportedBecause({ ...windows, release: '6.3.9600' }),
      unsupportedBecause({ ...windows, release: '6.1.7601' }),
      unsupportedBecause({ ...linux, glibc: null }),
      unsupportedBecause({ ...linux, architecture: 'arm64' }),
      unsupportedBecause({ ...linux, platform: 'darwin' }),
    ]).toEqual(['windows', 'windows', 'glibc', 'architecture', 'platform']);
  });
});
