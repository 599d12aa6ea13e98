import { limits } from '../limits.js';
import type { PatchReport } from '../patch/describe-patch.js';
import type { ProfileName } from '../patch/remendo/patch-header.js';
import { urlWorkerLoader } from '../workers/url-worker-loader.js';
import { workerCrew } from '../workers/worker-crew.js';
import type { WorkerLoader } from '../workers/worker-loader.js';
import type { PatchMaker } from './patch-maker.js';
import type { MakePatchJob } from './remendo/make-patch-file.js';

export interface RemendoPatchMakerOptions {
  /** `fast` patches are larger and are applied several times faster (default `compact`). */
  readonly profile?: ProfileName;
  /** Patches made at the same time (default 2); each takes up to ten bytes for each of the larger side's. */
  readonly workers?: number;
  /** Starts threads of `remendo/make-patch-worker.js`, for those who bundle (default: that module). */
  readonly loader?: WorkerLoader;
}

/** Makes patches for anything that fits the codec, in worker threads, with nothing native. */
export function remendoPatchMaker(options: RemendoPatchMakerOptions = {}): PatchMaker {
  const { profile = 'compact', workers = 2 } = options;
  const loader = options.loader ?? urlWorkerLoader(new URL('./remendo/make-patch-worker.js', import.meta.url));
  const crew = workerCrew<MakePatchJob, PatchReport>({ loader, workers, heapBytesMax: 4 * 1024 ** 3, jobName: 'patch' });
  return {
    codec: 'remendo',
    capacity: { basesMax: limits.patchBasesMax, targetsMax: limits.patchTargetsMax, bytesMax: limits.remendoBytesMax },
    available: async () => ({ ok: true }),
    make: ({ basePaths, targetPaths, patchPath, signal }) => crew.run({ basePaths, targetPaths, patchPath, profile }, signal),
  };
}
