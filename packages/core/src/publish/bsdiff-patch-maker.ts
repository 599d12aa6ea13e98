/**
 * Makes BSDIFF40 patches with bsdiff-node, and proves each with our own applier before it leaves.
 *
 * bsdiff-node is native and optional: it is loaded on first use, and where it was not compiled everything else works.
 * What its sources (2.5.0) make necessary here:
 * - error texts are printed with their path into 1,024 bytes of stack: longer paths are refused before.
 * - `read` is called once for a whole file, and failures leak their memory and files: both files are checked before.
 * - it takes 17 bytes for each of the base's (9 on Windows) and 3 for each of the target's, and ends the process when
 *   the last of that is refused: both are bounded by `limits.bsdiffBaseBytesMax`.
 * - it can not be interrupted: after an abort it still runs to its end before `make` rejects.
 * - long runs of one byte take it quadratic time.
 * - on Windows it knows paths in the ANSI code page only; another file than meant, or none, is found by the proof.
 */
import type { ReadableSink } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { scratchFiles } from '../file-system/scratch-files.js';
import { digestOfSource } from '../hash/digest.js';
import { limits } from '../limits.js';
import { applyPatch } from '../patch/apply-patch.js';
import { describePatch, type PatchReport } from '../patch/describe-patch.js';
import type { PatchMaker } from './patch-maker.js';

/** In UTF-8: with quotes and the system's sentence it fits into bsdiff-node's buffer. */
const pathBytesMax = 768;

type NativeDiff = (basePath: string, targetPath: string, patchPath: string) => Promise<void>;

type ProofFileSystem = Pick<FileSystem, 'stat' | 'open' | 'removeFile'>;

export interface BsdiffPatchMakerOptions {
  /** For the proof (default: this machine's); bsdiff-node itself opens the paths by the system's own calls. */
  readonly fileSystem?: ProofFileSystem;
  /** Loads bsdiff-node (default: `import('bsdiff-node')`); single executables have another way to it, or none. */
  readonly load?: () => Promise<unknown>;
}

/** Makes patches for any pair of files up to 128 MiB each, empty ones too. Several `make` may run at the same time. */
export function bsdiffPatchMaker(options: BsdiffPatchMakerOptions = {}): PatchMaker {
  const { fileSystem = nodeFileSystem(), load = () => import('bsdiff-node') } = options;
  let loading: Promise<NativeDiff> | null = null;
  const loadOnce = (): Promise<NativeDiff> => {
    loading ??= loadDiff(load);
    return loading;
  };
  return {
    codec: 'bsdiff40',
    capacity: { basesMax: 1, targetsMax: 1, bytesMax: limits.bsdiffBaseBytesMax },

    async available() {
      try {
        await loadOnce();
        return { ok: true };
      } catch (error) {
        return { ok: false, reason: error instanceof Error ? error.message : String(error) };
      }
    },

    async make({ basePaths, targetPaths, patchPath, signal }) {
      signal?.throwIfAborted();
      const [basePath, targetPath] = onePair(basePaths, targetPaths);
      const diff = await loadOnce();
      for (const path of [basePath, targetPath, patchPath]) assertPath(path);
      for (const path of [basePath, targetPath]) await assertFile(fileSystem, path);
      try {
        await runDiff(diff, { basePath, targetPath, patchPath });
        signal?.throwIfAborted();
        return await provePatch(fileSystem, { basePath, targetPath, patchPath, signal });
      } catch (error) {
        await fileSystem.removeFile(patchPath);
        throw error;
      }
    },
  };
}

function onePair(basePaths: readonly string[], targetPaths: readonly string[]): readonly [base: string, target: string] {
  const [base, ...otherBases] = basePaths;
  const [target, ...otherTargets] = targetPaths;
  if (base !== undefined && target !== undefined && otherBases.length + otherTargets.length === 0) return [base, target];
  throw new UpdaterError('PATCH_INVALID', 'A bsdiff40 patch has one base and one target.', {
    details: { bases: basePaths.length, targets: targetPaths.length },
  });
}

async function loadDiff(load: () => Promise<unknown>): Promise<NativeDiff> {
  let cause: unknown;
  try {
    const loaded = (await load()) as { readonly default?: { readonly diff?: unknown } } | undefined;
    if (typeof loaded?.default?.diff === 'function') return loaded.default.diff as NativeDiff;
  } catch (error) {
    cause = error;
  }
  const sentence =
    'bsdiff-node is not there: bsdiff40 patches can not be made here, everything else works. A single executable carries no ' +
    'native code; elsewhere install a C++ compiler and Python 3 (what node-gyp needs), then install the packages again.';
  throw new UpdaterError('PATCH_MAKER_UNAVAILABLE', sentence, { details: { codec: 'bsdiff40' }, cause });
}

function assertPath(path: string): void {
  if (Buffer.byteLength(path) <= pathBytesMax) return;
  throw new UpdaterError('PATCH_INVALID', `bsdiff can not make a patch with a path of more than ${pathBytesMax} bytes.`, {
    details: { path, pathBytesMax },
  });
}

async function assertFile(fileSystem: ProofFileSystem, path: string): Promise<void> {
  const stat = await fileSystem.stat(path);
  if (stat?.kind !== 'file') throw new UpdaterError('STORAGE_FAILED', `${path} is not a file.`, { details: { path } });
  if (stat.bytes > limits.bsdiffBaseBytesMax) {
    throw new UpdaterError('LIMIT_EXCEEDED', `${path} is too large for bsdiff.`, {
      details: { path, bytes: stat.bytes, bsdiffBaseBytesMax: limits.bsdiffBaseBytesMax },
    });
  }
}

interface PatchPaths {
  readonly basePath: string;
  readonly targetPath: string;
  readonly patchPath: string;
}

async function runDiff(diff: NativeDiff, { basePath, targetPath, patchPath }: PatchPaths): Promise<void> {
  try {
    await diff(basePath, targetPath, patchPath);
  } catch (error) {
    // It rejects with strings.
    const cause = error instanceof Error ? error : new Error(String(error));
    throw new UpdaterError('PATCH_INVALID', `bsdiff could not make a patch to ${targetPath}.`, {
      details: { path: targetPath },
      cause,
    });
  }
}

/** @throws PATCH_INVALID or PATCH_TARGET_MISMATCH when our applier does not make the target with the patch. */
async function provePatch(
  fileSystem: ProofFileSystem,
  { basePath, targetPath, patchPath, signal }: PatchPaths & { readonly signal: AbortSignal | undefined },
): Promise<PatchReport> {
  const handles: FileHandle[] = [];
  const open = async (path: string): Promise<FileHandle> => {
    const handle = await fileSystem.open(path, 'read');
    handles.push(handle);
    return handle;
  };
  const contentOf = async (source: FileHandle) => ({ sha256: await digestOfSource(source, signal), bytes: source.bytes });
  try {
    const [base, target, patch] = [await open(basePath), await open(targetPath), await open(patchPath)];
    await applyPatch({
      codec: 'bsdiff40',
      bases: [{ source: base, content: await contentOf(base) }],
      patch,
      targets: [{ sink: nowhere, content: await contentOf(target) }],
      scratch: scratchFiles(fileSystem, `${patchPath}.scratch-`),
      signal,
    });
    return await describePatch('bsdiff40', patch, { targetBytes: target.bytes });
  } finally {
    for (const handle of handles) await handle.close();
  }
}

/** The digest is taken on the way; the bytes are not needed. */
const nowhere: ReadableSink = { write: async () => {}, read: async () => 0 };
