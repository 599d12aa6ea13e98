/** `remendo manifest DIR`: the canonical manifest of a folder, a zip or a file. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeManifest, manifestBytes, manifestDigest, nodeFileSystem } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { bytesText, countText } from '../output/quantity.js';
import { openRelease } from './open-release.js';
import { withScratchFolder } from './scratch-folder.js';
import { writeResult } from './write-result.js';

export interface ManifestOptions {
  readonly application: string;
  readonly platform: string;
  readonly release?: string;
  readonly out?: string;
}

export async function runManifest({ output, signal }: CommandContext, path: string, options: ManifestOptions): Promise<number> {
  const { application, platform, release, out } = options;
  output.progress.step('Hashing');
  let files = 0;
  const manifest = await withScratchFolder(join(tmpdir(), 'remendo-manifest'), async (scratchFolder) => {
    const opened = await openRelease(path, {
      identity: { application, platform, ...(release === undefined ? {} : { version: release }) },
      scratchFolder,
      signal,
      onFile: () => {
        files += 1;
        if (files % 1_000 === 0) output.progress.step(`Hashing (${countText(files, 'file')})`);
      },
    });
    await opened.close();
    return opened.manifest;
  });
  output.progress.end();
  const bytes = encodeManifest(manifest);
  if (out === undefined) output.raw(bytes);
  else await writeResult(nodeFileSystem(), out, bytes);
  if (out !== undefined)
    output.document({ out, digest: manifestDigest(manifest), bytes: bytes.length, files: manifest.files.length });
  output.note(
    `${countText(manifest.files.length, 'file')}, ${bytesText(manifestBytes(manifest))}; manifest ${manifestDigest(manifest)}`,
  );
  return exitCodes.done;
}
