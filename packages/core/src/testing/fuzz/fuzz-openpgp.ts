/** Fuzz targets of OpenPGP: files of detached signatures, and of public keys. */
import { bufferSource } from '../../bytes/byte-source.js';
import { isUpdaterError } from '../../errors.js';
import { describeOpenPgpKeys } from '../../trust/openpgp-keys.js';
import { armorOpenPgpSignature, verifyOpenPgpSignature } from '../../trust/openpgp-signature.js';
import { fuzzInputs } from './fuzz-inputs.js';
import type { FuzzTarget } from './fuzz-target.js';

/** Made once by openpgp.js: a key with a subkey that signs, and a signature by it, of these bytes. */
const signedBytes = new TextEncoder().encode('a release\n');
const publicKey = Buffer.from(
  'xiYEaVW5ABs9B11egzLmJd/Vi2++AuHxu8lTWco46bjFHf0UveQRfc0JUHVibGlzaGVywsAPBBMbCgCFBYJpVbkAAwsJBwkQjNuiavHS7KRFFAAAAAAAHAAgc2FsdEBub3RhdGlvbnMub3BlbnBncGpzLm9yZxZfqI8s+yPYl931Cg0+koc4ZdT2Ca6xuiTUqAIho0LkBRUKCA4MBBYAAgECGQECmwMCHgEWIQQAT7cGYjqmJ1C9ThiM26Jq8dLspAAA0XYrtje5vMEof98cawrdPe3XjBXlohCbMzFlo4bdlyxc12v25Q/IzM/lI3cyqPRqKqErJvo3626LudwlUnOs4jYIziYEaVW5ABt63iWYh0SoD8SEcHGhsZq1ntQjsdyGqEYsZWiRzh+alMLAswQYGwoBKQWCaVW5AAkQjNuiavHS7KRFFAAAAAAAHAAgc2FsdEBub3RhdGlvbnMub3BlbnBncGpzLm9yZ/n8G3xnDbSNoqz+kEPhD1ZBCY2q/qFd0+1LGGGLj2InApsCuKAEGRsKAG0FgmlVuQAJEPNUqH5EomBsRRQAAAAAABwAIHNhbHRAbm90YXRpb25zLm9wZW5wZ3Bqcy5vcmeZIgDQzirMNWXQmLIJBt48/9xKIYwlHThTg+zjVYA4RBYhBEuI7OuOvmeSnTbEmvNUqH5EomBsAAAI/lzaSxN/oHfBmCq3NZ76PloZFCycgzDQ7AZrzoqc0lNtY0m0IsB2ng0YanQWhIIudzxfCQ9yVU7M0uo1GXjsXwMWIQQAT7cGYjqmJ1C9ThiM26Jq8dLspAAA0M2slRV1vXH5iDs9T3rpVWDs/USgej+hzjPeaQQl8aqXUwEbzh16pCzSkJBiGnsdJYOBWOUFth7rWQzQCyvPeh0H',
  'base64',
);
const signature = Buffer.from(
  'wrcEABsKAG0FgmlVxxAJEPNUqH5EomBsRRQAAAAAABwAIHNhbHRAbm90YXRpb25zLm9wZW5wZ3Bqcy5vcmdzgNhp6V/FZkf0SvMYmvApC9IiUBBoSMs2MMKqsR/UGBYhBEuI7OuOvmeSnTbEmvNUqH5EomBsAAAKgu9eAtv1ecS79/h91/XTtZmCVp3Zitw0X+9sP6npo+xOeXnGO2+FKOMp1LHSgLxM/yy2kxNNNg4Uo0B0TiKlywE=',
  'base64',
);
const fingerprint = '004FB706623AA62750BD4E188CDBA26AF1D2ECA4';
const now = Date.UTC(2026, 5, 1);

const armored = (type: string, bytes: Uint8Array): Uint8Array => {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return Buffer.from(`-----BEGIN PGP ${type}-----\n\n${lines.join('\n')}\n-----END PGP ${type}-----\n`);
};

/** A signature that holds is one of the pinned key, can be kept, and holds for no other bytes. */
export const fuzzOpenPgpSignature: FuzzTarget = {
  name: 'openpgp-signature',
  async run(bytes) {
    const claim = { signature: bytes, keys: publicKey, now };
    const signer = await verifyOpenPgpSignature({ ...claim, zip: bufferSource(signedBytes) });
    if (signer.fingerprint !== fingerprint) throw new Error(`it holds by ${signer.fingerprint}`);
    const kept = await armorOpenPgpSignature(bytes);
    await verifyOpenPgpSignature({ ...claim, signature: kept, zip: bufferSource(signedBytes) });
    const other = verifyOpenPgpSignature({ ...claim, zip: bufferSource(signedBytes.subarray(1)) });
    const error: unknown = await other.catch((thrown: unknown) => thrown);
    if (!isUpdaterError(error)) throw new Error('it holds for other bytes', { cause: error });
  },
  seeds: async () => [signature, armored('SIGNATURE', signature), Buffer.concat([signature, signature])],
  made: () => fuzzInputs([signature]).map((changed) => armored('SIGNATURE', changed)),
};

/** Keys that can be read can be described, and a signature is held against them. */
export const fuzzOpenPgpKeys: FuzzTarget = {
  name: 'openpgp-keys',
  async run(bytes) {
    await describeOpenPgpKeys(bytes);
    await verifyOpenPgpSignature({ signature, keys: bytes, now, zip: bufferSource(signedBytes) });
  },
  seeds: async () => [publicKey, armored('PUBLIC KEY BLOCK', publicKey)],
  made: () => fuzzInputs([publicKey]).map((changed) => armored('PUBLIC KEY BLOCK', changed)),
};
