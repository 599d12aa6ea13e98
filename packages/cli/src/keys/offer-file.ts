/** Metadata that still needs signatures, on its way from one holder of keys to the next. */
import { readFileSync, writeFileSync } from 'node:fs';
import { answerValidator, UpdaterError } from '@remendo/core';
import { MetadataRequest } from '@remendo/core/protocol';
import type { OfferedMetadata } from '@remendo/core/publish';

const bytesMax = 64 * 1024 * 1024;
const valid = answerValidator(MetadataRequest);

export function writeOfferFile(path: string, offered: readonly OfferedMetadata[]): void {
  const metadata = offered.map(({ role, bytes }) => ({ role, body: Buffer.from(bytes).toString('utf8') }));
  writeFileSync(path, `${JSON.stringify({ metadata }, null, 1)}\n`);
}

/** @throws UpdaterError CONFIG_INVALID. */
export function readOfferFile(path: string): readonly OfferedMetadata[] {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > bytesMax) throw new Error(`it has ${bytes.length} bytes`);
    return valid(JSON.parse(bytes.toString('utf8'))).metadata.map(({ role, body }) => ({ role, bytes: Buffer.from(body) }));
  } catch (cause) {
    throw new UpdaterError('CONFIG_INVALID', `${path} is no file of metadata to sign`, { cause });
  }
}
