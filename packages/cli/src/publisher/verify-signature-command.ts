/** `remendo verify-signature ZIP --signature FILE --keys FILE`: who signed a zip, as a terminal with these keys would see it. */
import { limits, nodeFileSystem, verifyOpenPgpSignature } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { assertNamedFile, readNamedFile } from '../named-path.js';
import { printable } from '../output/printable.js';
import { pairLines } from '../output/table.js';

export interface VerifySignatureOptions {
  readonly signature: string;
  readonly keys: string;
}

export async function runVerifySignature(
  { output, signal }: CommandContext,
  path: string,
  options: VerifySignatureOptions,
): Promise<number> {
  const signature = await readNamedFile(options.signature, limits.signatureBytesMax);
  const keys = await readNamedFile(options.keys, limits.openPgpKeysBytesMax);
  await assertNamedFile(path);
  output.progress.step('Verifying');
  const zip = await nodeFileSystem().open(path, 'read');
  try {
    const signer = await verifyOpenPgpSignature({ zip, signature, keys, now: Date.now(), signal });
    output.progress.end();
    const signedAt = new Date(signer.signedAtMs).toISOString();
    const { fingerprint, signingFingerprint, userIds } = signer;
    output.document({ signed: true, fingerprint, signingFingerprint, userIds, signedAt });
    for (const line of pairLines([
      ['signed by', userIds.length === 0 ? 'a key without a name' : userIds.map(printable).join(', ')],
      ['key', fingerprint],
      ...(signingFingerprint === fingerprint ? [] : ([['subkey', signingFingerprint]] as const)),
      ['on', signedAt],
    ]))
      output.line(line);
    return exitCodes.done;
  } finally {
    await zip.close();
  }
}
