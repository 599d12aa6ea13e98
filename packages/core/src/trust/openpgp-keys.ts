/** The public keys that releases are held against, out of files as `gpg --export` writes them. */
import type { PublicKey } from 'openpgp';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { type OpenPgpBlock, type OpenPgpFile, splitBlocks } from './openpgp-blocks.js';

export interface OpenPgpKeyInfo {
  /** Of the primary key, upper-case hex. */
  readonly fingerprint: string;
  /** As whoever made the key wrote them; anybody can write anything. */
  readonly userIds: readonly string[];
}

/** Several megabytes of source, which most terminals never need. */
export const loadOpenPgp = () => import('openpgp');

/**
 * @param file any number of keys, armored (several blocks too) or binary. A private key is refused: it belongs elsewhere.
 * @throws UpdaterError TRUST_KEY_INVALID, LIMIT_EXCEEDED.
 */
export async function parseOpenPgpKeys(file: OpenPgpFile): Promise<readonly PublicKey[]> {
  try {
    const { openPgpKeysBytesMax: bytesMax, openPgpKeysMax: blocksMax } = limits;
    const keys = [];
    for (const block of splitBlocks(file, { type: 'PUBLIC KEY BLOCK', bytesMax, blocksMax }))
      keys.push(...(await readBlock(block)));
    if (keys.length > blocksMax) throw new Error(`it has more than ${blocksMax} keys`);
    if (keys.some((key) => key.isPrivate())) throw new Error('it holds a private key, which only whoever signs may have');
    return keys;
  } catch (cause) {
    if (cause instanceof UpdaterError) throw cause;
    throw new UpdaterError('TRUST_KEY_INVALID', 'the file of OpenPGP public keys can not be used', { cause });
  }
}

async function readBlock(block: OpenPgpBlock) {
  const { readKeys } = await loadOpenPgp();
  return block.kind === 'binary' ? readKeys({ binaryKeys: block.bytes }) : readKeys({ armoredKeys: block.text });
}

/** Whose keys a file holds, for people. @throws UpdaterError TRUST_KEY_INVALID, LIMIT_EXCEEDED. */
export async function describeOpenPgpKeys(file: OpenPgpFile): Promise<readonly OpenPgpKeyInfo[]> {
  return (await parseOpenPgpKeys(file)).map(keyInfo);
}

export const keyInfo = (key: PublicKey): OpenPgpKeyInfo => ({
  fingerprint: key.getFingerprint().toUpperCase(),
  userIds: key.getUserIDs(),
});
