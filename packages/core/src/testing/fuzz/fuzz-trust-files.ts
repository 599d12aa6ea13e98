/** Fuzz targets of files about trust: what a terminal remembers of signed metadata, and files of keys. */
import fc from 'fast-check';
import { UpdaterError } from '../../errors.js';
import { withFile } from '../../file-system/file-source.js';
import { digestOf } from '../../hash/digest.js';
import { decodeKeyFile, encodeKeyFile, type SigningKey } from '../../publish/index.js';
import { readFloors, readTrustState, trustPaths } from '../../trust/trust-state.js';
import { MemoryFileSystem } from '../memory-file-system.js';
import type { FuzzTarget } from './fuzz-target.js';
import { type Json, jsonBytes, variedJson } from './vary-json.js';

/** Always the same key for the same number, so that an input that was kept says the same again: Ed25519 in PKCS #8. */
export function fuzzKey(number: number): SigningKey {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, number)]);
  return decodeKeyFile(`-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`, null);
}

/** The two files in which a terminal remembers what it trusts; the input is each of them. Damaged ones are as good as none. */
export const fuzzTrustState: FuzzTarget = {
  name: 'trust-state',
  async run(bytes) {
    const fileSystem = new MemoryFileSystem();
    const { metadata, floors } = trustPaths('/trust');
    await fileSystem.makeDirectory('/trust');
    for (const path of [metadata, floors]) await withFile(fileSystem, path, { mode: 'create' }, (handle) => handle.write(0, bytes));
    const { timestamp, snapshot, root } = await readFloors(fileSystem, '/trust');
    if (![timestamp, snapshot, root].every((version) => Number.isSafeInteger(version) && version >= 0))
      throw new Error('a floor is none');
    if ((await readTrustState(fileSystem, '/trust')) === null && root === 0) throw new UpdaterError('TRUST_INVALID', 'neither');
  },
  seeds: async () => rememberedFiles.map((value) => Buffer.from(JSON.stringify(value))),
  made: () => jsonBytes(fc.oneof(...rememberedFiles.map(variedJson))),
};

const pinned = digestOf('root') as string;
const nowMs = Date.UTC(2026, 10, 22);
const rememberedFiles: readonly Json[] = [
  { format: 'remendo-trust-1', pinned, files: { root: '{}', timestamp: '{"signed":{}}', 'bin-erp-7f': '' } },
  {
    format: 'remendo-trust-floors-1',
    pinned,
    signedAtMs: nowMs,
    root: 1,
    onlineKeys: pinned,
    timestamp: 7,
    snapshot: 3,
    roles: { targets: 1, 'app-erp': 2 },
  },
];

/** The input is a file of a signing key. The passphrase is tried only where that is cheap. */
export const fuzzKeyFile: FuzzTarget = {
  name: 'key-file',
  async run(bytes) {
    const text = Buffer.from(bytes).toString('utf8');
    const key = decodeKeyFile(text, text.includes('"n":16384,') ? 'open sesame' : null);
    if (!/^[0-9a-f]{64}$/.test(key.keyId) || key.sign(Buffer.from('x')).keyID !== key.keyId) throw new Error('the key is none');
  },
  seeds: async () => keyFiles().map((text) => Buffer.from(text)),
  made: () => fc.constantFrom(...keyFiles().slice(0, 2)).chain((text) => jsonBytes(variedJson(JSON.parse(text) as Json))),
};

/** One plain, one encrypted, one in PEM. */
const keyFiles = (): readonly string[] => {
  const key = fuzzKey(9);
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.privateBytes().toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return [encodeKeyFile(key, null), encodeKeyFile(key, 'open sesame', 'made'), pem];
};
