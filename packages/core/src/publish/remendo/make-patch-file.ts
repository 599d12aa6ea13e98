/** One patch from files to a file, proved. Runs in a worker or in place; everything it needs is in the job. */
import type { ByteSource, ReadableSink } from '../../bytes/byte-source.js';
import { UpdaterError } from '../../errors.js';
import { fileSink, withFile } from '../../file-system/file-source.js';
import type { FileHandle, FileSystem } from '../../file-system/file-system.js';
import { digestOf } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import { applyPatch, type PatchContent } from '../../patch/apply-patch.js';
import type { ProfileName } from '../../patch/remendo/patch-header.js';
import { makePatch } from './make-patch.js';
import { Matcher } from './matcher-kernel.js';

export interface MakePatchJob {
  readonly basePaths: readonly string[];
  readonly targetPaths: readonly string[];
  readonly patchPath: string;
  readonly profile: ProfileName;
}

interface ReadFile {
  readonly handle: FileHandle;
  readonly content: PatchContent;
}

/**
 * Afterwards `patchPath` holds a patch that makes the targets from the bases, applied and compared; not synced.
 * @throws UpdaterError LIMIT_EXCEEDED when the files are larger than a patch can take, STORAGE_…
 */
export async function makePatchFile(fileSystem: FileSystem, job: MakePatchJob, signal?: AbortSignal): Promise<void> {
  const handles: FileHandle[] = [];
  const openAll = async (paths: readonly string[]): Promise<readonly FileHandle[]> => {
    const opened: FileHandle[] = [];
    for (const path of paths) {
      const handle = await fileSystem.open(path, 'read');
      handles.push(handle);
      opened.push(handle);
    }
    return opened;
  };
  try {
    const bases = await openAll(job.basePaths);
    const targets = await openAll(job.targetPaths);
    const { parts, contents } = await makeFrom(bases, targets, { profile: job.profile, signal });
    await withFile(fileSystem, job.patchPath, { mode: 'create' }, async (patch) => {
      const sink = fileSink(patch);
      for (const part of parts) await sink.write(part);
      const read = (files: readonly FileHandle[], from: number): readonly ReadFile[] =>
        files.map((handle, index) => ({ handle, content: contents[from + index] as PatchContent }));
      await prove(read(bases, 0), patch, read(targets, bases.length), signal);
    });
  } finally {
    for (const handle of handles) await handle.close();
  }
}

/** The patch, and what the files were when it was made. The matcher's memory is free again afterwards. */
async function makeFrom(
  bases: readonly FileHandle[],
  targets: readonly FileHandle[],
  { profile, signal }: { readonly profile: ProfileName; readonly signal: AbortSignal | undefined },
) {
  const matcher = new Matcher(bytesOf(bases), bytesOf(targets));
  const contents: PatchContent[] = [];
  let at = 0;
  for (const handle of [...bases, ...targets]) {
    signal?.throwIfAborted();
    const into = matcher.all.subarray(at, at + handle.bytes);
    if ((await handle.read(0, into)) < into.length)
      throw new UpdaterError('STORAGE_FAILED', 'A file became shorter while it was read.');
    contents.push({ sha256: digestOf(into), bytes: into.length });
    at += into.length;
  }
  return { parts: makePatch(matcher, profile), contents };
}

function bytesOf(sources: readonly ByteSource[]): number {
  const bytes = sources.reduce((sum, source) => sum + source.bytes, 0);
  if (bytes <= limits.remendoBytesMax) return bytes;
  throw new UpdaterError('LIMIT_EXCEEDED', `${bytes} bytes are more than a remendo patch can take.`, {
    details: { bytes, bytesMax: limits.remendoBytesMax },
  });
}

async function prove(
  bases: readonly ReadFile[],
  patch: ByteSource,
  targets: readonly ReadFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await applyPatch({
    codec: 'remendo',
    bases: bases.map(({ handle, content }) => ({ source: handle, content })),
    patch,
    targets: targets.map(({ handle, content }) => ({ sink: alreadyMade(handle), content })),
    signal,
  });
}

/** Keeps nothing: what is read back is read from the target itself, which the digest then proves to be what was made. */
const alreadyMade = (target: FileHandle): ReadableSink => ({
  write: async () => {},
  read: (offset, into) => target.read(offset, into),
});
