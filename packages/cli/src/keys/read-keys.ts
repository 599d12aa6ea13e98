/** Keys from files and from the environment. */
import { readFileSync } from 'node:fs';
import { UpdaterError } from '@remendo/core';
import { decodeKeyFile, decodePublicKey, type RoleKeys, type SigningKey } from '@remendo/core/publish';
import type { Settings } from '../settings.js';

export type KeySettings = Settings<'keyPassphrase' | 'signingKey'>;

/** @throws UpdaterError TRUST_KEY_INVALID, naming the file; CONFIG_INVALID when it can not be read. */
export function readSigningKeys(files: readonly string[], { keyPassphrase, signingKey }: KeySettings): readonly SigningKey[] {
  const fromFiles = files.map((file) => named(file, () => decodeKeyFile(readText(file), keyPassphrase)));
  const fromVariable = signingKey === null ? [] : [named('REMENDO_SIGNING_KEY', () => decodeKeyFile(signingKey, keyPassphrase))];
  return [...fromFiles, ...fromVariable];
}

/** Public keys in PEM, or key files of which only the public half is looked at. */
export function readPublicKeys(files: readonly string[], settings: KeySettings): RoleKeys['keys'] {
  return files.map((file) =>
    named(file, () => {
      const text = readText(file);
      return text.includes('BEGIN PUBLIC KEY') ? decodePublicKey(text) : decodeKeyFile(text, settings.keyPassphrase).publicKey;
    }),
  );
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UpdaterError('CONFIG_INVALID', `${file} can not be read`, { cause });
  }
}

function named<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UpdaterError) || error.code !== 'TRUST_KEY_INVALID') throw error;
    throw new UpdaterError('TRUST_KEY_INVALID', `${where}: ${error.message}`);
  }
}
