/** Starting the application, and what counts as its coming up. */
import { isAbsolute, join } from 'node:path';
import { UpdaterError } from '../errors.js';
import type { Clock } from '../ports.js';
import type { StepCommand } from '../transaction/journal-record.js';

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

/** All that is given has to hold. */
export interface HealthRule {
  /**
   * Still running after this long (default 10 s). Ending before with code 0 counts as well: a launcher may hand over to
   * another program. Any other end disproves, at any time until all is proved.
   */
  readonly stillRunningAfterMs: number;
  /** A TCP port of this machine that accepts connections. */
  readonly port?: number;
  /** A file that is written after the start; absolute, or below the folder of the start command. */
  readonly file?: string;
  /** A program that ends with exit code 0; it is asked again until it does. Its time limit is for one asking. */
  readonly command?: StepCommand;
  /** How long port, file and command may take from the start on (default 60 s). */
  readonly withinMs?: number;
}

/** What health rules ask of the machine. None of them rejects. */
export interface HealthProbes {
  isListening(port: number): Promise<boolean>;
  /** Null: there is no such file. Changes with every writing. */
  fileStamp(path: string): Promise<string | null>;
  /** @returns why not, or null. */
  failureOf(command: StepCommand, signal: AbortSignal): Promise<string | null>;
}

export const defaultHealthRule: HealthRule = { stillRunningAfterMs: 10_000 };
const defaultWithinMs = 60_000;
const probeIntervalMs = 250;
/** For an application that is asked to end because it did not prove healthy. */
const stopWaitMs = 10_000;

export type StartProof =
  | { readonly kind: 'healthy'; readonly running: RunningApplication }
  | { readonly kind: 'failed'; readonly reason: string; readonly exit: ExitStatus };

export interface ProvePorts {
  readonly starter: ApplicationStarter;
  readonly clock: Clock;
  /** Needed for rules by port, file and command. */
  readonly probes?: HealthProbes;
}

/** Starts the application and waits until it has proved healthy or failed. One that failed does not run any more. */
export async function proveStart(
  ports: ProvePorts,
  command: StartCommand,
  rule: HealthRule = defaultHealthRule,
): Promise<StartProof> {
  const proofs = await proofsOf(ports, command, rule);
  const running = startOrFail(ports.starter, command);
  const waiting = new AbortController();
  const failedExit = running.exited.then((exit) =>
    exit.code === 0 ? new Promise<never>(() => {}) : { reason: failureOf(command, exit), exit },
  );
  const upLongEnough = Promise.race([
    running.exited.then(() => null),
    ports.clock.sleep(rule.stillRunningAfterMs, waiting.signal).then(
      () => null,
      () => null,
    ),
  ]);
  const proved = Promise.all([upLongEnough, proveAll(ports, proofs, { rule, signal: waiting.signal })]).then(([, why]) => why);
  const failure = await Promise.race([failedExit, proved]);
  waiting.abort();
  if (failure === null) return { kind: 'healthy', running };
  if (typeof failure !== 'string') return { kind: 'failed', ...failure };
  return { kind: 'failed', reason: failure, exit: await stopApplication(ports.clock, running) };
}

/** Asks until it is so; tells what is missing. */
interface Proof {
  readonly missing: string;
  readonly holds: (signal: AbortSignal) => Promise<boolean>;
}

async function proofsOf({ probes }: ProvePorts, { folder }: StartCommand, rule: HealthRule): Promise<readonly Proof[]> {
  const { port, command } = rule;
  if (port === undefined && rule.file === undefined && command === undefined) return [];
  if (probes === undefined) throw new UpdaterError('CONFIG_INVALID', 'this program can not probe ports, files or commands');
  const proofs: Proof[] = [];
  if (port !== undefined) proofs.push({ missing: `nothing listens on port ${port}`, holds: () => probes.isListening(port) });
  if (rule.file !== undefined) {
    const path = isAbsolute(rule.file) ? rule.file : join(folder, rule.file);
    const before = await probes.fileStamp(path);
    const isWritten = async (): Promise<boolean> => ![null, before].includes(await probes.fileStamp(path));
    proofs.push({ missing: `${rule.file} was not written`, holds: isWritten });
  }
  if (command !== undefined)
    proofs.push({
      missing: `${command.command} does not say that it is healthy`,
      holds: async (signal) => (await probes.failureOf(command, signal)) === null,
    });
  return proofs;
}

/** @returns what is missing when the time is over, or null. */
async function proveAll(
  { clock }: ProvePorts,
  proofs: readonly Proof[],
  { rule, signal }: { readonly rule: HealthRule; readonly signal: AbortSignal },
): Promise<string | null> {
  const { withinMs = defaultWithinMs } = rule;
  let isOver = false;
  // Slept, not read off the clock: that is put right just when a machine has come up.
  clock.sleep(withinMs, signal).then(
    () => {
      isOver = true;
    },
    () => undefined,
  );
  for (const { missing, holds } of proofs) {
    while (!signal.aborted && !(await holds(signal))) {
      if (isOver) return `${missing} within ${withinMs} ms`;
      await clock.sleep(probeIntervalMs, signal).catch(() => undefined);
    }
  }
  return null;
}

/** Politely, then not: what still runs holds files that have to go back. */
async function stopApplication(clock: Clock, running: RunningApplication): Promise<ExitStatus> {
  for (let asked = 0; asked < 2; asked++) {
    running.stop();
    const patience = new AbortController();
    const waited = clock.sleep(stopWaitMs, patience.signal).then(
      () => null,
      () => null,
    );
    const exit = await Promise.race([running.exited, waited]);
    patience.abort();
    if (exit !== null) return exit;
  }
  return { code: null, signal: null, error: 'it could not be ended' };
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
