/** What a process has used, told by itself. Imports next to nothing: its own memory is part of what it tells. */
import { readFileSync } from 'node:fs';

export interface Usage {
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** Resident memory at its highest. */
  readonly peakBytes: number;
}

/**
 * Of this process since it was started. On Linux the kernel's own count: the one that `resourceUsage` gives starts with
 * the peak of the process that started this one.
 */
export const peakBytes = (): number => peakBytesOf('self') ?? process.resourceUsage().maxRSS * 1024;

/** Of any process that still runs; null where the system does not tell. */
export function peakBytesOf(processId: number | 'self'): number | null {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readProc(`${processId}/status`))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

export function ownCpuSeconds(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) / 1e6;
}

/** Of all children that have ended; null where the system does not tell. Counted in hundredths of a second. */
export function childrenCpuSeconds(): number | null {
  const stat = readProc('self/stat');
  if (stat === '') return null;
  // The fields after the name, which may hold blanks: cutime and cstime are the 16th and 17th of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** What `work` took of this process. */
export async function measured(work: () => unknown): Promise<Usage> {
  const [cpuBefore, start] = [ownCpuSeconds(), performance.now()];
  await work();
  const wallSeconds = (performance.now() - start) / 1_000;
  return { cpuSeconds: ownCpuSeconds() - cpuBefore, wallSeconds, peakBytes: peakBytes() };
}
