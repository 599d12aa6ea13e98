import { hasCode } from '../../errors.js';
import { type LoadedFiles, type MakePatchOptions, makePatch, roomFor } from '../remendo/make-patch.js';
import { type ContainersPlan, planContainers } from './plan-containers.js';

/** Below this both patches are made; above, seeing through what is compressed has always paid. */
const bothBytesMax = 1024 * 1024;

/**
 * A patch, in parts, that sees through compressed streams where there are any that changed.
 * @throws as `makePatch`.
 */
export function makeContainedPatch(files: LoadedFiles, options: MakePatchOptions = {}): readonly Uint8Array[] {
  const { all, baseBytes } = files;
  const plan = planContainers({ base: all.subarray(0, baseBytes), target: all.subarray(baseBytes) });
  if (plan === null) return makePatch(files, options);
  const contained = makePatch(viewsOf(plan), {
    ...options,
    starts: plan.starts(options.starts ?? { bases: [0], targets: [0] }),
    containers: plan,
  });
  if (all.length > bothBytesMax) return contained;
  const plain = makePlain(files, options);
  return plain === null || bytesOf(contained) < bytesOf(plain) ? contained : plain;
}

function viewsOf(plan: ContainersPlan): LoadedFiles {
  const views = roomFor(plan.baseViewBytes, plan.targetViewBytes);
  plan.fillBase(views.all.subarray(0, plan.baseViewBytes));
  plan.fillTarget(views.all.subarray(plan.baseViewBytes));
  return views;
}

/** Null when there is none. */
function makePlain(files: LoadedFiles, options: MakePatchOptions): readonly Uint8Array[] | null {
  try {
    return makePatch(files, options);
  } catch (error) {
    if (hasCode(error, 'PATCH_INVALID')) return null;
    throw error;
  }
}

const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);
