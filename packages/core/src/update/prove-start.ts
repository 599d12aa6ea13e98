/** Starting the application, and what counts as its coming up. */
import type { Clock } from '../ports.js';

export interface StartCommand {
  /** A program: absolute, or below the install root, or on the PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** The folder it runs in; usually the install root. */
  readonly folder: string;
}

export interface ExitStatus {
  /** Null when a signal ended it, or when it could not be started at all. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started. */
  readonly error?: string;
}

export interface RunningApplication {
  /** Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Asks it to end; a second time, makes it. */
  stop(): void;
}

/** Starts programs; the caller's console becomes theirs. */
export interface ApplicationStarter {
  start(command: StartCommand): RunningApplication;
}

export interface HealthRule {
  /** Still running after this long proves it (default 10 s); ending before with code 0 does too, any other end disproves. */
  readonly stillRunningAfterMs: number;
}

export const defaultHealthRule: HealthRule = { stillRunningAfterMs: 10_000 };

export type StartProof =
  | { readonly kind: 'healthy'; readonly running: RunningApplication }
  | { readonly kind: 'failed'; readonly reason: string; readonly exit: ExitStatus };

/** Starts the application and waits until it has proved healthy or failed. */
export async function proveStart(
  ports: { readonly starter: ApplicationStarter; readonly clock: Clock },
  command: StartCommand,
  rule: HealthRule = defaultHealthRule,
): Promise<StartProof> {
  const running = startOrFail(ports.starter, command);
  const waiting = new AbortController();
  const outlived = ports.clock.sleep(rule.stillRunningAfterMs, waiting.signal).then(
    () => null,
    () => null,
  );
  const exit = await Promise.race([running.exited, outlived]);
  waiting.abort();
  if (exit === null || exit.code === 0) return { kind: 'healthy', running };
  return { kind: 'failed', reason: failureOf(command, exit), exit };
}

function startOrFail(starter: ApplicationStarter, command: StartCommand): RunningApplication {
  try {
    return starter.start(command);
  } catch (error) {
    return failedStart(error);
  }
}

/** A program that is not there, or that the system refuses at once because it is damaged: a failed start like any other. */
export const failedStart = (error: unknown): RunningApplication => ({
  exited: Promise.resolve({ code: null, signal: null, error: error instanceof Error ? error.message : String(error) }),
  stop: () => {},
});

function failureOf({ command }: StartCommand, exit: ExitStatus): string {
  if (exit.error !== undefined) return `${command} could not be started: ${exit.error}`;
  return exit.signal === null ? `${command} ended with exit code ${exit.code}` : `${command} was ended by ${exit.signal}`;
}
