/** Uploads with OpenPGP signatures, by the real gpg. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGnupg, type Gnupg, lacksGpg } from '@remendo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newCustomer, nobody } from '../testing/test-accounts.js';
import {
  newDataFolder,
  problemOf,
  publish,
  publishOk,
  removeFolder,
  startTestServer,
  type TestServer,
} from '../testing/test-server.js';
import { zipOf } from '../testing/zip-of.js';

const zipWith = (text: string): Buffer<ArrayBuffer> => zipOf([{ path: 'app.txt', bytes: text }]);
const asText = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe.skipIf(lacksGpg)('OpenPGP signatures of zips', () => {
  let gpg: Gnupg;
  let folder: string;
  const keysFile = (): string => join(folder, 'keys.asc');

  beforeAll(async () => {
    gpg = createGnupg();
    for (const name of ['anna', 'rosa', 'eve']) gpg.newKey(name);
    folder = await newDataFolder();
    await writeFile(keysFile(), gpg.exportKeys('anna', 'rosa'));
  });
  afterAll(async () => {
    gpg?.close();
    await removeFolder(folder);
  });

  const signed = (zip: Uint8Array, name = 'anna'): string => asText(gpg.sign(zip, [name], ['--armor']));
  const release = (version: string, zip: Buffer<ArrayBuffer>, signature?: string) => ({
    version,
    zip,
    ...(signature === undefined ? {} : { fields: { zip_signature: signature } }),
  });

  describe('at a server that asks for none', () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startTestServer();
    });
    afterAll(() => server?.stop());

    const signatureOf = (version: string) => server.get(`/api/v1/updates/signature/${version}?application=erp`);

    it('are kept and served, armored, whatever form they came in', async () => {
      const zip = zipWith('one');
      const { release: published } = await publishOk(server.url, release('1.0.0', zip, signed(zip)));
      expect(published.zip_signed).toBe(true);
      const answer = await signatureOf('1.0.0');
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/pgp-signature']);
      expect(gpg.verify(zip, await answer.text())).toMatchObject({ isGood: true });
      const other = zipWith('binary');
      await publishOk(server.url, release('1.0.1', other, Buffer.from(gpg.sign(other, ['rosa'])).toString('base64')));
      expect(gpg.verify(other, await (await signatureOf('1.0.1')).text())).toMatchObject({ isGood: true });
    });

    it('are told to be missing by 404, as for a release that is not there', async () => {
      const { release: published } = await publishOk(server.url, release('1.1.0', zipWith('unsigned')));
      expect(published.zip_signed).toBe(false);
      expect(await problemOf(await signatureOf('1.1.0'))).toEqual({ status: 404, code: 'RECORD_NOT_FOUND' });
      expect(await problemOf(await signatureOf('9.9.9'))).toEqual({ status: 404, code: 'RELEASE_NOT_FOUND' });
    });

    it('can be brought later and be replaced, for the same zip only; who did is in the audit', async () => {
      const zip = zipWith('later');
      await publishOk(server.url, release('1.2.0', zip));
      for (const name of ['anna', 'rosa', 'rosa']) {
        const again = await publishOk(server.url, release('1.2.0', zip, signed(zip, name)));
        expect(again).toMatchObject({ already_published: true, release: { zip_signed: true } });
        expect(gpg.verify(zip, await (await signatureOf('1.2.0')).text()).text).toContain(`Good signature from "${name}`);
      }
      expect(await publishOk(server.url, release('1.2.0', zip))).toMatchObject({ release: { zip_signed: true } });
      const same = zipOf([{ path: 'app.txt', bytes: 'later', stored: true }]);
      expect(await problemOf(await publish(server.url, release('1.2.0', same, signed(same))))).toMatchObject({
        code: 'RELEASE_EXISTS',
      });
      const { body } = await ask(server, 'GET', '/api/v1/audit?limit=500');
      const actions = (body.events as { action: string; subject: string }[]).filter(({ subject }) => subject === 'erp 1.2.0');
      expect(actions.filter(({ action }) => action === 'zip_signature_replaced').length).toBeGreaterThanOrEqual(2);
    });

    it.each(['', 'AAAA', '-----BEGIN PGP SIGNATURE-----', 'signed, honestly'])(
      'are refused when they are none: %j',
      async (text) => {
        const refused = await publish(server.url, release('2.0.0', zipWith('none'), text));
        expect(await problemOf(refused)).toEqual({ status: 422, code: 'TRUST_SIGNATURE_INVALID' });
      },
    );

    it('are no clear-signed messages and no keys', async () => {
      for (const text of [asText(gpg.make(Buffer.from('hi'), ['-u', 'anna@example.com', '--clearsign'])), gpg.exportKeys('anna')]) {
        const refused = await publish(server.url, release('2.0.0', zipWith('none'), text));
        expect(await problemOf(refused)).toEqual({ status: 422, code: 'TRUST_SIGNATURE_INVALID' });
      }
    });
  });

  describe('at a server with keys', () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startTestServer(['--openpgp-keys', keysFile(), '--new-application-access', 'licensed']);
    });
    afterAll(() => server?.stop());

    it('let a zip in, and nothing else does; what is refused leaves nothing behind', async () => {
      const zip = zipWith('one');
      const objects = () => readdir(join(server.dataFolder, 'objects'), { recursive: true }).catch(() => []);
      const before = await objects();
      for (const signature of [undefined, signed(zip, 'eve'), signed(zipWith('another')), 'none']) {
        const refused = await publish(server.url, release('1.0.0', zip, signature));
        expect(await problemOf(refused)).toEqual({ status: 422, code: 'TRUST_SIGNATURE_INVALID' });
      }
      expect(await objects()).toEqual(before);
      expect((await ask(server, 'GET', '/api/v1/applications')).body.applications).toEqual([]);
      expect(await publishOk(server.url, release('1.0.0', zip, signed(zip)))).toMatchObject({ release: { zip_signed: true } });
      expect((await objects()).length).toBeGreaterThan(0);
    });

    it('are asked for at the old address too', async () => {
      const form = new FormData();
      form.set('version', '1.0.1');
      form.set('file', new Blob([zipWith('old')]), 'v1.0.1.zip');
      const headers = { authorization: 'Bearer a-token-for-tests-only-0123456789' };
      const refused = await fetch(`${server.url}/upload_update`, { method: 'POST', headers, body: form });
      expect(await problemOf(refused)).toEqual({ status: 422, code: 'TRUST_SIGNATURE_INVALID' });
    });

    it('are given to who may have the zip', async () => {
      const path = `${server.url}/api/v1/updates/signature/1.0.0`;
      expect((await fetch(path, { headers: nobody })).status).toBe(401);
      expect((await fetch(path, { headers: (await newCustomer(server)).as })).status).toBe(200);
    });

    it('count by the keys of the moment: they are read again for every upload', async () => {
      const zip = zipWith('by eve');
      await writeFile(keysFile(), gpg.exportKeys('eve'));
      expect(await publishOk(server.url, release('1.1.0', zip, signed(zip, 'eve')))).toMatchObject({ success: true });
      await writeFile(keysFile(), 'no keys any more');
      const unusable = await publish(server.url, release('1.2.0', zipWith('x'), signed(zip, 'eve')));
      expect(await problemOf(unusable)).toEqual({ status: 500, code: 'CONFIG_INVALID' });
    });
  });

  it('a server does not start with keys that it can not read', async () => {
    for (const file of ['absent.asc', 'data']) {
      await writeFile(join(folder, 'data'), 'no keys');
      await expect(startTestServer(['--openpgp-keys', join(folder, file)])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });
});
