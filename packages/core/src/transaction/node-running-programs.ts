import { statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { processTable } from './node-process-table.js';
import { runningFrom } from './running-from.js';
import type { RunningPrograms } from './running-programs.js';

/** This machine's, on Linux and Windows. */
export const nodeRunningPrograms = (): RunningPrograms => ({
  async programsRunningFrom(root) {
    const processes = await processTable();
    if (processes === null) return null;
    const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
    const { pid, platform } = process;
    return runningFrom(processes, { root: await realpath(root).catch(() => root), platform, pid, isFile });
  },
});
