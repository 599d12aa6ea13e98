/**
 * The keys the server signs with: always the online one, for snapshot and timestamp; and, until they are handed over, those
 * of root and targets. They lie in the database as key files, which a passphrase opens that does not lie there: so a copy
 * of the database signs nothing.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UpdaterError } from '@remendo/core';
import { createSigningKey, decodeKeyFile, encodeKeyFile, type SigningKey } from '@remendo/core/publish';
import type { Tx } from '../database/open-database.js';
import type { SigningKeyTable } from '../database/tables.js';

export type ServerRole = SigningKeyTable['role'];

/** Opened keys by role; a role whose key is elsewhere has none. */
export type OpenKeys = Readonly<Record<ServerRole, readonly SigningKey[]>>;

const passphraseFile = 'key-passphrase';

/**
 * The passphrase of the server's keys: of the settings, or one that is made at the first start and kept in the data folder,
 * readable by the server's user alone.
 */
export async function readPassphrase(dataFolder: string, fromSettings: string | null): Promise<string> {
  if (fromSettings !== null) return fromSettings;
  const path = join(dataFolder, passphraseFile);
  const made = randomBytes(32).toString('base64url');
  await writeFile(path, `${made}\n`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(path, 'utf8')).trim();
}

export class ServerKeys {
  readonly #passphrase: string;
  readonly #opened = new Map<string, SigningKey>();

  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  /** Opening takes a while: each key is opened once. @throws UpdaterError TRUST_KEY_INVALID. */
  async open(tx: Tx): Promise<OpenKeys> {
    const rows = await tx.selectFrom('signing_key').selectAll().orderBy('created_at').execute();
    const of = (role: ServerRole): readonly SigningKey[] =>
      rows.filter((row) => row.role === role).map((row) => this.#openOne(row.key_id, row.key_file));
    return { root: of('root'), targets: of('targets'), online: of('online') };
  }

  async create(tx: Tx, role: ServerRole): Promise<SigningKey> {
    const key = createSigningKey();
    await tx
      .insertInto('signing_key')
      .values({ key_id: key.keyId, role, key_file: encodeKeyFile(key, this.#passphrase, 'made') })
      .execute();
    this.#opened.set(key.keyId, key);
    return key;
  }

  #openOne(keyId: string, keyFile: string): SigningKey {
    const known = this.#opened.get(keyId);
    if (known !== undefined) return known;
    try {
      const key = decodeKeyFile(keyFile, this.#passphrase);
      this.#opened.set(keyId, key);
      return key;
    } catch (cause) {
      const message =
        "the server's keys do not open: REMENDO_KEY_PASSPHRASE, or the file key-passphrase in the data folder, is not the one they were made with";
      throw new UpdaterError('TRUST_KEY_INVALID', message, { cause });
    }
  }
}
