/** Signatures of the real gpg, good and bad, and ours as gpg sees them. */
import * as openpgp from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { createGnupg, type Gnupg, lacksGpg } from '../testing/gnupg.js';
import type { OpenPgpFile } from './openpgp-blocks.js';
import { verifyOpenPgpSignature } from './openpgp-signature.js';

const zip = new TextEncoder().encode('the bytes of a release\r\n'.repeat(50_000));
const tampered = Uint8Array.from(zip, (byte, index) => (index === 400_000 ? byte ^ 1 : byte));
const dayMs = 86_400_000;

describe.skipIf(lacksGpg)('signatures that gpg makes', () => {
  let gpg: Gnupg;
  const fingerprints: Record<string, string> = {};

  beforeAll(() => {
    gpg = createGnupg();
    fingerprints.anna = gpg.newKey('anna');
    fingerprints.rosa = gpg.newKey('rosa', { algorithm: 'rsa3072' });
    fingerprints.eve = gpg.newKey('eve');
  });
  afterAll(() => gpg?.close());

  const verify = (signature: OpenPgpFile, { keys = gpg.exportKeys('anna', 'rosa'), file = zip, now = Date.now() } = {}) =>
    verifyOpenPgpSignature({ zip: bufferSource(file), signature, keys, now });
  const refused = { code: 'TRUST_SIGNATURE_INVALID' };

  it.each(['anna', 'rosa'])('hold when %s made them, armored or binary, and tell who and when', async (name) => {
    for (const args of [['--armor'], []]) {
      const signer = await verify(gpg.sign(zip, [name], args));
      const fingerprint = fingerprints[name];
      expect(signer).toMatchObject({ fingerprint, signingFingerprint: fingerprint, userIds: [`${name} <${name}@example.com>`] });
      expect(Math.abs(signer.signedAtMs - Date.now())).toBeLessThan(60_000);
    }
  });

  it.each(['anna', 'rosa'])('of %s do not hold for other bytes', async (name) => {
    const signature = gpg.sign(zip, [name]);
    for (const file of [tampered, zip.subarray(1), zip.subarray(0, -1), new Uint8Array()])
      await expect(verify(signature, { file })).rejects.toMatchObject({ ...refused, message: expect.stringContaining('digest') });
  });

  it('do not hold when the key is not pinned, whatever else the signature says', async () => {
    await expect(verify(gpg.sign(zip, ['eve']))).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('none of the pinned keys'),
    });
  });

  it('hold when one of several is good, and the others are nobody’s or damaged', async () => {
    expect(await verify(gpg.sign(zip, ['eve', 'rosa'], ['--armor']))).toMatchObject({ fingerprint: fingerprints.rosa });
    const ofOther = Buffer.from(gpg.sign(tampered, ['anna'], ['--armor']));
    const good = Buffer.from(gpg.sign(zip, ['rosa'], ['--armor']));
    expect(await verify(Buffer.concat([ofOther, good]))).toMatchObject({ fingerprint: fingerprints.rosa });
    await expect(verify(Buffer.concat([ofOther, ofOther]))).rejects.toMatchObject(refused);
  });

  it('hold by keys of which each has an armored block of its own', async () => {
    const keys = gpg.exportKeys('anna') + gpg.exportKeys('rosa');
    for (const name of ['anna', 'rosa']) expect((await verify(gpg.sign(zip, [name]), { keys })).userIds[0]).toContain(name);
  });

  it.each(['SHA1', 'MD5', 'RIPEMD160'])('do not hold when they rest on %s', async (hash) => {
    const signature = gpg.sign(zip, ['rosa'], ['--digest-algo', hash]);
    await expect(verify(signature)).rejects.toMatchObject({ ...refused, message: expect.stringContaining('hash') });
  });

  it('do not hold when they are of a text: those hold for other line ends too', async () => {
    await expect(verify(gpg.sign(zip, ['anna'], ['--textmode']))).rejects.toMatchObject(refused);
  });

  it('do not hold when the key has expired, though it had not when it signed', async () => {
    const now = Date.now();
    gpg.newKey('old', { expires: 'seconds=864000', at: now - 9 * dayMs });
    const keys = gpg.exportKeys('old');
    const signature = gpg.sign(zip, ['old']);
    expect(await verify(signature, { keys, now })).toMatchObject({ userIds: ['old <old@example.com>'] });
    await expect(verify(signature, { keys, now: now + 2 * dayMs })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('expired'),
    });
  });

  it('do not hold when the key was revoked, before or after it signed', async () => {
    const fingerprint = gpg.newKey('lost');
    const signature = gpg.sign(zip, ['lost']);
    const before = gpg.exportKeys('lost');
    gpg.revoke(fingerprint);
    expect(await verify(signature, { keys: before })).toMatchObject({ fingerprint });
    await expect(verify(signature, { keys: gpg.exportKeys('lost') })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('revoked'),
    });
  });

  it('hold when the signer’s clock is some hours ahead, and not when it is days ahead', async () => {
    const now = Date.now();
    const signature = gpg.sign(zip, ['anna']);
    expect(await verify(signature, { now: now - 12 * 3_600_000 })).toMatchObject({ fingerprint: fingerprints.anna });
    await expect(verify(signature, { now: now - 3 * dayMs })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('clock'),
    });
  });

  it('have to be detached: a signed, clear-signed, compressed or encrypted message is refused', async () => {
    const asAnna = ['-u', 'anna@example.com'];
    for (const args of [
      [...asAnna, '--sign'],
      [...asAnna, '--armor', '--sign'],
      [...asAnna, '--compress-algo', 'none', '--sign'],
      [...asAnna, '--clearsign'],
      ['--passphrase', 'a word', '--symmetric'],
      ['--passphrase', 'a word', '--armor', '--symmetric'],
      ['--store'],
    ]) {
      await expect(verify(gpg.make(zip.subarray(0, 10_000), args)), args.join(' ')).rejects.toMatchObject({
        ...refused,
        message: 'this is no detached OpenPGP signature',
      });
    }
  });
});

describe.skipIf(lacksGpg)('signatures that OpenPGP.js makes', () => {
  it.each(['curve25519', 'rsa'] as const)('of a key of the type %s are good signatures to gpg', async (type) => {
    const gpg = createGnupg();
    try {
      const legacy = type === 'rsa' ? ({ type, rsaBits: 3_072 } as const) : ({ type: 'ecc', curve: 'ed25519Legacy' } as const);
      const userIDs = [{ name: 'Ours', email: 'ours@example.com' }];
      const { privateKey, publicKey } = await openpgp.generateKey({ ...legacy, userIDs, format: 'object' });
      const message = await openpgp.createMessage({ binary: zip });
      const signature = await openpgp.sign({ message, signingKeys: privateKey, detached: true });
      gpg.importKey(publicKey.armor());
      expect(gpg.verify(zip, signature)).toMatchObject({
        isGood: true,
        text: expect.stringContaining('Good signature from "Ours'),
      });
      expect(gpg.verify(tampered, signature)).toMatchObject({ isGood: false, text: expect.stringContaining('BAD signature') });
      const check = { zip: bufferSource(zip), signature, keys: publicKey.armor(), now: Date.now() };
      expect(await verifyOpenPgpSignature(check)).toMatchObject({ userIds: ['Ours <ours@example.com>'] });
    } finally {
      gpg.close();
    }
  });
});
