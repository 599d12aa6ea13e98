/**
 * Starts the application as a child and stands between it and the system: signals go to the application while it runs.
 *
 * A person who ends the application while it still has to prove healthy says nothing about the update: then `exited`
 * never settles and `interrupted` does. The caller has to end the process then; the update stays committed, and the next
 * `launch` proves it again.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import {
  type ApplicationStarter,
  type ExitStatus,
  endChild,
  exitOf,
  failedStart,
  type RunningApplication,
  type StartCommand,
  startProgram,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';

export interface Supervised {
  readonly starter: ApplicationStarter;
  /** Settles when a signal ended the application before `proved` was called. */
  readonly interrupted: Promise<NodeJS.Signals>;
  /** From now on however the application ends is its own business. */
  proved(): void;
  /** Leaves the application running by itself: this process neither waits for it nor passes signals on. */
  letGo(): void;
}

export function superviseApplication({ output, takeSignals }: Pick<CommandContext, 'output' | 'takeSignals'>): Supervised {
  let child: ChildProcess | null = null;
  let isProved = false;
  let giveBack: () => void = () => {};
  let tellInterrupted: (signal: NodeJS.Signals) => void = () => {};
  const interrupted = new Promise<NodeJS.Signals>((resolve) => {
    tellInterrupted = resolve;
  });

  const startChild = (command: StartCommand): RunningApplication => {
    const running = startProgram(command, stdioOf(output.json));
    child = running;
    let passedOn: NodeJS.Signals | null = null;
    giveBack = takeSignals((signal) => {
      passedOn = signal;
      if (!reachesByItself(signal, { platform: process.platform, isConsole: process.stdin.isTTY === true })) running.kill(signal);
    });
    const exited = exitOf(running).then((exit) => {
      giveBack();
      if (passedOn === null || isProved) return exit;
      tellInterrupted(passedOn);
      return new Promise<ExitStatus>(() => {});
    });
    let asked = false;
    const stop = (): void => {
      endChild(running, asked ? 'SIGKILL' : 'SIGTERM');
      asked = true;
    };
    return { exited, stop };
  };
  const start = (command: StartCommand): RunningApplication => {
    output.progress.end();
    try {
      return startChild(command);
    } catch (error) {
      return failedStart(error);
    }
  };
  return {
    starter: { start },
    interrupted,
    proved() {
      isProved = true;
    },
    letGo() {
      giveBack();
      child?.unref();
    },
  };
}

/**
 * Ctrl-C reaches every program of the console. So does the end of the console on Windows; to send it there would kill
 * a program with windows, which the end of a console is nothing to.
 */
export const reachesByItself = (
  signal: NodeJS.Signals,
  { platform, isConsole }: { readonly platform: NodeJS.Platform; readonly isConsole: boolean },
): boolean => (signal === 'SIGINT' && isConsole) || (signal === 'SIGHUP' && platform === 'win32');

/** With --json the standard output belongs to JSON: what the application writes goes to the error output. */
const stdioOf = (json: boolean): StdioOptions => (json ? ['inherit', 2, 'inherit'] : 'inherit');
