/**
 * Keys that sign metadata. A key file is one line of JSON, which fits into a variable too; its private half is encrypted with a passphrase (scrypt, RFC 7914, and
 * AES-256-GCM) or, where a file system or a vault protects it, plain. PEM (PKCS #8, encrypted or not) is read too, so that
 * keys may come from elsewhere.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scryptSync,
  sign,
} from 'node:crypto';
import { Key, Signature } from '@tufjs/models';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { UpdaterError } from '../../errors.js';
import { keyIdOf } from '../../trust/parse-metadata.js';

export interface SigningKey {
  /** TUF key id: SHA-256 of the canonical public key. */
  readonly keyId: string;
  readonly publicKey: Key;
  /** A signature over the canonical form of metadata. */
  sign(bytes: Buffer): Signature;
  /** The private half, as PKCS #8 in DER. */
  privateBytes(): Buffer;
}

/** A new Ed25519 key (RFC 8032). */
export const createSigningKey = (): SigningKey => signingKeyOf(generateKeyPairSync('ed25519').privateKey);

const base64 = Type.String({ pattern: '^[A-Za-z0-9+/]+={0,2}$', maxLength: 10_000 });
const KeyFile = Type.Object({
  format: Type.Literal('remendo-key-1'),
  key_id: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** PKCS #8 in DER, when it is not encrypted. */
  private: Type.Optional(base64),
  encrypted: Type.Optional(
    Type.Object({
      kdf: Type.Literal('scrypt'),
      n: Type.Integer(),
      salt: base64,
      cipher: Type.Literal('aes-256-gcm'),
      nonce: base64,
      tag: base64,
      data: base64,
    }),
  ),
});
const keyFileSchema = Compile(KeyFile);

/**
 * What each guess at a passphrase costs: one that a person made up, 128 MiB and about half a second; one of 256 random bits
 * needs no such thing.
 */
const scryptCosts = { chosen: 2 ** 17, made: 2 ** 14 } as const;
const scrypt = (passphrase: string, salt: Buffer, n: number): Buffer =>
  scryptSync(passphrase.normalize('NFC'), salt, 32, { N: n, r: 8, p: 1, maxmem: 256 * n * 8 });

/**
 * @param passphrase null leaves the private half as it is: for places that are protected otherwise.
 * @param origin whether a person chose the passphrase, or it was made of random bits.
 */
export function encodeKeyFile(key: SigningKey, passphrase: string | null, origin: keyof typeof scryptCosts = 'chosen'): string {
  const file = { format: 'remendo-key-1', key_id: key.keyId };
  if (passphrase === null) return `${JSON.stringify({ ...file, private: key.privateBytes().toString('base64') })}\n`;
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const n = scryptCosts[origin];
  const cipher = createCipheriv('aes-256-gcm', scrypt(passphrase, salt, n), nonce).setAAD(Buffer.from(key.keyId));
  const data = Buffer.concat([cipher.update(key.privateBytes()), cipher.final()]);
  const parts = { salt, nonce, tag: cipher.getAuthTag(), data };
  const texts = Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, bytes.toString('base64')]));
  return `${JSON.stringify({ ...file, encrypted: { kdf: 'scrypt', n, cipher: 'aes-256-gcm', ...texts } })}\n`;
}

const keyInvalid = (message: string, cause?: unknown): UpdaterError =>
  new UpdaterError('TRUST_KEY_INVALID', message, cause === undefined ? {} : { cause });

/** @throws UpdaterError TRUST_KEY_INVALID; nothing of the key or the passphrase is in it. */
export function decodeKeyFile(text: string, passphrase: string | null): SigningKey {
  return signingKeyOf(text.trimStart().startsWith('-----BEGIN') ? privateOfPem(text, passphrase) : privateOfFile(text, passphrase));
}

function privateOfPem(text: string, passphrase: string | null): KeyObject {
  try {
    return createPrivateKey({ key: text, ...(passphrase === null ? {} : { passphrase }) });
  } catch {
    // The cause would quote what was read.
    throw keyInvalid('the key is no private key in PEM, or its passphrase is wrong');
  }
}

function privateOfFile(text: string, passphrase: string | null): KeyObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw keyInvalid('the key is neither a key file nor PEM');
  }
  if (!keyFileSchema.Check(value)) throw keyInvalid('the key file is not well-formed');
  const { key_id: keyId, private: plain, encrypted } = value;
  const bytes = encrypted === undefined ? Buffer.from(plain ?? '', 'base64') : decrypt(keyId, encrypted, passphrase);
  try {
    return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
  } catch {
    throw keyInvalid('the key file has no private key');
  }
}

function decrypt(keyId: string, encrypted: NonNullable<Static<typeof KeyFile>['encrypted']>, passphrase: string | null): Buffer {
  if (passphrase === null) throw keyInvalid('the key is encrypted: its passphrase is needed');
  const { n, salt, nonce, tag, data } = encrypted;
  // A file from elsewhere must not cost gigabytes to open.
  if (n < 2 ** 14 || n > 2 ** 20 || (n & (n - 1)) !== 0) throw keyInvalid('the key file asks for an unusual effort to open it');
  try {
    const key = scrypt(passphrase, Buffer.from(salt, 'base64'), n);
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(keyId)).setAuthTag(Buffer.from(tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]);
  } catch {
    throw keyInvalid('the passphrase of the key is wrong, or the file is damaged');
  }
}

function signingKeyOf(privateKey: KeyObject): SigningKey {
  const publicKey = publicKeyOf(createPublicKey(privateKey));
  const { keyID: keyId } = publicKey;
  const hash = publicKey.keyType === 'ed25519' ? null : 'sha256';
  return {
    keyId,
    publicKey,
    sign: (bytes) => new Signature({ keyID: keyId, sig: sign(hash, bytes, privateKey).toString('hex') }),
    privateBytes: () => privateKey.export({ format: 'der', type: 'pkcs8' }) as Buffer,
  };
}

/** Ed25519, or ECDSA on P-256 as hardware keeps it. @throws UpdaterError TRUST_KEY_INVALID for others. */
function publicKeyOf(key: KeyObject): Key {
  const isEd25519 = key.asymmetricKeyType === 'ed25519';
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (!isEd25519 && !isP256) throw keyInvalid('the key is neither Ed25519 nor ECDSA on P-256');
  const value = isEd25519
    ? key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
    : String(key.export({ format: 'pem', type: 'spki' }));
  const [keytype, scheme] = isEd25519 ? ['ed25519', 'ed25519'] : ['ecdsa', 'ecdsa-sha2-nistp256'];
  const keyval = { public: value };
  return new Key({ keyID: keyIdOf({ keytype, scheme, keyval }), keyType: keytype, scheme, keyVal: keyval });
}

/** As PEM (SubjectPublicKeyInfo): what is given to whoever lists the key in metadata. */
export const encodePublicKey = (key: SigningKey): string =>
  String(
    createPublicKey(createPrivateKey({ key: key.privateBytes(), format: 'der', type: 'pkcs8' })).export({
      format: 'pem',
      type: 'spki',
    }),
  );

/** @throws UpdaterError TRUST_KEY_INVALID. */
export function decodePublicKey(text: string): Key {
  try {
    return publicKeyOf(createPublicKey(text));
  } catch (error) {
    throw error instanceof UpdaterError ? error : keyInvalid('this is no public key in PEM');
  }
}
