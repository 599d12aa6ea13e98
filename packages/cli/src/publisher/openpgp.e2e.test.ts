/** From gpg over publisher and server to terminals, as real processes. The tests follow on each other. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGnupg, type Gnupg, lacksGpg } from '@remendo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, readTree, targetFiles, writeFiles, zipFolder } from '../testing/sample-releases.js';
import { startTamperingProxy } from '../testing/tampering-proxy.js';

const makeFolder = temporaryFolders();
const own = ['.remendo', 'version.txt'];

describe.skipIf(lacksGpg)('releases signed with gpg', () => {
  let gpg: Gnupg;
  let server: RunningServer;
  let folder: string;
  let fingerprint: string;
  const at = (...names: readonly string[]): string => join(folder, ...names);
  const root = (): string => at('root');
  const keys = (): string => at('keys.asc');

  const remendo = (args: readonly string[], url = server.url): Promise<Ran> =>
    runRemendo(args, { environment: { REMENDO_SERVER_URL: url, REMENDO_APPLICATION: 'erp', REMENDO_TOKEN: server.token } });
  const install = (url?: string): Promise<Ran> => remendo(['install', '--root', root(), '--openpgp-keys', keys(), '--json'], url);
  const publish = (version: string, signature: string): Promise<Ran> =>
    remendo(['publish', at(`${version}.zip`), '--release', version, '--signature', signature, '--wait', '--json']);

  async function signedZip(version: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
    await writeFiles(at(version), files);
    const zip = await readFile(await zipFolder(at(version), at(`${version}.zip`)));
    await writeFile(at(`${version}.asc`), gpg.sign(zip, ['anna'], ['--armor']));
    await writeFile(at(`${version}.eve`), gpg.sign(zip, ['eve']));
  }

  beforeAll(async () => {
    gpg = createGnupg();
    fingerprint = gpg.newKey('anna');
    gpg.newKey('eve');
    folder = await makeFolder();
    await mkdir(root());
    await writeFile(keys(), gpg.exportKeys('anna'));
    await signedZip('1.0.0', baseFiles);
    await signedZip('1.0.1', targetFiles);
    server = await startServer(folder);
  });
  afterAll(async () => {
    gpg?.close();
    await server?.stop();
  });

  it('are told by who signed them', async () => {
    const args = (signature: string) => ['verify-signature', at('1.0.0.zip'), '--signature', at(signature), '--keys', keys()];
    const good = await remendo(args('1.0.0.asc'));
    expect(good.stdout).toMatch(new RegExp(`^signed by +anna <anna@example\\.com>\nkey +${fingerprint}\non +\\d{4}-`));
    expect((await remendo([...args('1.0.0.asc'), '--json'])).json()).toMatchObject({ signed: true, fingerprint });
    const bad = await remendo(args('1.0.1.asc'));
    expect(bad).toMatchObject({ code: exitCodes.trust, stdout: '' });
    expect(bad.stderr).toContain('TRUST_SIGNATURE_INVALID');
    expect((await remendo(args('absent.asc'))).code).toBe(exitCodes.usage);
  });

  it('are published with their signature, which is not one of a folder', async () => {
    expect((await publish('1.0.0', at('1.0.0.asc'))).json()).toMatchObject({ release: { zip_signed: true } });
    const ofFolder = await remendo(['publish', at('1.0.0'), '--release', '2.0.0', '--signature', at('1.0.0.asc')]);
    expect(ofFolder).toMatchObject({ code: exitCodes.usage });
    expect((await remendo(['releases', 'show', '1.0.0'])).stdout).toMatch(/^zip signed +with OpenPGP$/m);
  });

  it('are installed by a terminal with the key, from the full zip', async () => {
    const first = await install();
    expect(first.events().at(-1)).toMatchObject({ outcome: 'updated', version: '1.0.0' });
    expect(first.events()).toContainEqual(expect.objectContaining({ event: 'signature_verified', fingerprint }));
    expect(await readTree(root(), own)).toEqual(await readTree(at('1.0.0')));
  });

  it('are refused with another’s signature, and the old version stays and is started', async () => {
    await publish('1.0.1', at('1.0.1.eve'));
    const refused = await install();
    expect(refused.code).toBe(exitCodes.trust);
    expect(refused.events().at(-1)).toMatchObject({ outcome: 'failed', code: 'TRUST_SIGNATURE_INVALID' });
    expect(await readTree(root(), own)).toEqual(await readTree(at('1.0.0')));
    const args = ['launch', '--root', root(), '--openpgp-keys', keys(), '--', process.execPath, '-e', 'console.log("runs")'];
    const launched = await remendo(args);
    expect(launched).toMatchObject({ code: 0, stdout: expect.stringContaining('runs') });
    expect(launched.stderr).toContain('starting without an update');
  });

  it('are refused when the signature was damaged on the way', async () => {
    expect((await publish('1.0.1', at('1.0.1.asc'))).json()).toMatchObject({ already_published: true });
    const proxy = await startTamperingProxy(server.url, {
      spoil: ({ path }, body) => {
        if (!path.includes('/updates/signature/')) return body;
        const line = body.indexOf('\n\n') + 60;
        body[line] = body[line] === 0x41 ? 0x42 : 0x41;
        return body;
      },
    });
    const refused = await install(proxy.url);
    await proxy.close();
    expect(refused.events().at(-1)).toMatchObject({ outcome: 'failed', code: 'TRUST_SIGNATURE_INVALID' });
    expect(await readTree(root(), own)).toEqual(await readTree(at('1.0.0')));
  });

  it('are not installed while the keys can not be read', async () => {
    await rename(keys(), at('away.asc'));
    expect((await install()).code).toBe(exitCodes.usage);
    await writeFile(keys(), 'no keys');
    expect((await install()).events().at(-1)).toMatchObject({ outcome: 'failed', code: 'TRUST_KEY_INVALID' });
    await rename(at('away.asc'), keys());
  });

  it('replace what is installed once the signature is good, and say why no delta was used', async () => {
    const updated = await install();
    expect(updated.events().at(-1)).toMatchObject({ outcome: 'updated', base: '1.0.0', version: '1.0.1', plan: 'full zip' });
    expect(updated.stderr).toMatch(/signed by anna <anna@example\.com> \([0-9A-F]{40}\) on .*no deltas were used/);
    const chosen = updated.events().find(({ event }) => event === 'plan_chosen');
    expect(JSON.stringify(chosen?.losers)).toContain('covers the full zip only');
    expect(await readTree(root(), own)).toEqual(await readTree(at('1.0.1')));
  });
});
