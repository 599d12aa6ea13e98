/** Keys of one's own, from the first start of a server on: the real command against the real server. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSigningKey, encodeKeyFile, encodePublicKey } from '@remendo/core/publish';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { writeFiles } from '../testing/sample-releases.js';

const makeFolder = temporaryFolders();
const passphrase = 'a-passphrase-of-the-tests-only';
let server: RunningServer;
let folder: string;
let root: string;

beforeAll(async () => {
  folder = await makeFolder();
  root = join(folder, 'install');
  server = await startServer(folder, ['--hand-over', 'on']);
});
afterAll(async () => {
  await server?.stop();
});

function remendo(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const always = {
    REMENDO_SERVER_URL: server.url,
    REMENDO_TOKEN: server.token,
    REMENDO_TRUST_FOLDER: join(folder, 'publisher'),
    REMENDO_KEY_PASSPHRASE: passphrase,
  };
  return runRemendo(args, { folder, environment: { ...always, ...environment } });
}

const done = async (...args: readonly string[]): Promise<Ran> => {
  const ran = await remendo(args);
  expect([ran.code, ran.code === 0 ? '' : ran.stderr]).toEqual([0, '']);
  return ran;
};

async function publish(version: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const build = await writeFiles(join(folder, `build-${version}`), { 'erp.txt': Buffer.from(`the ERP ${version}`) });
  const ran = await done('publish', build, '--application', 'erp', '--release', version, '--json', ...args);
  return ran.json().release as Record<string, unknown>;
}

const install = (...args: readonly string[]): Promise<Ran> => remendo(['install', '--root', root, '--yes', ...args]);
const installed = async (): Promise<string> => (await readFile(join(root, 'erp.txt'), 'utf8')).trim();

describe('keys', () => {
  it('are made encrypted, for their owner alone, and never written over', async () => {
    for (const name of ['ana', 'rui']) await done('keys', 'create', '--out', `${name}.key`);
    // Opening an encrypted key takes a while, on purpose.
    for (const name of ['targets', 'release', 'second']) {
      const key = createSigningKey();
      await writeFile(join(folder, `${name}.key`), encodeKeyFile(key, null));
      await writeFile(join(folder, `${name}.key.pub`), encodePublicKey(key));
    }
    const text = await readFile(join(folder, 'ana.key'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ format: 'remendo-key-1', encrypted: { kdf: 'scrypt' } });
    expect((await stat(join(folder, 'ana.key'))).mode & 0o777).toBe(0o600);
    const again = await remendo(['keys', 'create', '--out', 'ana.key']);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('is there already')]);
    const bare = await remendo(['keys', 'create', '--out', 'bare.key'], { REMENDO_KEY_PASSPHRASE: '' });
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining('--no-passphrase')]);
  });

  it('of the server sign what is published, until they are handed over', async () => {
    expect(await publish('1.0.0')).toMatchObject({ state: 'published' });
    const first = await install();
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('no root of trust was shipped')]);
    expect((await done('keys', 'status')).stdout).toContain('can sign any release of any application, and replace every key');
    const wrong = await remendo(['keys', 'hand-over', '--root-key', 'ana.key', '--targets-key', 'targets.key'], {
      REMENDO_KEY_PASSPHRASE: 'another-passphrase',
    });
    expect([wrong.code, wrong.stderr]).toEqual([26, expect.stringContaining('TRUST_KEY_INVALID')]);
    const over = await done(
      'keys',
      'hand-over',
      '--root-key',
      'ana.key',
      '--root-key',
      'rui.key',
      '--root-threshold',
      '2',
      '--targets-key',
      'targets.key',
      '--json',
    );
    expect(over.json()).toMatchObject({ root: { version: 2, threshold: 2, by_server: false }, targets: { by_server: false } });
    await done('keys', 'delegate', '--application', 'erp', '--to', 'release.key', '--key', 'targets.key');
    expect((await done('keys', 'status')).stdout).toContain('it can sign none.');
  });

  it('of the publisher have to sign what arrives, or it stays a draft that nobody gets', async () => {
    expect(await publish('1.1.0')).toMatchObject({ state: 'draft' });
    expect((await remendo(['check', '--root', root])).stdout).toContain('Up to date: 1.0.0');
    const forced = await remendo(['releases', 'publish', '1.1.0', '--application', 'erp']);
    expect([forced.code, forced.stderr]).toEqual([16, expect.stringContaining('RELEASE_UNSIGNED')]);
    const other = await remendo(['releases', 'sign', '1.1.0', '--application', 'erp', '--key', 'second.key']);
    expect([other.code, other.stderr]).toEqual([26, expect.stringContaining('TRUST_THRESHOLD')]);
    await done('releases', 'sign', '1.1.0', '--application', 'erp', '--key', 'release.key');
    expect((await install()).code).toBe(0);
    expect(await installed()).toBe('the ERP 1.1.0');
  });

  it('sign only the zip that they have seen', async () => {
    await publish('1.2.0');
    await writeFile(join(folder, 'other.zip'), await readFile(join(folder, 'ana.key')));
    const other = await remendo([
      'releases',
      'sign',
      '1.2.0',
      '--application',
      'erp',
      '--key',
      'release.key',
      '--zip',
      'other.zip',
    ]);
    expect([other.code, other.stderr]).toEqual([19, expect.stringContaining('ARTIFACT_INVALID')]);
    await done('releases', 'sign', '1.2.0', '--application', 'erp', '--key', 'release.key', '--downgrade-from', '9.0.0');
  });

  it('sign as they publish', async () => {
    expect(await publish('1.3.0', '--key', 'release.key')).toMatchObject({ state: 'published' });
    expect((await install()).code).toBe(0);
    expect(await installed()).toBe('the ERP 1.3.0');
  });

  it('are replaced by a threshold of the root, from machine to machine in a file', async () => {
    const alone = await remendo(['keys', 'rotate', '--role', 'root', '--add', 'second.key', '--key', 'ana.key']);
    expect([alone.code, alone.stderr]).toEqual([26, expect.stringContaining('--out FILE')]);
    await done('keys', 'rotate', '--role', 'root', '--add', 'second.key.pub', '--key', 'ana.key', '--out', 'root.json');
    const early = await remendo(['keys', 'upload', 'root.json']);
    expect([early.code, early.stderr]).toEqual([26, expect.stringContaining('TRUST_THRESHOLD')]);
    const signed = await done('keys', 'sign', 'root.json', '--key', 'rui.key');
    expect(signed.stdout).toContain('root: version 3');
    expect((await done('keys', 'upload', 'root.json', '--json')).json()).toMatchObject({ root: { version: 3 } });
    await done('keys', 'rotate', '--role', 'online', '--key', 'ana.key', '--key', 'rui.key', '--key', 'targets.key');
    expect((await remendo(['check', '--root', root])).stdout).toContain('Up to date: 1.3.0');
  });

  it('that were stolen sign nothing any more', async () => {
    const { key_id: keyId } = JSON.parse(await readFile(join(folder, 'release.key'), 'utf8')) as { key_id: string };
    await done('keys', 'revoke', keyId.slice(0, 12), '--add', 'second.key', '--key', 'targets.key');
    const stolen = await remendo(['releases', 'sign', '1.3.0', '--application', 'erp', '--key', 'release.key']);
    expect([stolen.code, stolen.stderr]).toEqual([26, expect.stringContaining('TRUST_THRESHOLD')]);
    expect(await publish('1.4.0', '--key', 'second.key')).toMatchObject({ state: 'published' });
    expect((await install()).code).toBe(0);
    expect(await installed()).toBe('the ERP 1.4.0');
  });

  it('sign for another year, and give the root to ship', async () => {
    await done('keys', 'renew', '--key', 'second.key', '--key', 'targets.key', '--key', 'ana.key', '--key', 'rui.key');
    await done('keys', 'root', '--out', 'shipped.json');
    const other = join(folder, 'other');
    const shipped = await remendo([
      'install',
      '--root',
      other,
      '--yes',
      '--trust-root',
      'shipped.json',
      '--trust-first-use',
      'off',
    ]);
    expect([shipped.code, shipped.stderr]).toEqual([0, expect.not.stringContaining('root of trust')]);
    const none = await remendo(['install', '--root', join(folder, 'third'), '--yes', '--trust-first-use', 'off']);
    expect([none.code, none.stderr]).toEqual([26, expect.stringContaining('TRUST_ROOT_MISSING')]);
    // Whatever is wrong with trust, the application starts.
    await writeFile(join(folder, 'broken.json'), '{}');
    const start = [process.execPath, '-e', 'process.exit(7)'];
    const patient = ['--check-wait', '600000'];
    const launched = await remendo(['launch', '--root', other, ...patient, '--trust-root', 'broken.json', '--', ...start]);
    expect([launched.code, launched.stderr]).toEqual([7, expect.stringContaining('starting without an update: metadata')]);
  });
});
