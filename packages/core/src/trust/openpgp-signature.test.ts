import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ByteSource, bufferSource } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import type { OpenPgpFile } from './openpgp-blocks.js';
import { describeOpenPgpKeys, parseOpenPgpKeys } from './openpgp-keys.js';
import { armorOpenPgpSignature, assertClaimedSignature, verifyOpenPgpSignature } from './openpgp-signature.js';

const zip = new TextEncoder().encode('a release\n'.repeat(100_000));
const now = Date.UTC(2026, 5, 1);
let publisher: openpgp.PrivateKey;
let keys: string;

const newKey = async (options: Partial<openpgp.KeyOptions> = {}): Promise<openpgp.PrivateKey> => {
  const userIDs = [{ name: 'Publisher', email: 'p@example.com' }];
  const date = new Date(now - 1_000_000);
  const key = { type: 'curve25519', userIDs, date, ...options } as openpgp.KeyOptions;
  return (await openpgp.generateKey({ ...key, format: 'object' })).privateKey;
};

async function sign(file: Uint8Array, signingKeys = [publisher], date = new Date(now)): Promise<Uint8Array> {
  const message = await openpgp.createMessage({ binary: file });
  return openpgp.sign({ message, signingKeys, detached: true, format: 'binary', date });
}

const verify = (signature: OpenPgpFile, options: { source?: ByteSource; keys?: OpenPgpFile; signal?: AbortSignal } = {}) => {
  const { source = bufferSource(zip), ...rest } = options;
  return verifyOpenPgpSignature({ zip: source, signature, keys, now, ...rest });
};

beforeAll(async () => {
  publisher = await newKey();
  keys = publisher.toPublic().armor();
});

describe('a signature', () => {
  it('holds by a subkey of a pinned key, and names both', async () => {
    const owner = await newKey({ subkeys: [{ sign: true }] });
    const [subkey] = owner.getSubkeys();
    const signer = await verify(await sign(zip, [owner]), { keys: owner.toPublic().write() as Uint8Array });
    expect(signer).toEqual({
      fingerprint: owner.getFingerprint().toUpperCase(),
      signingFingerprint: subkey?.getFingerprint().toUpperCase(),
      userIds: ['Publisher <p@example.com>'],
      signedAtMs: now,
    });
  });

  it('holds for an empty file, and for no other then', async () => {
    const signature = await sign(new Uint8Array());
    expect((await verify(signature, { source: bufferSource(new Uint8Array()) })).signedAtMs).toBe(now);
    await expect(verify(signature)).rejects.toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' });
  });

  it('is the same in every form that people have it in', async () => {
    const binary = await sign(zip);
    const armored = await armorOpenPgpSignature(binary);
    const forms = [
      armored,
      new TextEncoder().encode(armored),
      `\ufeff${armored}`,
      armored.replaceAll('\n', '\r\n'),
      `From me:\n\n${armored}`,
    ];
    for (const form of forms) expect((await verify(form)).signedAtMs).toBe(now);
    expect(await armorOpenPgpSignature(armored)).toBe(armored);
    expect(await armorOpenPgpSignature(`${armored}${armored}`)).not.toBe(armored);
  });

  it('of an issuer without a name is nobody’s', async () => {
    const signature = await sign(zip);
    const id = Buffer.from(publisher.getKeyID().toHex(), 'hex');
    for (let at = Buffer.from(signature).indexOf(id); at >= 0; at = Buffer.from(signature).indexOf(id))
      signature.fill(0, at, at + 8);
    await expect(verify(signature)).rejects.toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' });
  });

  it('with any byte changed is refused with a code', async () => {
    const signature = await sign(zip.subarray(0, 1_000));
    const source = bufferSource(zip.subarray(0, 1_000));
    const held: number[] = [];
    for (let index = 0; index < signature.length; index++) {
      const damaged = Uint8Array.from(signature, (byte, at) => (at === index ? byte ^ 0x21 : byte));
      await verify(damaged, { source }).then(
        () => held.push(index),
        (error) => expect(error).toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' }),
      );
    }
    expect(held).toEqual([]);
  });
});

/** A packet whose only subpacket is an embedded signature, whose only subpacket is one too, and so on, in less than 64 KiB. */
function nestedSignatures(): Uint8Array {
  let body = Buffer.from([4, 0, 22, 8, 0, 0, 0, 0, 0, 0]);
  const embeddedSignature = 32;
  while (body.length < 60_000) {
    const length = Buffer.alloc(5, 0xff);
    length.writeUInt32BE(body.length + 1, 1);
    const subpackets = Buffer.concat([length, Buffer.from([embeddedSignature]), body]);
    const head = Buffer.from([4, 0, 22, 8, subpackets.length >> 8, subpackets.length & 0xff]);
    body = Buffer.concat([head, subpackets, Buffer.alloc(4)]);
  }
  const packet = Buffer.concat([Buffer.from([0xc2, 0xff, 0, 0, 0, 0]), body]);
  packet.writeUInt32BE(body.length, 2);
  return new Uint8Array(packet);
}

describe('what is no signature', () => {
  it.each<readonly [string, OpenPgpFile]>([
    ['nothing', new Uint8Array()],
    ['an empty text', ''],
    ['a text', 'good, I promise'],
    ['armor with nothing in it', '-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n'],
    ['armor that was cut off', '-----BEGIN PGP SIGNATURE-----\n\nwnUEABYKAB0'],
    ['bytes at random', Uint8Array.from({ length: 500 }, (_, index) => (index * 167 + 200) & 0xff)],
    ['a packet that lies about its length', Uint8Array.of(0xc2, 0xff, 0xff, 0xff, 0xff, 0xff, 4)],
    ['another zip', zip.subarray(0, 500)],
    ['a signature in a signature, thousands deep', nestedSignatures()],
  ])('is refused: %s', async (_name, signature) => {
    await expect(verify(signature)).rejects.toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' });
    await expect(armorOpenPgpSignature(signature)).rejects.toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' });
  });

  it('is not looked at above 64 KiB', async () => {
    const huge = new Uint8Array(limits.signatureBytesMax + 1).fill(0xc2);
    await expect(verify(huge)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await expect(verify('-'.repeat(limits.signatureBytesMax + 1))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('are more signatures than anybody makes: each costs a pass of its own', async () => {
    const one = Buffer.from(await sign(zip));
    const many = (count: number): Uint8Array => new Uint8Array(Buffer.concat(Array.from({ length: count }, () => one)));
    expect((await verify(many(limits.signaturesMax))).signedAtMs).toBe(now);
    await expect(verify(many(limits.signaturesMax + 1))).rejects.toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' });
    const armored = await armorOpenPgpSignature(one);
    await expect(verify(armored.repeat(limits.signaturesMax + 1))).rejects.toMatchObject({ code: 'TRUST_SIGNATURE_INVALID' });
  });
});

describe('the zip', () => {
  it('is read once, from start to end, in pieces', async () => {
    const reads: [number, number][] = [];
    const source: ByteSource = {
      bytes: zip.length,
      read: (offset, into) => {
        reads.push([offset, into.length]);
        return bufferSource(zip).read(offset, into);
      },
    };
    const signers = [publisher, await newKey()];
    const both = signers.map((key) => key.toPublic().armor()).join('\n');
    expect((await verify(await sign(zip, signers), { source, keys: both })).signedAtMs).toBe(now);
    expect(reads.map(([, bytes]) => bytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(zip.length);
    expect(Math.max(...reads.map(([, bytes]) => bytes))).toBeLessThanOrEqual(256 * 1024);
    expect(reads.map(([offset]) => offset)).toEqual(reads.map(([offset]) => offset).toSorted((a, b) => a - b));
  });

  it('that can not be read is told as what it is', async () => {
    const failure = new UpdaterError('STORAGE_FAILED', 'the disk is gone');
    const source = { bytes: zip.length, read: () => Promise.reject(failure) };
    await expect(verify(await sign(zip), { source })).rejects.toBe(failure);
  });

  it('that grows shorter while it is read is refused', async () => {
    const source = { ...bufferSource(zip), bytes: zip.length + 1_000 };
    expect((await verify(await sign(zip), { source })).signedAtMs).toBe(now);
    await expect(verify(await sign(zip), { source: { ...source, read: async () => 0 } })).rejects.toMatchObject({
      code: 'TRUST_SIGNATURE_INVALID',
    });
  });

  it('is read no further once nobody waits for it', async () => {
    const abort = new AbortController();
    let reads = 0;
    const source: ByteSource = {
      bytes: 2 ** 40,
      async read(_offset, into) {
        if (++reads === 5) abort.abort(new Error('enough'));
        return into.length;
      },
    };
    await expect(verify(await sign(zip), { source, signal: abort.signal })).rejects.toThrow('enough');
    expect(reads).toBeLessThan(10);
  });

  it('is not needed to refuse what can not hold', async () => {
    const claim = { keys, now };
    await assertClaimedSignature({ ...claim, signature: await sign(zip) });
    const others = await sign(zip, [await newKey()]);
    await expect(assertClaimedSignature({ ...claim, signature: others })).rejects.toMatchObject({
      code: 'TRUST_SIGNATURE_INVALID',
    });
  });
});

describe('a file of keys', () => {
  it('tells whose they are', async () => {
    const second = await newKey({ userIDs: [{ name: 'Second' }] });
    expect(await describeOpenPgpKeys(`${keys}\n${second.toPublic().armor()}`)).toEqual([
      { fingerprint: publisher.getFingerprint().toUpperCase(), userIds: ['Publisher <p@example.com>'] },
      { fingerprint: second.getFingerprint().toUpperCase(), userIds: ['Second'] },
    ]);
  });

  it('with a private key in it is refused', async () => {
    for (const file of [publisher.armor(), publisher.write() as Uint8Array])
      await expect(parseOpenPgpKeys(file)).rejects.toMatchObject({ code: 'TRUST_KEY_INVALID' });
  });

  it('that holds no key is refused, and then nothing verifies', async () => {
    for (const file of ['', 'keys', new Uint8Array(20), new Uint8Array(20).fill(0xff), await sign(zip)]) {
      await expect(parseOpenPgpKeys(file)).rejects.toMatchObject({ code: 'TRUST_KEY_INVALID' });
      await expect(verify(await sign(zip), { keys: file })).rejects.toMatchObject({ code: 'TRUST_KEY_INVALID' });
    }
  });

  it('with weak keys in it is read, and what they sign is refused', async () => {
    const config = { minRSABits: 1_024 };
    const { privateKey } = await openpgp.generateKey({
      ...{ type: 'rsa', rsaBits: 1_024, userIDs: [{ name: 'Weak' }], date: new Date(now - 1_000_000), config },
      format: 'object',
    });
    const message = await openpgp.createMessage({ binary: zip });
    const options = { message, signingKeys: privateKey, detached: true, format: 'binary', date: new Date(now), config } as const;
    const signature = await openpgp.sign(options);
    await expect(verify(signature, { keys: privateKey.toPublic().armor() })).rejects.toMatchObject({
      code: 'TRUST_SIGNATURE_INVALID',
      message: expect.stringContaining('too weak'),
    });
  });
});
