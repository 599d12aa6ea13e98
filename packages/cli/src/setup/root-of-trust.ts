import { readFile, stat } from 'node:fs/promises';
import { isUpdaterError, limits, parseMetadata, UpdaterError } from '@remendo/core';

/** Where trust begins: signed metadata that names the keys of whoever signs. */
export interface RootOfTrust {
  /** As they were shipped. */
  readonly bytes: Uint8Array;
  readonly version: number;
  /** ISO 8601. An old one is good all the same: a terminal goes from it to the newest, step by step. */
  readonly expires: string;
}

/**
 * Reads a root and holds it against itself: enough of the keys that it names have to have signed it.
 * @throws UpdaterError CONFIG_INVALID when there is no such file, LIMIT_EXCEEDED, TRUST_INVALID.
 */
export async function readRootOfTrust(path: string): Promise<RootOfTrust> {
  const bytes = await read(path);
  const metadata = parseMetadata('root', bytes);
  try {
    metadata.verifyDelegate('root', metadata);
  } catch (cause) {
    throw new UpdaterError('TRUST_INVALID', `${path} is not signed by enough of the keys that it names`, {
      details: { path },
      cause,
    });
  }
  return { bytes, version: metadata.signed.version, expires: metadata.signed.expires };
}

async function read(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > limits.rootBytesMax)
      throw new UpdaterError('LIMIT_EXCEEDED', `${path} is too large for a root of trust`, { details: { path, bytes: size } });
    return await readFile(path);
  } catch (cause) {
    if (isUpdaterError(cause)) throw cause;
    throw new UpdaterError('CONFIG_INVALID', `${path} can not be read`, { details: { path }, cause });
  }
}
