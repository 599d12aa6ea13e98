import { statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { processTable } from './node-process-table.js';
import { runningFrom } from './running-from.js';
import type { RunningPrograms } from './running-programs.js';

/** Whatever stands for a script in a process's arguments is asked for: a program as text (`node -e …`) is no possible name. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** This machine's, on Linux and Windows. */
export const nodeRunningPrograms = (): RunningPrograms => ({
  async programsRunningFrom(root) {
    const processes = await processTable();
    if (processes === null) return null;
    const { pid, platform } = process;
    return runningFrom(processes, { root: await realpath(root).catch(() => root), platform, pid, isFile });
  },
});
