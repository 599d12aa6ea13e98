/** `remendo setup`, the real command, and what it makes. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';

const makeFolder = temporaryFolders();
const isPosix = process.platform !== 'win32';
const server = 'http://127.0.0.1:9';
const setup = (root: string, ...args: readonly string[]): Promise<Ran> =>
  runRemendo(['setup', '--without-agent', '--root', root, '--server', server, ...args]);
const newRoot = async (): Promise<string> => join(await realpath(await makeFolder()), 'erp');
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
/** In memory, on most machines that have it. */
const otherVolume = '/dev/shm';
const hasOtherVolume = existsSync(otherVolume) && statSync(otherVolume).dev !== statSync(tmpdir()).dev;
const configOf = async (root: string): Promise<unknown> =>
  JSON.parse(await readFile(join(root, '.remendo', 'remendo.config.json'), 'utf8'));

describe('remendo setup', () => {
  it('makes root and updater’s folder, nobody else’s to write to, and a configuration that other commands find', async () => {
    const root = await newRoot();
    const ran = await setup(root, '--application', 'erp', '--platform', 'win-x64', '--channel', 'stable', '--preserve', '.env');
    expect(ran.code, ran.stderr).toBe(0);
    expect(await configOf(root)).toEqual({ server, application: 'erp', platform: 'win-x64', preserve: ['.env'] });
    if (isPosix) {
      expect([await modeOf(root), await modeOf(join(root, '.remendo')), await modeOf(join(root, '.remendo', 'trust'))]).toEqual([
        0o755, 0o700, 0o700,
      ]);
      expect(await modeOf(join(root, '.remendo', 'remendo.config.json'))).toBe(0o600);
    }
    // Without a server it would not even start the application.
    const launched = await runRemendo(['launch', '--root', root, '--check-wait', '0', '--', process.execPath, '-e', '']);
    expect(launched.code, launched.stderr).toBe(0);
  });

  it('run again it keeps what was said before, and changes what is said now', async () => {
    const root = await newRoot();
    await setup(root, '--application', 'erp', '--bandwidth', '50000');
    const again = await runRemendo([
      'setup',
      '--without-agent',
      '--root',
      root,
      '--channel',
      'development',
      '--bandwidth',
      '60000',
    ]);
    expect(again.code, again.stderr).toBe(0);
    expect(await configOf(root)).toEqual({ server, application: 'erp', channel: 'development', bandwidthBytesPerSecond: 60_000 });
  });

  it('takes its answers from a file, and flags go before them', async () => {
    const root = await newRoot();
    const answers = join(await makeFolder(), 'answers.json');
    await writeFile(
      answers,
      JSON.stringify({ server: 'https://updates.example.com', application: 'erp', apiKeyFile: '/etc/erp/key' }),
    );
    const wrong = await runRemendo(['setup', '--without-agent', '--root', root, '--answers', answers]);
    expect(wrong.code).toBe(exitCodes.usage);
    expect(wrong.stderr).toContain('/etc/erp/key');
    const keyFile = join(await makeFolder(), 'key');
    await writeFile(keyFile, 'rk_abcdefghijkl_nothing', { mode: 0o600 });
    const keys = { apiKeyFile: keyFile, apiSecretFile: keyFile };
    const said = { root, server: 'https://updates.example.com', application: 'erp', ...keys };
    await writeFile(answers, JSON.stringify({ ...said, enrol: false, install: false }));
    const ran = await runRemendo(['setup', '--without-agent', '--answers', answers, '--application', 'pos', '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    expect(await configOf(root)).toEqual({ server: 'https://updates.example.com', application: 'pos', ...keys });
    expect(ran.stdout + ran.stderr).not.toContain('rk_abcdefghijkl');
  });

  it('tells everything that is wrong at once, and makes nothing then', async () => {
    const root = await newRoot();
    const answers = join(await makeFolder(), 'answers.json');
    await writeFile(
      answers,
      JSON.stringify({ channel: 'beta', colour: 'green', register: { email: 'ana@example.com' }, install: 'no' }),
    );
    const ran = await runRemendo(['setup', '--without-agent', '--root', root, '--answers', answers]);
    expect(ran.code).toBe(exitCodes.usage);
    for (const problem of [
      '--server is missing',
      'channel must be',
      '"colour" is not a setting',
      'register must have',
      'install must be',
    ])
      expect(ran.stderr).toContain(problem);
    await expect(stat(root)).rejects.toThrow('ENOENT');
  });

  it.skipIf(!hasOtherVolume)('refuses a folder for the updater on another volume, and makes nothing then', async () => {
    const root = await newRoot();
    const home = join(otherVolume, `remendo-${process.pid}`);
    const ran = await setup(root, '--home', home, '--application', 'erp', '--lang', 'it');
    expect(ran.code, ran.stderr).toBe(exitCodes.storage);
    expect(ran.stderr).toContain(`STORAGE_OTHER_VOLUME: ${home} sta su un altro volume rispetto a ${root}`);
    for (const path of [root, home]) await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('shows with --dry-run what it would do, and does nothing', async () => {
    const root = await newRoot();
    await mkdir(root);
    if (isPosix) await chmod(root, 0o775);
    const ran = await setup(root, '--dry-run');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('Nothing was changed.');
    if (isPosix) {
      expect(ran.stderr).toContain(`would run: chmod 0755 ${root}`);
      expect(await modeOf(root)).toBe(0o775);
    }
    await expect(stat(join(root, '.remendo'))).rejects.toThrow('ENOENT');
  });

  it.skipIf(!isPosix)('takes from others the right to write to a root that is there, and shows it first', async () => {
    const root = await newRoot();
    await mkdir(join(root, '.remendo'), { recursive: true });
    await chmod(root, 0o777);
    await chmod(join(root, '.remendo'), 0o777);
    const ran = await setup(root, '--json');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.json().permissions).toEqual([`chmod 0755 ${root}  (was 0777)`, `chmod 0700 ${root}/.remendo  (was 0777)`]);
    expect(ran.stderr.indexOf('permissions: chmod')).toBeGreaterThanOrEqual(0);
    expect([await modeOf(root), await modeOf(join(root, '.remendo'))]).toEqual([0o755, 0o700]);
  });
});

describe.skipIf(process.getuid?.() !== 0)('with more rights than those who can write', () => {
  it('setup refuses before it touches anything, and so does every command that changes the install', async () => {
    const folder = await realpath(await makeFolder());
    const root = join(folder, 'erp');
    await chmod(folder, 0o777);
    const refused = await setup(root);
    expect(refused.code).toBe(exitCodes.install);
    expect(refused.stderr).toContain('INSTALL_UNSAFE');
    await expect(stat(root)).rejects.toThrow('ENOENT');
    await mkdir(join(root, '.remendo'), { recursive: true });
    for (const args of [['install', '--yes'], ['rollback'], ['check']]) {
      const ran = await runRemendo([...args, '--root', root, ...(args[0] === 'rollback' ? [] : ['--server', server])]);
      expect(ran.stderr, args[0]).toContain('INSTALL_UNSAFE');
      expect(ran.code).toBe(exitCodes.install);
    }
    // Where others can write, a log could be a link of theirs.
    await expect(stat(join(root, '.remendo', 'update.log'))).rejects.toThrow('ENOENT');
  });

  it('launch starts the application all the same, without an update', async () => {
    const folder = await realpath(await makeFolder());
    const root = join(folder, 'erp');
    await mkdir(root);
    await chmod(root, 0o777);
    const ran = await runRemendo([
      'launch',
      '--root',
      root,
      '--server',
      server,
      '--',
      process.execPath,
      '-e',
      'console.log("sold")',
    ]);
    expect(ran.stdout).toContain('sold');
    expect(ran.stderr).toContain('starting without an update');
    await expect(stat(join(root, '.remendo'))).rejects.toThrow('ENOENT');
  });

  it('launch starts no mixture of two versions, which it would have to finish first', async () => {
    const root = join(await realpath(await makeFolder()), 'erp');
    await mkdir(join(root, '.remendo'), { recursive: true });
    const target = { version: '1.0.1', manifestDigest: '0'.repeat(64) };
    const begun = { type: 'begun', format: 'remendo-journal-1', transaction: 'tx', base: null, target };
    const records = [begun, { type: 'staged', changes: 0, directories: 0 }, { type: 'committing' }].map((record) =>
      JSON.stringify(record),
    );
    const lines = records.map((record) => `${createHash('sha256').update(record).digest('hex').slice(0, 16)} ${record}\n`);
    await writeFile(join(root, '.remendo', 'journal'), lines.join(''));
    await chmod(root, 0o777);
    const ran = await runRemendo([
      'launch',
      '--root',
      root,
      '--server',
      server,
      '--',
      process.execPath,
      '-e',
      'console.log("sold")',
    ]);
    expect(ran.stdout).not.toContain('sold');
    expect(ran.stderr).toContain('INSTALL_UNSAFE');
    expect(ran.code).toBe(exitCodes.install);
  });
});

describe('the root of trust', () => {
  it('is put in its place as it is, and setup says until when it holds', async () => {
    const root = await newRoot();
    const [file, bytes] = await writeRoot({});
    const ran = await setup(root, '--trust-root', file, '--json');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.json()).toMatchObject({ trust: 'shipped', trust_root: { version: 3, expires: '2031-01-01T00:00:00Z' } });
    const path = join(root, '.remendo', 'trust', 'root.json');
    expect(await readFile(path)).toEqual(bytes);
    if (isPosix) expect(await modeOf(path)).toBe(0o600);
    const again = await setup(root, '--json');
    expect(again.json()).toMatchObject({ trust: 'kept' });
    expect(again.stderr).not.toContain('no root of trust');
  });

  it('may be named by the answers, beside them', async () => {
    const root = await newRoot();
    const [file] = await writeRoot({});
    const answers = join(file, '..', 'answers.json');
    await writeFile(answers, JSON.stringify({ root, server, trustRoot: 'root.json', install: false }));
    const ran = await runRemendo(['setup', '--without-agent', '--answers', answers, '--json']);
    expect(ran.json()).toMatchObject({ trust: 'shipped' });
  });

  it('without one setup says plainly that trust begins at first use', async () => {
    const ran = await setup(await newRoot(), '--json');
    expect(ran.json()).toMatchObject({ trust: 'first_use', trust_root: null });
    expect(ran.stderr).toContain('the first one that the server shows will be believed');
    const refusing = await setup(await newRoot(), '--trust-first-use', 'off', '--json');
    expect(refusing.json()).toMatchObject({ trust: 'missing', configuration: { trust_first_use: false } });
    expect(refusing.stderr).toContain('nothing is installed before --trust-root brings one');
  });

  const wrong: readonly (readonly [string, Parameters<typeof writeRoot>[0]])[] = [
    ['is signed by another key', { signer: generateKeyPairSync('ed25519').privateKey }],
    ['is signed by too few', { threshold: 2 }],
    ['is no root', { type: 'targets' }],
    ['is no JSON', { text: 'root' }],
  ];
  it.each(wrong)('that %s is refused, and nothing is made', async (_, fault) => {
    const root = await newRoot();
    const [file] = await writeRoot(fault);
    const ran = await setup(root, '--trust-root', file);
    expect(ran.code).toBe(exitCodes.trust);
    expect(ran.stderr).toContain('TRUST_INVALID');
    await expect(stat(root)).rejects.toThrow('ENOENT');
  });

  it('that is not there is a mistake of the arguments', async () => {
    expect((await setup(await newRoot(), '--trust-root', '/no/such/root.json')).code).toBe(exitCodes.usage);
  });
});

interface RootFault {
  readonly signer?: KeyObject;
  readonly threshold?: number;
  readonly type?: string;
  readonly text?: string;
}

/** A root.json of one key. @returns its path and its bytes. */
async function writeRoot({ signer, threshold = 1, type = 'root', text }: RootFault): Promise<readonly [string, Buffer]> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const key = { keytype: 'ed25519', keyval: { public: raw }, scheme: 'ed25519' };
  const keyid = createHash('sha256').update(JSON.stringify(key)).digest('hex');
  const role = { keyids: [keyid], threshold };
  const roles = { root: role, snapshot: role, targets: role, timestamp: role };
  // Keys in the order of the alphabet: this is the canonical form, too.
  const signed = {
    _type: type,
    consistent_snapshot: true,
    expires: '2031-01-01T00:00:00Z',
    keys: { [keyid]: key },
    roles,
    spec_version: '1.0.31',
    version: 3,
  };
  const sig = sign(null, Buffer.from(JSON.stringify(signed)), signer ?? privateKey).toString('hex');
  const bytes = Buffer.from(text ?? JSON.stringify({ signatures: [{ keyid, sig }], signed }));
  const path = join(await makeFolder(), 'root.json');
  await writeFile(path, bytes);
  return [path, bytes];
}
