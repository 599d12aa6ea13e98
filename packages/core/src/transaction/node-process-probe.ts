import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { windowsStartMs } from './node-process-table.js';
import type { ProcessProbe } from './process-probe.js';

/** Clocks may be set between the two times that are compared. */
const toleranceMs = 120_000;

/** Of a child the time is taken right after its start, by the clock that gave it its own. */
const childToleranceMs = 10_000;

export interface NodeProcessProbe extends ProcessProbe {
  /**
   * Whether that very process, once a child of this program or of one before it, still runs. False as well when the system
   * can not tell: whoever asks is going to end it, and must end nobody else's. Windows gives a process id to the next
   * program within minutes; it is asked through PowerShell, which takes a second or two, and only when somebody has the id.
   */
  isSurelyAlive(pid: number, startedAt: string): Promise<boolean>;
}

/**
 * Processes of this machine. Linux tells when a process started, in ticks since a boot that has a name. Elsewhere a
 * process id counts as alive while somebody has it, unless its holder started before the machine did.
 */
export function nodeProcessProbe(): NodeProcessProbe {
  const bornMs = Math.round(Date.now() - process.uptime() * 1_000);
  return {
    pid: process.pid,
    startedAt: async (childPid) =>
      (await startOnLinux(childPid ?? process.pid)) ?? `ms:${childPid === undefined ? bornMs : Date.now()}`,
    async isAlive(pid, startedAt) {
      if (!exists(pid)) return false;
      if (startedAt.startsWith('ms:')) {
        const bootMs = Date.now() - uptime() * 1_000;
        return !(Number(startedAt.slice(3)) < bootMs - toleranceMs);
      }
      const start = await startOnLinux(pid);
      return start === null || start === startedAt;
    },
    async isSurelyAlive(pid, startedAt) {
      if (!exists(pid)) return false;
      if (!startedAt.startsWith('ms:')) return (await startOnLinux(pid)) === startedAt;
      return isChildStart(await windowsStartMs(pid), startedAt);
    },
  };
}

/** @param startedMs as the system has it; null when it can not tell. @param startedAt as it was noted of a child. */
export const isChildStart = (startedMs: number | null, startedAt: string): boolean =>
  startedMs !== null && Math.abs(startedMs - Number(startedAt.slice(3))) <= childToleranceMs;

/** Signal 0 asks only; a process of another user answers EPERM. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** proc(5): field 22 of /proc/<pid>/stat; the second field is in parentheses and may hold anything. */
async function startOnLinux(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
    ]);
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `linux:${boot.trim()}:${ticks}`;
  } catch {
    return null;
  }
}
