/** Ending programs with what they started. */
import { type ChildProcess, execFile } from 'node:child_process';

type EndSignal = 'SIGTERM' | 'SIGKILL';

/**
 * Ends a program and what it started: on Windows at once, elsewhere by a signal to the group, if it leads one. One that is
 * gone is no failure.
 */
export async function endTree(pid: number, signal: EndSignal): Promise<void> {
  const { env, platform } = process;
  if (platform === 'win32') {
    const taskkill = `${env.SystemRoot ?? 'C:\\Windows'}\\System32\\taskkill.exe`;
    await new Promise<void>((resolve) => {
      execFile(taskkill, ['/PID', String(pid), '/T', '/F'], { windowsHide: true, shell: false }, () => resolve());
    });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // Its group is gone, or it never led one.
  }
}

/** The same for a child, which is reached by itself too. */
export function endChild(child: ChildProcess, signal: EndSignal): void {
  if (child.pid === undefined) return;
  void endTree(child.pid, signal).then(() => child.kill(signal));
}
