/** One patch from files to a file, proved. Runs in a worker or in place; everything it needs is in the job. */
import type { ByteSource, ReadableSink } from '../../bytes/byte-source.js';
import { UpdaterError } from '../../errors.js';
import { fileSink, withFile } from '../../file-system/file-source.js';
import type { FileSystem } from '../../file-system/file-system.js';
import { OpenFiles } from '../../file-system/open-files.js';
import { scratchFiles } from '../../file-system/scratch-files.js';
import { digestOf } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import { applyPatch, type PatchContent, type VerifiedPatchInput } from '../../patch/apply-patch.js';
import { describePatch, type PatchReport } from '../../patch/describe-patch.js';
import type { ProfileName } from '../../patch/remendo/patch-header.js';
import { makeContainedPatch } from '../containers/make-contained-patch.js';
import { roomFor } from './make-patch.js';

export interface MakePatchJob {
  readonly basePaths: readonly string[];
  readonly targetPaths: readonly string[];
  readonly patchPath: string;
  readonly profile: ProfileName;
}

interface ReadFile {
  readonly source: ByteSource;
  readonly content: PatchContent;
}

/**
 * Afterwards `patchPath` holds a patch that makes the targets from the bases, applied and compared; not synced.
 * @returns what was made.
 * @throws UpdaterError LIMIT_EXCEEDED when the files are larger than a patch can take, STORAGE_…
 */
export async function makePatchFile(fileSystem: FileSystem, job: MakePatchJob, signal?: AbortSignal): Promise<PatchReport> {
  const files = new OpenFiles(fileSystem);
  try {
    const bases = await sourcesOf(files, job.basePaths);
    const targets = await sourcesOf(files, job.targetPaths);
    const made = await makeFrom(bases, targets, { profile: job.profile, signal });
    return await withFile(fileSystem, job.patchPath, { mode: 'create' }, async (patch) => {
      const sink = fileSink(patch);
      for (const part of made.parts) await sink.write(part);
      const report = await describePatch('remendo', patch, { targetBytes: bytesOf(targets) });
      const scratch = scratchFiles(fileSystem, `${job.patchPath}.scratch-`);
      await prove(made, { codec: report.codec, patch, scratch, signal });
      return report;
    });
  } catch (error) {
    // What was not proved is no patch.
    await fileSystem.removeFile(job.patchPath);
    throw error;
  } finally {
    await files.close();
  }
}

async function sourcesOf(files: OpenFiles, paths: readonly string[]): Promise<readonly ByteSource[]> {
  const sources: ByteSource[] = [];
  for (const path of paths) sources.push(await files.source(path));
  return sources;
}

/** The patch, and what the files were when it was made. Their memory is free again afterwards. */
async function makeFrom(
  bases: readonly ByteSource[],
  targets: readonly ByteSource[],
  { profile, signal }: { readonly profile: ProfileName; readonly signal: AbortSignal | undefined },
) {
  const room = roomFor(bytesOf(bases), bytesOf(targets));
  let at = 0;
  const load = async (sources: readonly ByteSource[]): Promise<readonly ReadFile[]> => {
    const files: ReadFile[] = [];
    for (const source of sources) {
      signal?.throwIfAborted();
      const into = room.all.subarray(at, at + source.bytes);
      if ((await source.read(0, into)) < into.length)
        throw new UpdaterError('STORAGE_FAILED', 'A file became shorter while it was read.');
      files.push({ source, content: { sha256: digestOf(into), bytes: into.length } });
      at += into.length;
    }
    return files;
  };
  const read = { bases: await load(bases), targets: await load(targets) };
  const starts = { bases: startsOf(bases), targets: startsOf(targets) };
  return { ...read, parts: makeContainedPatch(room, { profile, starts }) };
}

function startsOf(sources: readonly ByteSource[]): readonly number[] {
  let end = 0;
  return sources.map(({ bytes }) => {
    end += bytes;
    return end - bytes;
  });
}

function bytesOf(sources: readonly ByteSource[]): number {
  const bytes = sources.reduce((sum, source) => sum + source.bytes, 0);
  if (bytes <= limits.remendoBytesMax) return bytes;
  throw new UpdaterError('LIMIT_EXCEEDED', `${bytes} bytes are more than a remendo patch can take.`, {
    details: { bytes, bytesMax: limits.remendoBytesMax },
  });
}

async function prove(
  { bases, targets }: { readonly bases: readonly ReadFile[]; readonly targets: readonly ReadFile[] },
  applied: Pick<VerifiedPatchInput, 'codec' | 'patch' | 'scratch' | 'signal'>,
): Promise<void> {
  await applyPatch({
    bases,
    targets: targets.map(({ source, content }) => ({ sink: alreadyMade(source), content })),
    ...applied,
  });
}

/** Keeps nothing: what is read back is read from the target itself, which the digest then proves to be what was made. */
const alreadyMade = (target: ByteSource): ReadableSink => ({
  write: async () => {},
  read: (offset, into) => target.read(offset, into),
});
