import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { toolEnvironment, UpdaterError } from '@remendo/core';
import type { BuildMessage } from './build-job.js';

/** The built file: the same from here and from dist, where this file lies when it is built. */
const processFile = fileURLToPath(new URL('../../dist/jobs/build-delta-process.js', import.meta.url));

/** JavaScript heap of a build process; patches are made outside of it, in memory of WebAssembly. */
const heapMegabytesMax = 1_024;

export interface RunBuildOptions {
  readonly msMax: number;
  readonly signal: AbortSignal;
}

/**
 * Builds the job that lies in the work folder, in a process of its own.
 * @throws UpdaterError what the build failed with; SERVER_FAILED when the process died or took too long; the signal's reason.
 */
export function runBuildProcess(workFolder: string, options: RunBuildOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(processFile, [workFolder], {
      execArgv: [`--max-old-space-size=${heapMegabytesMax}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Nothing of the server's secrets.
      env: toolEnvironment(process.env),
    });
    let message: BuildMessage | undefined;
    let stopped: Error | undefined;
    const stop = (reason: Error): void => {
      stopped = reason;
      child.kill('SIGKILL');
    };
    const onAbort = (): void => stop(options.signal.reason as Error);
    const timer = setTimeout(() => stop(failed(`the build took longer than ${options.msMax} ms`)), options.msMax);
    options.signal.addEventListener('abort', onAbort, { once: true });
    if (options.signal.aborted) onAbort();
    child.on('message', (value) => {
      message = value as BuildMessage;
    });
    child.on('error', (cause) => {
      stopped ??= new UpdaterError('SERVER_FAILED', 'the build process can not be started', { cause });
      // A process that never was (too many open files) does not close either.
      if (child.pid === undefined) settle(null, null);
    });
    const settle = (exitCode: number | null, exitSignal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      if (message?.kind === 'built') resolve();
      else if (message?.kind === 'failed') reject(new UpdaterError(message.code, message.message));
      else reject(stopped ?? failed(`the build process ended by ${exitSignal ?? `exit code ${exitCode}`}`));
    };
    child.on('close', settle);
  });
}

const failed = (message: string): UpdaterError => new UpdaterError('SERVER_FAILED', message);
