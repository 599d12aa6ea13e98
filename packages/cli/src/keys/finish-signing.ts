/** The end of every command that signs: what is complete goes to the server, the rest into a file for the next holder of a key. */
import { hasCode } from '@remendo/core';
import type { OfferedMetadata } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { writeOfferFile } from './offer-file.js';
import { type Signing, submit } from './open-signing.js';
import { signingLines } from './signing-lines.js';

export interface Finish {
  readonly offered: readonly OfferedMetadata[];
  /** Where it goes when it needs more signatures, or is not to be sent; null: it has to be complete. */
  readonly out: string | null;
  readonly isCosigned: boolean;
  readonly reason: string;
}

/** @throws UpdaterError TRUST_THRESHOLD when more keys have to sign and there is no file to write to. */
export async function finishSigning(context: CommandContext, signing: Signing, { out, ...submission }: Finish): Promise<number> {
  const { output, signal } = context;
  if (out !== null) {
    writeOfferFile(out, submission.offered);
    output.document({ file: out, roles: submission.offered.map(({ role }) => role) });
    output.line(
      `${out} holds ${submission.offered.length} roles to sign: \`remendo keys sign\` adds signatures, \`remendo keys upload\` sends it.`,
    );
    return exitCodes.done;
  }
  try {
    const state = await submit(signing, submission, signal);
    output.document(state);
    for (const line of signingLines(state)) output.line(line);
    return exitCodes.done;
  } catch (error) {
    if (hasCode(error, 'TRUST_THRESHOLD')) {
      output.note('More keys have to sign: --out FILE writes what is signed so far into a file for their holders.');
    }
    throw error;
  }
}
