/** `remendo inspect FILE`: tells a file's format by its first bytes and prints what it holds. Every file may be hostile. */
import { type FileHandle, isDeltaFile, nodeFileSystem, UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { assertNamedFile } from '../named-path.js';
import { inspectBsdiff40 } from './inspect-bsdiff40.js';
import { inspectDelta } from './inspect-delta.js';
import { inspectJournal } from './inspect-journal.js';
import { inspectManifest } from './inspect-manifest.js';
import { inspectZip } from './inspect-zip.js';
import type { Inspection } from './inspection.js';

type Inspect = (source: FileHandle, signal: AbortSignal) => Promise<Inspection>;

const headBytes = 64;

/** @param options.all prints long lists whole. */
export async function runInspect(
  { output, signal }: CommandContext,
  path: string,
  options: { readonly all?: boolean },
): Promise<number> {
  await assertNamedFile(path);
  const source = await nodeFileSystem().open(path, 'read');
  try {
    const head = new Uint8Array(headBytes);
    const inspect = inspectorOf(head.subarray(0, await source.read(0, head)));
    if (inspect === null) {
      throw new UpdaterError('ARTIFACT_UNKNOWN', `${path} is no delta, manifest, BSDIFF40 patch, journal or zip`, {
        details: { path },
      });
    }
    const inspection = await inspect(source, signal);
    output.document({ format: inspection.format, ...inspection.document });
    for (const line of inspection.lines(output.colors, options.all === true ? Number.POSITIVE_INFINITY : 40)) output.line(line);
    return exitCodes.done;
  } finally {
    await source.close();
  }
}

function inspectorOf(head: Uint8Array): Inspect | null {
  if (isDeltaFile(head)) return inspectDelta;
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith('BSDIFF40')) return inspectBsdiff40;
  if (text.startsWith('PK\u0003\u0004') || text.startsWith('PK\u0005\u0006')) return inspectZip;
  if (/^[0-9a-f]{16} \{/.test(text)) return inspectJournal;
  if (text.startsWith('{')) return inspectManifest;
  return null;
}
