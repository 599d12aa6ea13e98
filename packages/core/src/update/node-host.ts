import { availableParallelism, freemem, release } from 'node:os';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { nodeClock, nodeRandom } from '../node-ports.js';
import { nodeFileHolders } from '../transaction/node-file-holders.js';
import { nodeProcessProbe } from '../transaction/node-process-probe.js';
import { nodeRunningPrograms } from '../transaction/node-running-programs.js';
import { workerDeriver, workersFor } from '../workers/worker-deriver.js';
import { moduleWorkerLoader, type WorkerLoader } from '../workers/worker-loader.js';
import { endChild } from './node-end-tree.js';
import { nodeHealthProbes } from './node-health-probes.js';
import { exitOf, startProgram } from './node-start-program.js';
import { nodeStepRunner } from './node-step-runner.js';
import { type ApplicationStarter, failedStart, type RunningApplication, type StartCommand } from './prove-start.js';
import type { Host } from './update-context.js';

export interface NodeHostOptions {
  /** Threads for patches (default: cores, at most 4, and within a quarter of the free memory at 64 MiB each). */
  readonly workers?: number;
  /** Where the worker's program comes from (default: the installed package). */
  readonly workerLoader?: WorkerLoader;
}

/** As releases require them. */
const systemNames: Readonly<Partial<Record<NodeJS.Platform, string>>> = { win32: 'windows' };

/** This machine: its disk, clock, network, threads and processes. */
export function nodeHost(options: NodeHostOptions = {}): Host & { readonly starter: ApplicationStarter } {
  const workers = options.workers ?? workersFor({ cores: availableParallelism(), freeMemoryBytes: freemem() });
  const processes = nodeProcessProbe();
  const steps = nodeStepRunner(processes);
  return {
    fileSystem: nodeFileSystem({ holders: nodeFileHolders() }),
    clock: nodeClock(),
    random: nodeRandom(),
    processes,
    steps,
    probes: nodeHealthProbes(steps),
    programs: nodeRunningPrograms(),
    operatingSystem: { name: systemNames[process.platform] ?? process.platform, version: release() },
    deriver: workerDeriver({ loader: options.workerLoader ?? moduleWorkerLoader(), workers }),
    starter: nodeApplicationStarter(),
  };
}

/** Programs as children of this process, on its console. */
export const nodeApplicationStarter = (): ApplicationStarter => ({
  start(command) {
    try {
      return startChild(command);
    } catch (error) {
      return failedStart(error);
    }
  },
});

function startChild(command: StartCommand): RunningApplication {
  const child = startProgram(command, 'inherit');
  let asked = false;
  return {
    exited: exitOf(child),
    stop() {
      endChild(child, asked ? 'SIGKILL' : 'SIGTERM');
      asked = true;
    },
  };
}
